"""A person is erased: from both databases and from Redis, down to the files' bytes, and what comes late is not kept."""

import subprocess
import threading
from dataclasses import replace

import pytest
from sqlalchemy import event, insert

from greenroom.app.conversations import personal as sql_personal
from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.conversations.erasures import look
from greenroom.app.conversations.personal import OF_A_PERSON, SqlPersonal
from greenroom.app.conversations.tables import (
    assistants,
    conversations,
    erasures,
    events,
    facts,
    metadata,
    notes,
    participants,
    sessions,
    summaries,
    tool_calls,
    turns,
    users,
)
from greenroom.app.conversations.users import SqlUsers
from greenroom.app.errors.storage import BackendAway
from greenroom.app.errors.users import UserInSession
from greenroom.app.local.embedded_redis import temporary_redis
from greenroom.app.rooms.archive import Batch, Delivery, Report
from greenroom.app.rooms.conversations import BeginConversation, Record, ToolCall, ToolStatus, Turn
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.erasing import Erasing, Traces
from greenroom.app.rooms.flushing import Flusher
from greenroom.app.rooms.memory import FORGOTTEN
from greenroom.app.rooms.outboxes import ReadOutbox
from greenroom.app.rooms.session_events import Appearance, Happened, Note, ReadEvents
from greenroom.app.rooms.session_lists import Forget
from greenroom.app.rooms.sessions import Reason, State, Transition
from greenroom.app.rooms.visits import account_of
from greenroom.app.storage import erasing as redis_erasing
from greenroom.app.storage.ledger import RedisLedger
from tests.rigs.eventually import eventually
from tests.rigs.makers import a_session
from tests.rigs.postgresql import PROGRAMS
from tests.sql.worlds import rows

CANARY = "the canary sings at seven"
MINE, OTHERS = "c-a", "c-b"


@pytest.fixture
def archive(database):
    return SqlArchive(database)


@pytest.fixture
def flush(ledger, archive):
    return Flusher(ledger, archive).flush


@pytest.fixture
def personal(database):
    return SqlPersonal(database)


@pytest.fixture
def erase(ledger, personal):
    return Erasing(ledger, personal).erase


def a_stay(ledger, name, user_id, conversation_id):
    """A session of somebody's, that is on."""
    made = a_session(name)
    brief = replace(
        made.brief, user_id=user_id, conversation_id=conversation_id, instructions=f"for {user_id}"
    )
    session = replace(made, id=name, brief=brief, conversation_id=conversation_id)
    ledger.run(Create(session))
    return session


def say(ledger, session, turn_id, content, **facts):
    turn = Turn(turn_id, facts.pop("role", "user"), content, epoch=session.epoch, **facts)
    return ledger.run(
        Record(session.id, session.conversation_id, session.epoch, turn, owner=session.brief.owner)
    )


def end(ledger, session):
    ledger.run(Transition(session.id, State.ENDED, session.epoch, reason=Reason.LEFT))
    ledger.run(Forget(session.id, session.brief.user_id))


def everything_that_ann_did(ledger, database, flush):
    """Ann talks alone, and then in Ben's session; some of it is kept already, and some still waits."""
    own = a_stay(ledger, "s-a", "ann", MINE)
    say(ledger, own, "a-1", CANARY)
    call = ToolCall("call", "look", CANARY)
    say(ledger, own, "a-2", "", role="assistant", tool_calls=(call,))
    say(ledger, own, "a-3", CANARY, role="tool", tool_call_id="call", tool_status=ToolStatus.COMPLETED)
    bens = a_stay(ledger, "s-b", "ben", OTHERS)
    seen_as = Appearance(CANARY, {"badge": CANARY})
    ledger.run(Note(bens.id, Happened.PERSON_ARRIVED, bens.epoch, person="ann", appearance=seen_as))
    ledger.run(Note(bens.id, Happened.PERSON_ARRIVED, bens.epoch, person="ben"))
    say(ledger, bens, "b-1", "Ben was here.", person="ben")
    say(ledger, bens, "b-2", CANARY, person="ann")
    flush()
    SqlUsers(database).change(
        "ann", lambda old: old.with_more(profile={"first_name": CANARY}, preferences={"tea": CANARY})
    )
    at = {"tenant": "main", "created_ms": 1}
    with database.writing() as connection:
        for conversation_id in (MINE, OTHERS):
            told = {"conversation_id": conversation_id, "up_to": 1, "text": CANARY, "model": "m"}
            connection.execute(insert(summaries).values(**at, **told))
        said = {"user_id": "ann", "key": "likes", "text": CANARY}
        connection.execute(insert(facts).values(**at, **said, updated_ms=1))
        written = {"user_id": "ann", "id": CANARY, "title": CANARY, "text": CANARY}
        connection.execute(insert(notes).values(**at, **written, updated_ms=1))
    say(ledger, own, "a-4", CANARY)
    say(ledger, bens, "b-3", CANARY, person="ann")
    end(ledger, own)
    end(ledger, bens)
    return own, bens


