"""The flush: from Redis's outboxes into SQL, each turn once and in order, whatever is away or ends in between."""

import json
import re
import threading
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.conversations.database import Database
from greenroom.app.conversations.tables import conversations, metadata, participants, sessions
from greenroom.app.errors.storage import DatabaseAway
from greenroom.app.rooms.archive import Refusal, Unkept
from greenroom.app.rooms.conversations import BeginConversation
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.flushing import OF_ONE_CONVERSATION, Flusher
from greenroom.app.rooms.outboxes import (
    UNSTORABLE_KEPT_FOR,
    Changed,
    ChangedSessions,
    ReadOutbox,
    ReadWaiting,
    SessionKept,
    Settle,
    WaitingOutboxes,
)
from greenroom.app.rooms.pauses import FIRST_PAUSE, LONGEST_PAUSE
from greenroom.app.rooms.session_events import Appearance, Happened, Note, ReadEvents
from greenroom.app.rooms.sessions import Reason, State, Succeed, Transition
from greenroom.app.storage import keys
from greenroom.app.storage.conversations import OUTBOX_HOLDS
from tests.rigs.makers import a_session
from tests.rigs.redis_world import pass_time
from tests.sql.worlds import HERE, kept, rows, say

SECOND = timedelta(seconds=1)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def pass_time(self, by):
        self.now += by.total_seconds()


class AwayForNow:
    """An archive that can be away, and counts how often it is asked."""

    def __init__(self, archive):
        self.archive, self.is_away, self.asked = archive, False, 0

    def keep_turns(self, batches):
        self.asked += 1
        if self.is_away:
            raise DatabaseAway(because="OperationalError")
        return self.archive.keep_turns(batches)

    def keep_session(self, report):
        return self.archive.keep_session(report)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def archive(database):
    return AwayForNow(SqlArchive(database))


@pytest.fixture
def flusher(ledger, archive, clock):
    return Flusher(ledger, archive, clock=clock)


def in_outbox(ledger, conversation_id=HERE):
    found = ledger.run(ReadOutbox(conversation_id)).entries
    return [entry.delivery.turn.id if entry.delivery else None for entry in found]


def test_what_was_said_is_kept_and_taken_out_of_the_outbox(ledger, flusher, database, server):
    for number in range(4):
        say(ledger, number)
    say(ledger, 0, conversation_id="another", owner="acme/bob")

    assert flusher.flush().turns == 5
    assert kept(database) == ["turn-0", "turn-1", "turn-2", "turn-3"]
    owners = {(row["tenant"], row["id"], row["user_id"]) for row in rows(database, conversations)}
    assert owners == {("main", HERE, "ann"), ("acme", "another", "bob")}
    assert in_outbox(ledger) == []
    assert ledger.run(WaitingOutboxes()) == []
    assert server.zcard(keys.turns(HERE)) == 4  # what a bot reads stays


def test_where_nothing_waits_the_archive_is_not_asked(flusher, archive):
    assert flusher.flush().has_done_nothing
    assert archive.asked == 0


def test_an_outbox_of_thousands_is_emptied_and_in_order(ledger, flusher, database):
    count = OF_ONE_CONVERSATION * 2 + 10
    for number in range(count):
        say(ledger, number)

    assert flusher.flush().turns == count
    assert kept(database) == [f"turn-{number}" for number in range(count)]


def test_a_turn_that_comes_while_the_others_are_kept_stays(ledger, clock, database):
    class Slow(SqlArchive):
        def keep_turns(self, batches):
            if kept(database) == []:
                say(ledger, 2)
            return super().keep_turns(batches)

    say(ledger, 0)
    say(ledger, 1)
    flusher = Flusher(ledger, Slow(database), clock=clock)
    flusher.flush(timedelta(0))  # nothing
    flusher.flush()

    assert kept(database) == ["turn-0", "turn-1", "turn-2"]
    assert ledger.run(WaitingOutboxes()) == []


