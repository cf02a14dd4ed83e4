"""A conversation that goes on after Redis has forgotten it: its last turns in order, and nothing to be forgotten."""

import pytest

from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.conversations.taking_up import SqlEarlier
from greenroom.app.errors.storage import DatabaseAway
from greenroom.app.rooms.archive import Batch, Delivery
from greenroom.app.rooms.conversations import (
    SUMMARY,
    ReadTurns,
    Record,
    SumsUp,
    TakeUp,
    ToolCall,
    ToolStatus,
    Turn,
)
from greenroom.app.rooms.flushing import Flusher
from greenroom.app.rooms.taking_up import TURNS_AT_MOST
from greenroom.app.storage import keys


@pytest.fixture
def keep(database):
    archive = SqlArchive(database)

    def of(conversation_id, *turns, user_id="ann"):
        deliveries = tuple(Delivery(turn, "a-session", 7) for turn in turns)
        archive.keep_turns([Batch(conversation_id, "main", user_id, deliveries)])

    return of


def a_turn(sequence, content="words", role=None, **facts):
    role = role or ("assistant", "user")[sequence % 2]
    return Turn(
        f"turn-{sequence}",
        role,
        content,
        epoch=7,
        sequence=sequence,
        started_ms=sequence,
        ended_ms=sequence,
        **facts,
    )


def test_a_new_conversation_has_nothing(database):
    assert SqlEarlier(database).find("main", "new") is None


def test_the_turns_are_as_they_were_said(database, keep):
    call = ToolCall("call-1", "weather", "{}")
    said = (
        a_turn(1, "Is it raining?"),
        a_turn(2, "", tool_calls=(call,)),
        a_turn(3, '"no"', "tool", tool_call_id="call-1", tool_status=ToolStatus.COMPLETED),
        a_turn(4, "It is not, as f", interrupted=True),
    )
    keep("a-talk", *said)
    keep("another", a_turn(9))

    earlier = SqlEarlier(database).find("main", "a-talk")

    assert (earlier.user_id, tuple(earlier.turns), earlier.last_sequence) == ("ann", said, 4)
    assert SqlEarlier(database).find("other", "a-talk") is None


def test_of_many_turns_the_last_ones_are_read_and_a_summary_of_the_rest(database, keep):
    count = TURNS_AT_MOST + 20
    keep("a-talk", *(a_turn(number) for number in range(1, count + 1)))
    keep(
        "a-talk",
        Turn(
            "s",
            SUMMARY,
            "They talk.",
            epoch=7,
            sequence=count + 1,
            started_ms=1,
            ended_ms=9,
            sums_up=SumsUp(count, "m"),
        ),
    )

    summary, *turns = SqlEarlier(database).find("main", "a-talk").turns

    assert [turn.sequence for turn in turns] == list(range(21, count + 1))
    assert (summary.role, summary.content, summary.sums_up.up_to) == (SUMMARY, "They talk.", 20)


def test_they_fit_into_what_a_model_reads(database, keep):
    keep("a-talk", *(a_turn(number, "x" * 5000) for number in range(1, 6)))

    earlier = SqlEarlier(database).find("main", "a-talk")
    assert ([turn.sequence for turn in earlier.turns], earlier.last_sequence) == ([4, 5], 5)


def test_what_was_said_before_somebody_asked_to_forget_is_told_to_nobody_and_keeps_its_place(database, keep):
    forget = ToolCall("call-1", "forget", '{"key": "everything"}')
    keep("a-talk", a_turn(1, "My name is Ann."), a_turn(2, "", tool_calls=(forget,)), a_turn(3, "Hello"))

    earlier = SqlEarlier(database).find("main", "a-talk")
    assert ([turn.content for turn in earlier.turns], earlier.last_sequence) == (["Hello"], 3)


def test_a_database_that_is_away_is_told(database):
    database.close()
    with pytest.raises(DatabaseAway):
        SqlEarlier(type(database)("postgresql://nobody@127.0.0.1:9/none")).find("main", "a-talk")


def test_after_redis_forgot_a_conversation_no_place_is_given_twice(database, ledger, server):
    """Taken up, it reads as one: what was said then stands behind what was said before."""
    flusher = Flusher(ledger, SqlArchive(database))
    for number in range(3):
        ledger.run(
            Record("first", "a-talk", 7, Turn(f"7-{number}", "user", "before", epoch=7), owner="main/ann")
        )
    flusher.flush()
    server.delete(keys.turns("a-talk"), keys.conversation("a-talk"))

    earlier = SqlEarlier(database).find("main", "a-talk")
    ledger.run(TakeUp("second", "a-talk", 8, tuple(earlier.turns), earlier.last_sequence))
    for number in range(2):
        ledger.run(
            Record("second", "a-talk", 8, Turn(f"8-{number}", "user", "after", epoch=8), owner="main/ann")
        )
    flusher.flush()

    kept = SqlEarlier(database).find("main", "a-talk").turns
    assert [turn.sequence for turn in kept] == [1, 2, 3, 4, 5]
    assert [turn.content for turn in kept] == ["before"] * 3 + ["after"] * 2
    assert list(kept) == ledger.run(ReadTurns("a-talk"))