def in_redis(server, text):
    """The keys under which, or in whose names, a text stands."""
    found = []
    for key in server.scan_iter():
        kind = server.type(key)
        read = {
            "string": server.get,
            "hash": server.hgetall,
            "list": lambda it: server.lrange(it, 0, -1),
            "zset": lambda it: server.zrange(it, 0, -1),
            "stream": server.xrange,
        }[kind]
        if text in f"{key} {read(key)}":
            found.append(key)
    return found


def all_bytes(database, tmp_path):
    """All that the database has written: SQLite's files as they lie there; of PostgreSQL, what a backup would hold."""
    if database.is_sqlite:
        return b"".join(path.read_bytes() for path in tmp_path.glob("greenroom.db*"))
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    dump = subprocess.run([PROGRAMS / "pg_dump", url], capture_output=True, check=True, timeout=60)
    return dump.stdout


def test_each_table_says_whose_its_rows_are():
    assert set(metadata.sorted_tables) == {*OF_A_PERSON, assistants, erasures}


@pytest.mark.heavy
def test_nothing_of_a_person_is_left_anywhere(ledger, server, database, flush, erase, tmp_path, capfd):
    everything_that_ann_did(ledger, database, flush)
    assert CANARY.encode() in all_bytes(database, tmp_path) and in_redis(server, CANARY)

    erased = erase("ann")

    assert in_redis(server, CANARY) == in_redis(server, "ann") == []
    assert CANARY.encode() not in all_bytes(database, tmp_path)
    assert (erased["users"], erased["conversations"], erased["facts"], erased["sessions"]) == (1, 1, 1, 1)
    assert (erased["turns"], erased["tool_calls"], erased["summaries"], erased["participants"]) == (
        4,
        1,
        2,
        1,
    )
    for table in OF_A_PERSON:
        assert not any("ann" in str(row).replace("channel", "") for row in rows(database, table)), table.name
    said = capfd.readouterr()
    assert CANARY not in said.out + said.err


def test_what_others_said_and_what_is_known_of_them_stays(ledger, database, flush, erase):
    everything_that_ann_did(ledger, database, flush)

    erase("ann")
    flush()

    assert [turn["content"] for turn in rows(database, turns)] == ["Ben was here."]
    assert [user["id"] for user in rows(database, users)] == ["ben"]
    assert [session["user_id"] for session in rows(database, sessions)] == ["ben"]
    assert {person["identity"] for person in rows(database, participants)} == {"ben"}
    assert {event["user_id"] for event in rows(database, events)} == {"ben"}


def test_what_comes_late_is_not_kept(ledger, database, archive, flush, erase):
    own, bens = everything_that_ann_did(ledger, database, flush)
    long_ago = {"started_ms": 5, "ended_ms": 5, "sequence": 9}
    late = [
        Batch(MINE, "main", "ann", (Delivery(Turn("l-1", "user", CANARY, **long_ago), own.id, 7),)),
        Batch(MINE, "main", "", (Delivery(Turn("l-2", "user", CANARY, **long_ago), None, 7),)),
        Batch(
            OTHERS,
            "main",
            "ben",
            (Delivery(Turn("l-3", "user", CANARY, person="ann", **long_ago), bens.id, 7),),
        ),
    ]
    history = tuple(ledger.run(ReadEvents(bens.id)))
    erase("ann")

    assert archive.keep_turns(late) == []
    archive.keep_session(Report(bens, history, account_of(history).visits))
    assert "ann" not in [event["user_id"] for event in rows(database, events)]
    assert "ann" not in [person["identity"] for person in rows(database, participants)]
    say(ledger, own, "l-4", CANARY)  # a bot that has not heard that it is replaced
    flush()

    assert CANARY not in str(rows(database, turns))
    assert "ann" not in [user["id"] for user in rows(database, users)]
    assert [each["id"] for each in rows(database, conversations)] == [OTHERS]