def test_what_somebody_else_has_taken_out_is_passed_over(ledger):
    for number in range(5):
        say(ledger, number)
    mine = [entry.mark for entry in ledger.run(ReadOutbox(HERE)).entries]

    assert ledger.run(Settle(HERE, tuple(mine[:3]))) == 3
    assert ledger.run(Settle(HERE, tuple(mine[:4]))) == 1
    assert in_outbox(ledger) == ["turn-4"]
    assert ledger.run(WaitingOutboxes()) == [HERE]
    assert ledger.run(Settle(HERE, tuple(mine))) == 1
    assert ledger.run(Settle(HERE, tuple(mine))) == 0


def test_several_that_flush_at_once_keep_each_turn_once(ledger, database_url, database):
    for conversation in range(20):
        for number in range(30):
            say(ledger, number, conversation_id=f"c-{conversation}")
    failures = []

    def flush():
        own = Database(database_url)
        try:
            while ledger.run(WaitingOutboxes()):
                flusher = Flusher(ledger, SqlArchive(own))
                flusher.flush()
        except Exception as error:
            failures.append(error)
        finally:
            own.close()

    threads = [threading.Thread(target=flush) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failures == []
    for conversation in range(20):
        assert kept(database, f"c-{conversation}") == [f"turn-{number}" for number in range(30)]
    assert {row["turn_count"] for row in rows(database, conversations)} == {30}


def test_one_thread_of_a_process_flushes_and_the_others_do_not_wait(ledger, database, clock):
    class Nested(SqlArchive):
        def keep_turns(self, batches):
            assert flusher.flush() is None
            return super().keep_turns(batches)

    flusher = Flusher(ledger, Nested(database), clock=clock)
    say(ledger, 0)

    assert flusher.flush().turns == 1


def test_while_the_archive_is_away_turns_wait_and_it_is_asked_less_and_less(
    ledger, flusher, archive, clock, database
):
    archive.is_away = True
    for number in range(200):
        say(ledger, number)
        flusher.flush()
        clock.pass_time(SECOND)
    assert len(in_outbox(ledger)) == 200
    assert 200 / LONGEST_PAUSE.total_seconds() <= archive.asked <= 15
    archive.is_away = False
    clock.pass_time(LONGEST_PAUSE)

    assert flusher.flush().turns == 200
    assert kept(database) == [f"turn-{number}" for number in range(200)]


def test_when_the_archive_is_back_the_pause_is_short_again(ledger, flusher, archive, clock):
    for _ in range(2):
        archive.is_away = True
        say(ledger, 0)
        for _ in range(6):
            flusher.flush()
            clock.pass_time(LONGEST_PAUSE)
        archive.is_away = False
        flusher.flush()
    archive.is_away, archive.asked = True, 0
    say(ledger, 1)
    flusher.flush()
    clock.pass_time(FIRST_PAUSE)
    flusher.flush()

    assert archive.asked == 2


def test_that_the_archive_is_away_is_said_without_a_word_of_what_was(ledger, flusher, archive):
    archive.is_away = True
    say(ledger, 0, content="marzipan")
    with capture_logs() as lines:
        flusher.flush()

    assert [line["event"] for line in lines] == ["flush_failed"]
    assert (lines[0]["kind"], lines[0]["because"]) == ("database-away", "OperationalError")
    assert "marzipan" not in str(lines)


@pytest.mark.parametrize("damage", ["no json", "[]", "{}", '{"id": 1}', b"\xff\xfe"])
def test_an_entry_that_nobody_can_read_is_put_aside_and_holds_up_no_other(
    ledger, flusher, database, server, damage
):
    say(ledger, 0)
    server.rpush(keys.outbox(HERE), damage)
    say(ledger, 1)
    with capture_logs() as lines:
        flusher.flush()

    assert kept(database) == ["turn-0", "turn-1"]
    assert server.llen(keys.unstorable(HERE)) == 1
    assert [line["event"] for line in lines] == ["outbox_rejected"]
    assert ledger.run(ReadWaiting(())).unstorable == 1


def test_a_turn_that_the_archive_refuses_is_put_aside_and_holds_up_no_other(ledger, clock, database, server):
    class Picky(SqlArchive):
        def keep_turns(self, batches):
            super().keep_turns(batches)
            return [Refusal(HERE, "turn-1", Unkept.UNSTORABLE, "DataError")]

    ledger.run(Create(a_session(conversation_id=HERE)))
    for number in range(3):
        say(ledger, number)
    with capture_logs() as lines:
        done = Flusher(ledger, Picky(database), clock=clock).flush()

    assert (done.turns, done.refused) == (3, 1)
    assert [json.loads(entry)["id"] for entry in server.lrange(keys.unstorable(HERE), 0, -1)] == ["turn-1"]
    assert server.pttl(keys.unstorable(HERE)) > (UNSTORABLE_KEPT_FOR - SECOND) / timedelta(milliseconds=1)
    assert [line["event"] for line in lines] == ["turn_rejected"]
    told = [event for event in ledger.run(ReadEvents("a-session")) if event.event == "turn_unkept"]
    assert [(each.detail, each.conversation_id, each.sequence) for each in told] == [("DataError", HERE, 2)]


def test_what_was_put_aside_goes_after_a_month(ledger, flusher, server, redis_url):
    server.rpush(keys.outbox(HERE), "damage")
    say(ledger, 0)
    flusher.flush()
    pass_time(redis_url, UNSTORABLE_KEPT_FOR + SECOND)
    say(ledger, 1)
    flusher.flush()

    assert not server.exists(keys.unstorable(HERE))
    assert ledger.run(ReadWaiting(())).unstorable == 0


def test_a_late_turn_that_redis_could_not_tell_is_refused_and_taken_out(ledger, flusher, database):
    """Redis had lost the session's record, which says whose turn it is to write."""
    say(ledger, 0, epoch=7)
    say(ledger, 1, epoch=8)
    flusher.flush()
    say(ledger, 2, epoch=7)
    with capture_logs() as lines:
        flusher.flush()

    assert kept(database) == ["turn-0", "turn-1"]
    assert in_outbox(ledger) == []
    assert [line["event"] for line in lines] == ["turn_refused"]


def test_turns_that_waited_while_their_bot_was_replaced_are_not_late(
    ledger, flusher, archive, clock, database
):
    archive.is_away = True
    ledger.run(Create(a_session(user_id="ada", conversation_id=HERE)))
    say(ledger, 0, epoch=7, owner="main/ada")
    flusher.flush()
    ledger.run(Succeed("a-session", 8, "lost", State.PENDING))
    say(ledger, 1, epoch=8, owner="main/ada")
    archive.is_away = False
    clock.pass_time(LONGEST_PAUSE)
    flusher.flush()

    assert kept(database) == ["turn-0", "turn-1"]


def test_whose_a_conversation_is_is_known_for_as_long_as_a_turn_may_wait(
    ledger, flusher, database, redis_url
):
    ledger.run(Create(a_session(user_id="ada", conversation_id=HERE)))
    say(ledger, 0, owner="")
    pass_time(redis_url, timedelta(days=2, hours=20))
    flusher.flush()

    assert [row["user_id"] for row in rows(database, conversations)] == ["ada"]


# Sessions


def test_a_session_is_kept_as_it_begins_and_as_it_ends_with_who_was_there(ledger, flusher, database):
    ledger.run(Create(a_session()))
    flusher.flush()
    assert [row["state"] for row in rows(database, sessions)] == ["pending"]
    ledger.run(Transition("a-session", State.JOINING, 7))
    ledger.run(Transition("a-session", State.LIVE, 7))
    ledger.run(Note("a-session", Happened.PERSON_ARRIVED, 7, person="ada"))
    flusher.flush()
    assert [row["left_ms"] for row in rows(database, participants)] == [None]
    ledger.run(Note("a-session", Happened.PERSON_LEFT, 7))
    ledger.run(Transition("a-session", State.ENDED, 7, reason=Reason.LEFT))
    flusher.flush()

    (row,) = rows(database, sessions)
    assert (row["state"], row["end_reason"], row["user_id"]) == ("ended", "left", "ada")
    assert row["duration_ms"] == row["ended_ms"] - row["created_ms"] >= 0
    (person,) = rows(database, participants)
    assert (person["identity"], person["left_ms"] >= person["joined_ms"]) == ("ada", True)
    assert ledger.run(ChangedSessions()) == []


def test_each_stay_of_each_person_is_kept_through_the_deaths_of_bots(ledger, flusher, database):
    ledger.run(Create(a_session()))
    ledger.run(Transition("a-session", State.JOINING, 7))
    ledger.run(Transition("a-session", State.LIVE, 7))
    for person in ("ann", "bob"):
        appearance = Appearance(person.title(), {"seat": 3})
        ledger.run(Note("a-session", Happened.PERSON_ARRIVED, 7, person=person, appearance=appearance))
    flusher.flush()
    ledger.run(Succeed("a-session", 8, "lost", State.PENDING))
    ledger.run(Note("a-session", Happened.PERSON_LEFT, 7, person="ann"))  # too late
    flusher.flush()
    ledger.run(Transition("a-session", State.JOINING, 8))
    ledger.run(Transition("a-session", State.LIVE, 8))
    ledger.run(Note("a-session", Happened.PERSON_ARRIVED, 8, person="ann"))
    ledger.run(Note("a-session", Happened.PERSON_LEFT, 8, person="ann"))
    ledger.run(Note("a-session", Happened.PERSON_ARRIVED, 8, person="ann"))
    flusher.flush()
    ledger.run(Transition("a-session", State.ENDED, 8))  # bob has not come back
    for _ in range(2):
        flusher.flush()

    events = ledger.run(ReadEvents("a-session"))
    at_ms = {(event.event, event.epoch): event.at_ms for event in events}
    lost_ms, left_ms, ended_ms = at_ms["lost", 8], at_ms["person_left", 8], at_ms["ended", 8]
    found = sorted(rows(database, participants), key=lambda row: (row["identity"], row["joined_ms"]))
    assert [(row["identity"], row["name"], row["left_ms"]) for row in found] == [
        ("ann", "Ann", left_ms),
        ("ann", None, ended_ms),
        ("bob", "Bob", lost_ms),
    ]
    assert found[0]["metadata"] == {"seat": 3}


def test_that_a_session_is_over_is_told_when_its_words_and_its_end_are_kept(ledger, archive, database):
    told = []

    def note(session):
        (row,) = rows(database, sessions)
        told.append((session.id, row["state"], kept(database)))

    flusher = Flusher(ledger, archive, on_ended=note)
    ledger.run(Create(a_session()))
    say(ledger, 0)
    flusher.flush()
    assert told == []

    say(ledger, 1)
    ledger.run(Transition("a-session", State.ENDED, 7, reason=Reason.LEFT))
    flusher.flush()
    flusher.flush()

    assert told == [("a-session", "ended", ["turn-0", "turn-1"])]


def test_another_s_conversation_is_kept_as_theirs(ledger, flusher, database):
    ledger.run(Create(a_session(user_id="ada")))
    ledger.run(Note("a-session", Happened.PERSON_ARRIVED, 7, person="bob"))
    ledger.run(BeginConversation("a-session", 7, "of-bob", "main/bob"))
    say(ledger, 0, conversation_id="of-bob", owner="main/bob")
    flusher.flush()

    owners = {row["id"]: row["user_id"] for row in rows(database, conversations)}
    assert owners["of-bob"] == "bob"
    assert rows(database, sessions)[0]["conversation_id"] == "of-bob"


def test_a_session_that_changes_while_it_is_kept_is_kept_again(ledger):
    ledger.run(Create(a_session()))
    (before,) = ledger.run(ChangedSessions())
    ledger.run(Transition("a-session", State.JOINING, 7))
    ledger.run(SessionKept(before))
    (after,) = ledger.run(ChangedSessions())
    ledger.run(SessionKept(after))

    assert before != after
    assert ledger.run(ChangedSessions()) == []


def test_a_session_that_nobody_knows_any_more_is_no_longer_listed(ledger, flusher, server):
    server.zadd(keys.SESSIONS_CHANGED, {"forgotten": 1})
    flusher.flush()

    assert ledger.run(ChangedSessions()) == []
    assert ledger.run(SessionKept(Changed("forgotten", "1"))) is None


# What is seen of it


def test_what_waits_is_told_with_its_size_and_age(ledger, server):
    assert ledger.run(ReadWaiting(())) == ledger.run(ReadWaiting(tuple(ledger.run(WaitingOutboxes()))))
    for number in range(3):
        say(ledger, number)
    say(ledger, 0, conversation_id="another")
    ledger.run(Create(a_session()))
    waiting = ledger.run(ReadWaiting(tuple(ledger.run(WaitingOutboxes()))))

    assert (waiting.conversations, waiting.turns, waiting.fullest, waiting.sessions) == (2, 4, 3, 1)
    first = ledger.run(ReadOutbox(HERE)).entries[0].delivery.turn
    assert waiting.oldest_ms == first.ended_ms


def test_turns_that_had_no_room_are_counted(ledger, server):
    server.rpush(keys.outbox(HERE), *["{}"] * OUTBOX_HOLDS)
    say(ledger, 0)
    say(ledger, 1)

    assert ledger.run(ReadWaiting(())).dropped == 2


def test_halves_of_characters_do_not_keep_a_turn_from_being_written(ledger, flusher, database):
    """A model that is cut off may leave half of one; Redis's JSON refuses it, and the bot would try for ever."""
    assert say(ledger, 0, content="a \ud83d") == 1
    flusher.flush()

    assert kept(database) == ["turn-0"]


CANARY = "the canary sings at midnight"


def tables_with(database, words):
    return {
        name
        for name, table in metadata.tables.items()
        if any(words in str(row) for row in rows(database, table))
    }


def keys_with(server, words):
    """The kinds of Redis's keys that hold these words."""
    reads = {"string": server.get, "hash": server.hgetall, "stream": server.xrange}
    found = set()
    for key in server.scan_iter():
        read = reads.get(server.type(key))
        held = read(key) if read else server.sort(key, by="nosort", alpha=True)
        if words in str(held):
            found.add(re.sub(r"\{.*\}", "", key))
    return found


def test_what_was_said_is_among_the_turns_and_nowhere_else(ledger, flusher, database, archive, clock, server):
    ledger.run(Create(a_session(user_id="ann", conversation_id=HERE)))
    ledger.run(Note("a-session", Happened.PERSON_ARRIVED, 7, person="ann"))
    with capture_logs() as lines:
        archive.is_away = True
        say(ledger, 0, content=CANARY)
        flusher.flush()
        assert keys_with(server, CANARY) == {"conversation::turns", "conversation::outbox"}
        archive.is_away = False
        clock.pass_time(LONGEST_PAUSE)
        say(ledger, 1, content=CANARY, epoch=8)
        flusher.flush()
        say(ledger, 2, content=CANARY, epoch=8)
        ledger.run(Transition("a-session", State.ENDED, 7, reason=Reason.LEFT))
        flusher.flush()

    assert tables_with(database, CANARY) == {"turns"}
    assert keys_with(server, CANARY) == {"conversation::turns"}
    assert {"flush_failed"} <= {line["event"] for line in lines}
    assert CANARY not in str(lines)
