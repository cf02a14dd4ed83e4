"""The archive in SQL: each turn once, at its place, by whom it may be written, and no one turn in the way of others."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import text

from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.conversations.database import Database
from greenroom.app.conversations.migrating import migrate
from greenroom.app.conversations.tables import (
    conversations,
    events,
    participants,
    sessions,
    tool_calls,
    turns,
    users,
)
from greenroom.app.errors.storage import DatabaseNewer, DatabaseOld
from greenroom.app.rooms.archive import Batch, Delivery, Departure, Refusal, Report, Unkept, Visit
from greenroom.app.rooms.conversations import Source, ToolCall, ToolStatus
from greenroom.app.rooms.session_events import Event
from greenroom.app.rooms.sessions import Reason, State
from tests.rigs.makers import a_session
from tests.sql.worlds import HERE, a_batch, a_turn, kept, rows


@pytest.fixture
def archive(database):
    return SqlArchive(database)


def of(*turns_, **facts):
    batch = a_batch(0, **facts)
    return replace(batch, deliveries=tuple(Delivery(turn, "a-session", 7) for turn in turns_))


def test_turns_are_kept_in_order_with_all_that_is_known_of_them(archive, database):
    text = '“Hé”,\nshe said. \\ " 😀'
    turn = a_turn(
        0,
        text,
        person="ada",
        interrupted=True,
        source=Source.RESTORED,
        epoch=10**15,
        started_ms=5,
        ended_ms=9,
    )

    assert archive.keep_turns([of(turn), a_batch(2, 1, conversation_id="another")]) == []

    (row,) = [row for row in rows(database, turns) if row["conversation_id"] == HERE]
    assert row == {
        "tenant": "main",
        "conversation_id": HERE,
        "sequence": 1,
        "id": "turn-0",
        "session_id": "a-session",
        "epoch": 10**15,
        "written_epoch": 7,
        "role": "user",
        "person": "ada",
        "content": text,
        "message": {"role": "user", "content": text},
        "interrupted": True,
        "started_ms": 5,
        "ended_ms": 9,
        "source": "restored",
    }
    assert kept(database, "another") == ["turn-1", "turn-2"]


def test_a_turn_that_is_delivered_twice_is_kept_once(archive, database):
    for _ in range(2):
        assert archive.keep_turns([a_batch(0, 1)]) == []
    archive.keep_turns([a_batch(1, 2)])

    assert kept(database) == ["turn-0", "turn-1", "turn-2"]
    assert [row["turn_count"] for row in rows(database, conversations)] == [3]


def test_a_turn_that_lost_its_place_on_the_way_is_kept_once(archive, database):
    """Redis lost its reply and everything else: the bot wrote it again, and it got another sequence."""
    archive.keep_turns([a_batch(0)])
    archive.keep_turns([of(a_turn(0, sequence=5))])

    assert kept(database) == ["turn-0"]


def test_of_two_turns_with_one_place_none_is_lost(archive, database):
    archive.keep_turns([of(a_turn(0), a_turn(1, sequence=1))])

    assert kept(database) == ["turn-0", "turn-1"]


def test_a_late_turn_of_a_replaced_bot_is_refused(archive, database):
    archive.keep_turns([a_batch(0, 1, by=7)])
    archive.keep_turns([a_batch(2, by=8)])

    assert archive.keep_turns([a_batch(3, by=7)]) == [Refusal(HERE, "turn-3", Unkept.LATE)]
    assert kept(database) == ["turn-0", "turn-1", "turn-2"]


def test_a_late_turn_is_refused_within_one_delivery_too(archive, database):
    late = Batch(
        HERE, "main", "ann", tuple(Delivery(a_turn(n), "a-session", by) for n, by in ((0, 7), (1, 8), (2, 7)))
    )

    assert archive.keep_turns([late]) == [Refusal(HERE, "turn-2", Unkept.LATE)]
    assert kept(database) == ["turn-0", "turn-1"]


def test_what_is_delivered_again_after_a_later_bot_s_turn_is_not_late(archive, database):
    archive.keep_turns([a_batch(0, by=7)])
    archive.keep_turns([a_batch(1, by=8)])

    assert archive.keep_turns([a_batch(0, by=7)]) == []
    assert kept(database) == ["turn-0", "turn-1"]


@pytest.mark.parametrize("is_one_delivery", [True, False])
def test_an_earlier_bot_s_turn_is_kept_though_the_next_one_s_in_another_conversation_is(
    archive, database, is_one_delivery
):
    """The bot died, another person began to speak with the next one, and their conversation was flushed first."""
    theirs, earlier = a_batch(1, conversation_id="0", by=8), a_batch(0, by=7)

    for batches in [[theirs, earlier]] if is_one_delivery else [[theirs], [earlier]]:
        assert archive.keep_turns(batches) == []

    assert kept(database) == ["turn-0"]


def test_another_session_s_bot_of_an_earlier_epoch_is_not_late(archive, database):
    """Epochs are of rooms: a user may have a bot in two of them, in one conversation."""
    archive.keep_turns([a_batch(0, by=9, session_id="in-another-room")])

    assert archive.keep_turns([a_batch(1, by=7)]) == []


def test_what_a_later_bot_writes_again_is_kept_though_an_earlier_one_said_it(archive, database):
    archive.keep_turns([a_batch(1, by=8)])

    assert archive.keep_turns([a_batch(0, by=8)]) == []
    assert kept(database) == ["turn-0", "turn-1"]


@pytest.mark.parametrize(
    "poison",
    [{"sequence": 10**30}, {"ended_ms": 10**30}, {"source": type("S", (str,), {"value": "rumour"})("x")}],
)
def test_a_turn_that_cannot_be_stored_is_told_and_holds_up_no_other(archive, database, poison):
    batches = [a_batch(*range(10), conversation_id="another"), of(a_turn(0), a_turn(1, **poison), a_turn(2))]
    (refusal,) = archive.keep_turns(batches)

    assert (refusal.conversation_id, refusal.turn_id, refusal.why) == (HERE, "turn-1", Unkept.UNSTORABLE)
    assert kept(database) == ["turn-0", "turn-2"]
    assert len(kept(database, "another")) == 10


def test_zero_characters_are_replaced(archive, database):
    call = ToolCall("call-1", "look", '{"at": "\0"}')
    assert archive.keep_turns([of(a_turn(0, "a\0b"), a_turn(1, "", tool_calls=(call,)))]) == []

    assert [row["content"] for row in rows(database, turns)] == ["a\ufffdb", ""]
    assert rows(database, tool_calls)[0]["arguments"] == '{"at": "\ufffd"}'


@pytest.mark.parametrize(("state", "error"), [("0000", DatabaseNewer), ("none", DatabaseOld)])
def test_tables_of_another_version_are_refused_and_nobody_s_turn_is_put_aside(empty_url, state, error):
    database = Database(empty_url)
    if state != "none":
        migrate(empty_url)
        with database.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :state"), {"state": state})
    with pytest.raises(error):
        SqlArchive(database).keep_turns([a_batch(0, 1)])
    with pytest.raises(error):
        SqlArchive(database).keep_session(a_report())
    database.close()


def test_what_a_tool_was_asked_and_what_came_of_it_is_one_row(archive, database):
    call, other = ToolCall("call-1", "look", '{"at": "the sky"}'), ToolCall("call-2", "sing", "not json")
    archive.keep_turns([of(a_turn(1, "", tool_calls=(call, other)))])
    answer = a_turn(
        2,
        "blue",
        role="tool",
        tool_call_id="call-1",
        tool_status=ToolStatus.FAILED,
        started_ms=10,
        ended_ms=15,
    )
    for _ in range(2):
        archive.keep_turns([of(replace(answer, id="turn-2"))])

    found = {
        row["id"]: (row["name"], row["result"], row["status"], row["took_ms"])
        for row in rows(database, tool_calls)
    }
    assert found == {"call-1": ("look", "blue", "failed", 5), "call-2": ("sing", None, "open", None)}


def test_several_that_keep_the_same_at_once_keep_it_once(archive, database):
    batches = [a_batch(*range(20), conversation_id=f"c-{n}") for n in range(5)]
    start, failures = threading.Barrier(4), []

    def keep(which):
        start.wait()
        try:
            for _ in range(5):
                assert archive.keep_turns(which) == []
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=keep, args=(which,)) for which in (batches, batches[::-1]) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failures == []
    assert len(rows(database, turns)) == 100
    assert {row["turn_count"] for row in rows(database, conversations)} == {20}


# Sessions


def a_report(*, state=State.LIVE, version=1, visits=(), epoch=7, **facts):
    session = replace(a_session(), state=state, version=version, epoch=epoch, created_ms=1000, **facts)
    history = (
        Event("1-0", 1, "pending", 7),
        Event("2-0", 2, "live", 8, reason="r", detail="d"),
    )
    return Report(session, history, visits)


def test_a_session_is_kept_as_it_stands(archive, database):
    archive.keep_session(a_report(version=2))
    archive.keep_turns([a_batch(0, 1)])
    ended = a_report(state=State.ENDED, version=3, reason=Reason.LEFT, updated_ms=61_000)
    for _ in range(2):
        assert archive.keep_session(ended) is None

    (row,) = rows(database, sessions)
    brief = ended.session.brief
    assert row["brief"]["user_id"] == brief.user_id
    assert {
        name: row[name] for name in ("state", "end_reason", "duration_ms", "message_count", "epochs")
    } == {
        "state": "ended",
        "end_reason": "left",
        "duration_ms": 60_000,
        "message_count": 2,
        "epochs": 2,
    }
    assert [(row["id"], row["event"]) for row in rows(database, events)] == [
        ("a-session/1-0", "pending"),
        ("a-session/2-0", "live"),
    ]


def test_an_earlier_state_of_a_session_does_not_undo_a_later_one(archive, database):
    archive.keep_session(a_report(state=State.ENDED, version=5))
    archive.keep_session(a_report(state=State.LIVE, version=4))

    assert rows(database, sessions)[0]["state"] == "ended"


def test_a_session_that_redis_lost_and_a_bot_wrote_again_counts_from_one(archive, database):
    archive.keep_session(a_report(version=9, epoch=7))
    archive.keep_session(a_report(state=State.WAITING, version=1, epoch=8))

    assert rows(database, sessions)[0]["state"] == "waiting"


def test_turns_that_came_before_their_session_are_counted(archive, database):
    archive.keep_turns([a_batch(0, 1, 2)])
    archive.keep_session(a_report())

    assert rows(database, sessions)[0]["message_count"] == 3


def test_what_tools_were_asked_is_no_message_whichever_comes_first(archive, database):
    asks = a_turn(1, "", tool_calls=(ToolCall("x", "clock", "{}"),))
    returned = a_turn(2, "ten", role="tool", tool_call_id="x")
    turns_of_it = [a_turn(0), asks, returned, a_turn(3)]
    deliveries = tuple(Delivery(turn, "a-session", 7) for turn in turns_of_it)
    archive.keep_turns([Batch(HERE, "main", "ann", deliveries[:2])])
    archive.keep_session(a_report())
    archive.keep_turns([Batch(HERE, "main", "ann", deliveries[2:])])
    archive.keep_turns([Batch(HERE, "main", "ann", (Delivery(replace(asks, id="later"), "a-session", 7),))])

    assert rows(database, sessions)[0]["message_count"] == 2


def test_people_are_kept_each_with_their_coming_and_going(archive, database):
    archive.keep_session(a_report(visits=(Visit("ann", 10), Visit("bob", 20, name="Bob"))))
    archive.keep_session(a_report(version=2, visits=(Visit("ann", 10, 30), Visit("ann", 40))))

    found = {(row["identity"], row["joined_ms"], row["left_ms"]) for row in rows(database, participants)}
    assert found == {("ann", 10, 30), ("bob", 20, None), ("ann", 40, None)}


def test_a_person_who_goes_after_redis_has_lost_their_coming_is_gone(archive, database):
    archive.keep_session(a_report(visits=(Visit("ann", 10), Visit("bob", 10, 20), Visit("bob", 40))))
    after = replace(a_report(version=2), departures=(Departure("bob", 30), Departure("ann", 50)))
    for _ in range(2):
        archive.keep_session(after)

    found = {(row["identity"], row["joined_ms"], row["left_ms"]) for row in rows(database, participants)}
    assert found == {("ann", 10, 50), ("bob", 10, 20), ("bob", 40, None)}


def test_who_is_met_by_another_bot_after_redis_has_lost_their_coming_is_there_once(archive, database):
    archive.keep_session(a_report(visits=(Visit("ann", 10), Visit("bob", 20))))
    later = a_report(epoch=8, visits=(Visit("ann", 40),))
    for _ in range(2):
        archive.keep_session(later)

    found = {(row["identity"], row["joined_ms"], row["left_ms"]) for row in rows(database, participants)}
    assert found == {("ann", 10, 40), ("bob", 20, None), ("ann", 40, None)}

    archive.keep_session(a_report(epoch=8, state=State.ENDED, version=2, updated_ms=70))
    found = {(row["identity"], row["joined_ms"], row["left_ms"]) for row in rows(database, participants)}
    assert found == {("ann", 10, 40), ("bob", 20, 70), ("ann", 40, 70)}


def test_when_a_session_has_ended_nobody_is_there(archive, database):
    archive.keep_session(a_report(visits=(Visit("ann", 10),)))
    archive.keep_session(a_report(state=State.ENDED, version=2, updated_ms=70))
    archive.keep_session(a_report(visits=(Visit("ann", 10),)))

    assert [row["left_ms"] for row in rows(database, participants)] == [70]


def test_what_happened_with_a_person_is_found_by_them(archive, database):
    came = Event("3-0", 3, "person_arrived", 8, person="bob")
    report = a_report()
    archive.keep_session(replace(report, events=(*report.events, came)))

    owner = report.session.brief.user_id
    assert {row["event"]: row["user_id"] for row in rows(database, events)} == {
        "pending": owner,
        "live": owner,
        "person_arrived": "bob",
    }


def test_a_conversation_is_its_owner_s_also_where_that_came_late(archive, database):
    archive.keep_turns([replace(a_batch(0), user_id="")])
    archive.keep_turns([a_batch(1)])
    archive.keep_turns([replace(a_batch(2), user_id="mallory")])

    (row,) = rows(database, conversations)
    assert row["user_id"] == "ann"
    assert {row["id"] for row in rows(database, users)} >= {"ann"}