def test_who_keeps_something_just_now_is_waited_for(database, archive, personal):
    """Else it would come after all, behind the erasure's back."""
    erases = threading.Thread(target=personal.note_erased, args=("ann", 9, Traces()))
    with database.writing() as connection:
        look(connection, [("user", "main", "ann")])
        erases.start()
        erases.join(0.3)
        assert erases.is_alive()
    erases.join(20)

    assert not erases.is_alive() and len(rows(database, erasures)) == 1


def test_who_comes_back_is_new(ledger, database, flush, erase):
    everything_that_ann_did(ledger, database, flush)
    erase("ann")

    again = a_stay(ledger, "s-a-again", "ann", MINE)
    say(ledger, again, "n-1", "Hello again.")
    flush()

    assert "Hello again." in [turn["content"] for turn in rows(database, turns)]
    assert again.id in [session["id"] for session in rows(database, sessions)]


def test_a_person_with_whom_a_bot_is_just_now_is_not_erased(ledger, database, flush, erase):
    own = a_stay(ledger, "s-a", "ann", MINE)
    say(ledger, own, "a-1", CANARY)
    bens = a_stay(ledger, "s-b", "ben", OTHERS)
    ledger.run(Note(bens.id, Happened.PERSON_ARRIVED, bens.epoch, person="ann"))
    flush()

    with pytest.raises(UserInSession) as refused:
        erase("ann")

    assert sorted(refused.value.facts["sessions"]) == ["s-a", "s-b"]
    assert rows(database, turns) and rows(database, erasures) == []


def test_an_erasure_that_broke_off_is_done_again(
    ledger, server, database, personal, flush, erase, monkeypatch
):
    everything_that_ann_did(ledger, database, flush)
    with monkeypatch.context() as broken:
        broken.setattr(personal, "erase", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erase("ann")

    erase("ann")

    assert in_redis(server, "ann") == []
    assert CANARY not in str([rows(database, table) for table in OF_A_PERSON])
    assert set(erase("ann").values()) == {0}


def test_much_is_deleted_in_short_transactions(ledger, database, archive, erase, monkeypatch):
    monkeypatch.setattr(sql_personal, "ROWS_AT_ONCE", 3)
    deliveries = tuple(
        Delivery(Turn(f"t-{at}", "user", "x", sequence=at, started_ms=at, ended_ms=at), "s", 7)
        for at in range(10)
    )
    archive.keep_turns([Batch(MINE, "main", "ann", deliveries), Batch(OTHERS, "main", "ben", deliveries[:2])])

    at_once = []

    @event.listens_for(database.engine, "after_cursor_execute")
    def count(connection, cursor, statement, *_):
        if statement.startswith("DELETE FROM turns"):
            at_once.append(cursor.rowcount)

    assert erase("ann")["turns"] == 10
    assert at_once == [3, 3, 3, 1]
    assert len(rows(database, turns)) == 2


def test_an_erasure_waits_for_no_outbox_and_leaves_others_there(ledger, database, flush, erase):
    bens = a_stay(ledger, "s-b", "ben", OTHERS)
    say(ledger, bens, "b-1", "first", person="ann")
    say(ledger, bens, "b-2", "second", person="ben")
    end(ledger, bens)

    erase("ann")

    left = ledger.run(ReadOutbox(OTHERS)).entries
    assert [entry.delivery.turn.id for entry in left] == ["b-2"]


def test_all_that_is_kept_of_a_person_is_told(ledger, database, personal, flush, monkeypatch):
    monkeypatch.setattr(sql_personal, "ROWS_AT_ONCE", 2)
    everything_that_ann_did(ledger, database, flush)
    flush()

    told = {name: list(of_it) for name, of_it in personal.rows("ann")}

    assert set(told) == {table.name for table in OF_A_PERSON}
    assert sorted(turn["id"] for turn in told["turns"]) == ["a-1", "a-2", "a-3", "a-4", "b-2", "b-3"]
    assert [user["profile"] for user in told["users"]] == [{"first_name": CANARY}]
    assert told["facts"] and told["summaries"] and told["participants"] and told["events"]
    assert len(told["tool_calls"]) == len(rows(database, tool_calls)) == 1
    assert {event["session_id"] for event in told["events"]} == {"s-a", "s-b"}  # she came to another's, too
    assert len(rows(database, events)) > len(told["events"])


def test_an_account_says_how_much_there_is(ledger, database, personal, flush):
    everything_that_ann_did(ledger, database, flush)
    flush()

    account = personal.account("ann")

    assert account.counts == {"conversations": 1, "sessions": 1, "turns": 6, "facts": 1, "notes": 1}
    assert account.last_seen_ms > 1_700_000_000_000
    assert [fact["key"] for fact in personal.facts("ann")] == ["likes"]
    assert personal.account("nobody").last_seen_ms is None


def test_a_user_is_known_as_long_as_anything_is_kept_of_them(ledger, database, flush, personal, erase):
    """Of somebody who only came to another's session nothing is said, and their visits are kept."""
    everything_that_ann_did(ledger, database, flush)
    bens = a_stay(ledger, "s-c", "ben", "another")
    ledger.run(Note(bens.id, Happened.PERSON_ARRIVED, bens.epoch, person="carl"))
    flush()

    assert [personal.is_known(each) for each in ("ann", "carl", "dora")] == [True, True, False]
    erase("ann")
    assert not personal.is_known("ann")


def test_that_something_is_to_be_forgotten_is_told_as_no_fact(database, personal):
    with database.writing() as connection:
        at = {"tenant": "main", "created_ms": 1, "updated_ms": 1}
        connection.execute(insert(users).values(**at, id="ann", profile={}, preferences={}))
        for key in (FORGOTTEN, "dog"):
            connection.execute(insert(facts).values(**at, user_id="ann", key=key, text="Rex"))

    exported = {name: list(found) for name, found in personal.rows("ann")}
    assert [row["key"] for row in exported["facts"]] == ["dog"]
    assert personal.account("ann").counts["facts"] == 1
    assert personal.erase("ann")["facts"] == 1
    assert rows(database, facts) == []


def test_another_s_history_outlives_who_had_the_last_conversation_in_it(ledger, database, flush, erase):
    bens = a_stay(ledger, "s-d", "ben", OTHERS)
    ledger.run(BeginConversation(bens.id, bens.epoch, MINE, "main/ann"))
    ledger.run(Note(bens.id, Happened.CONVERSATION_BEGUN, bens.epoch, person="ann", conversation_id=MINE))
    say(ledger, replace(bens, conversation_id=MINE), "a-9", CANARY)
    flush()
    end(ledger, bens)
    flush()

    erase("ann")
    assert {event["event"] for event in rows(database, events)} == {"pending", "ended"}


@pytest.mark.heavy
def test_the_file_of_our_own_redis_is_written_anew(database, personal, tmp_path):
    """It told for ever what Redis had forgotten: a small one is never rewritten by itself."""
    with temporary_redis() as settings:
        ledger = RedisLedger(settings.redis_url)
        own = a_stay(ledger, "s-a", "ann", MINE)
        say(ledger, own, "a-1", CANARY)
        end(ledger, own)

        def is_on_disk():
            files = [path for path in settings.var_dir.rglob("*.aof") if path.is_file()]
            assert files
            return any(CANARY.encode() in path.read_bytes() for path in files)

        eventually(is_on_disk)
        Erasing(ledger, personal, redis_keeps_file=True).erase("ann")
        eventually(lambda: not is_on_disk())
        ledger.close()


def test_of_much_that_was_told_what_was_theirs_goes_and_the_rest_stays(ledger, server, erase, monkeypatch):
    monkeypatch.setattr(redis_erasing, "TOLD_AT_ONCE", 2)
    for number in range(3):
        for name, user in ((f"s-a{number}", "ann"), (f"s-b{number}", "ben")):
            end(ledger, a_stay(ledger, name, user, f"c-{name}"))
    bens = a_stay(ledger, "s-b", "ben", OTHERS)
    ledger.run(Note(bens.id, Happened.PERSON_ARRIVED, bens.epoch, person="ann"))
    end(ledger, bens)

    erase("ann")
    told = [entry for _, entry in server.xrange("events:told")]
    assert [entry["type"] for entry in told].count("session.ended") == 4
    assert {entry["user"] for entry in told} == {"ben"} and not any("person" in entry for entry in told)


class Elsewhere:
    """A backend that is away at first."""

    def __init__(self):
        self.asked = []

    def erase(self, *about):
        self.asked.append(about)
        if len(self.asked) == 1:
            raise BackendAway


def test_a_backend_of_ones_own_is_told_until_it_has_done_it(ledger, server, database, flush, personal):
    everything_that_ann_did(ledger, database, flush)
    elsewhere = Elsewhere()
    erasing = Erasing(ledger, personal, elsewhere=elsewhere)

    with pytest.raises(BackendAway):
        erasing.erase("ann")
    assert in_redis(server, CANARY) == []
    erasing.erase("ann")
    assert [about[:2] for about in elsewhere.asked] == [("main", "ann")] * 2
    assert in_redis(server, "ann") == []
