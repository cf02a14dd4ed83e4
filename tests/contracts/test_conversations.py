"""What was said in a conversation: kept as it is said, once, in order, and by the bot that has the session."""

from dataclasses import replace
from datetime import timedelta

import pytest

from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.conversations import (
    SUMMARY,
    BeginConversation,
    CountMessages,
    ReadTurns,
    Record,
    Source,
    SumsUp,
    TakeUp,
    ToolCall,
    ToolStatus,
    Turn,
)
from greenroom.app.rooms.creating import Create, Created, Launching
from greenroom.app.rooms.line import Push
from greenroom.app.rooms.outboxes import ReadOutbox
from greenroom.app.rooms.sessions import KEPT_AFTER_END, ReadSession, State, Succeed
from greenroom.app.storage.conversations import TURNS_KEPT
from tests.rigs.makers import CELLAR, a_session

HERE = "a-conversation"


def say(ledger, number, *, epoch=7, conversation_id=HERE, content="words", after=0):
    role = ("user", "assistant")[number % 2]
    turn = Turn(f"turn-{number}", role, content, epoch=epoch)
    return ledger.run(Record("a-session", conversation_id, epoch, turn, after))


def said(ledger, conversation_id=HERE):
    return [turn.id for turn in ledger.run(ReadTurns(conversation_id))]


def begin(ledger, conversation_id="another", *, epoch=7, owner="main/bob"):
    return ledger.run(BeginConversation("a-session", epoch, conversation_id, owner))


@pytest.fixture
def session(ledger):
    ledger.run(Create(a_session()))


@pytest.fixture
def succeeded(ledger, session):
    """The session goes on under epoch 8."""
    say(ledger, 0)
    ledger.run(Succeed("a-session", 8, "lost", State.PENDING))


def test_turns_are_read_as_they_were_said_in_order(ledger, session):
    assert ledger.run(ReadTurns(HERE)) == []
    text = '“Hé”,\nshe said. \\ " 10^16: 12345678901234567'
    call = ToolCall("call-1", "look", '{"n": 10000000000000001, "none": [], "text": "\\u00e9"}')
    turns = [
        Turn("turn-0", "user", text, person="ada", epoch=7, started_ms=10**12 + 1, ended_ms=10**12 + 2),
        Turn("turn-1", "assistant", "", tool_calls=(call,), epoch=7),
        Turn("turn-2", "tool", "[]", tool_call_id="call-1", tool_status=ToolStatus.FAILED, epoch=7),
        Turn("turn-3", "assistant", "It is", interrupted=True, epoch=7, source=Source.ADMIN),
        Turn("turn-4", SUMMARY, "in short", epoch=7, sums_up=SumsUp(3, "a-model")),
    ]
    given = [ledger.run(Record("a-session", HERE, 7, turn)) for turn in turns]

    read = ledger.run(ReadTurns(HERE))

    assert given == [1, 2, 3, 4, 5]
    times = {"started_ms": 0, "ended_ms": 0}
    assert read[0] == replace(turns[0], sequence=1)
    assert [replace(turn, **times) for turn in read] == [
        replace(turn, sequence=number, **times) for number, turn in enumerate(turns, 1)
    ]
    assert read[1].started_ms == read[1].ended_ms
    assert abs(read[1].ended_ms - ledger.run(Now())) < 10_000


def test_a_turn_is_read_by_the_model_in_its_own_shape():
    call = ToolCall("call-1", "look", '{"at": "the sky"}')
    function = {"name": "look", "arguments": '{"at": "the sky"}'}
    asked = {"id": "call-1", "type": "function", "function": function}

    assert [
        turn.as_message()
        for turn in (
            Turn("1", "user", "look"),
            Turn("2", "assistant", "", tool_calls=(call,)),
            Turn("3", "assistant", "I look.", tool_calls=(call,)),
            Turn("4", "tool", "[]", tool_call_id="call-1", tool_status=ToolStatus.COMPLETED),
        )
    ] == [
        {"role": "user", "content": "look"},
        {"role": "assistant", "tool_calls": [asked]},
        {"role": "assistant", "content": "I look.", "tool_calls": [asked]},
        {"role": "tool", "content": "[]", "tool_call_id": "call-1"},
    ]


def test_a_turn_written_twice_is_one(ledger, session):
    assert [say(ledger, 0), say(ledger, 1), say(ledger, 0), say(ledger, 1)] == [1, 2, 1, 2]

    assert said(ledger) == ["turn-0", "turn-1"]


def test_each_conversation_has_its_own_turns_and_sequence(ledger, session):
    assert (say(ledger, 0), say(ledger, 1, conversation_id="another")) == (1, 1)

    assert (said(ledger), said(ledger, "another")) == (["turn-0"], ["turn-1"])


def test_a_bot_that_was_replaced_writes_and_begins_nothing(ledger, succeeded):
    assert say(ledger, 1) == 0
    assert begin(ledger) is False

    assert said(ledger) == ["turn-0"]
    assert ledger.run(ReadSession("a-session")).conversation_id == HERE


def test_the_bot_that_replaced_it_goes_on_with_the_conversation(ledger, succeeded):
    assert say(ledger, 1, epoch=8) == 2

    assert said(ledger) == ["turn-0", "turn-1"]


def test_another_conversation_leaves_the_one_before_it_as_it_was(ledger, session):
    say(ledger, 0)
    assert begin(ledger) is True
    say(ledger, 1, conversation_id="another")

    assert ledger.run(ReadSession("a-session")).conversation_id == "another"
    assert ledger.run(ReadSession("a-session")).brief.conversation_id == HERE
    assert (said(ledger), said(ledger, "another")) == (["turn-0"], ["turn-1"])


def test_a_sequence_grows_through_a_loss_of_everything(world, ledger, session):
    say(ledger, 0)
    lost = replace(ledger.run(ReadTurns(HERE))[0], source=Source.RESTORED)
    world.wipe()

    assert say(ledger, 1, after=1) == 2  # before the first is written again
    assert ledger.run(Record("a-session", HERE, 8, lost)) == 1
    assert ledger.run(Record("a-session", HERE, 8, lost)) == 1
    assert say(ledger, 2) == 3
    assert said(ledger) == ["turn-0", "turn-1", "turn-2"]
    restored = ledger.run(ReadTurns(HERE))[0]
    assert (restored.source, restored.ended_ms, restored.epoch) == (Source.RESTORED, lost.ended_ms, 7)


def test_a_long_conversation_loses_its_beginning(ledger, session):
    turns = [Turn(f"turn-{number}", "user", "words") for number in range(TURNS_KEPT + 5)]
    ledger.run_all([Record("a-session", HERE, 7, turn) for turn in turns])

    assert said(ledger) == [f"turn-{number}" for number in range(5, TURNS_KEPT + 5)]


def test_a_conversation_is_kept_for_a_day_after_its_last_turn(world, ledger, session):
    say(ledger, 0)
    world.pass_time(KEPT_AFTER_END - timedelta(minutes=1))
    say(ledger, 1)
    world.pass_time(KEPT_AFTER_END - timedelta(minutes=1))
    assert said(ledger) == ["turn-0", "turn-1"]
    world.pass_time(timedelta(minutes=1))

    assert said(ledger) == []


# Two sessions of one user

A_SECOND_SESSION = "a-second-session"


@pytest.fixture
def both(ledger, session):
    """Two sessions of ada's, in two rooms, with one conversation."""
    ledger.run(Create(a_session(A_SECOND_SESSION, room=CELLAR, epoch=9)))


def talk(ledger, session_id, epoch, number, **more):
    turn = Turn(f"{epoch}-{number}", "user", "words", epoch=epoch)
    return ledger.run(Record(session_id, HERE, epoch, turn, **more))


def test_two_sessions_of_one_user_talk_into_one_conversation_in_one_order(ledger, both):
    given = []
    for number in range(15):  # more than the last ten, among which a turn that comes again is looked for
        given.append(talk(ledger, "a-session", 7, number))
        given.append(talk(ledger, A_SECOND_SESSION, 9, number))

    assert given == list(range(1, 31))
    assert said(ledger) == [f"{epoch}-{number}" for number in range(15) for epoch in (7, 9)]


def test_the_bot_of_one_is_not_refused_for_the_later_epoch_of_the_other(ledger, both):
    talk(ledger, A_SECOND_SESSION, 9, 0)
    ledger.run(Succeed("a-session", 8, "lost", State.PENDING))

    assert talk(ledger, "a-session", 7, 0) == 0  # its own session has gone on
    assert talk(ledger, "a-session", 8, 0) == 2
    assert said(ledger) == ["9-0", "8-0"]


def test_both_write_what_was_lost_and_neither_takes_the_other_s_place(world, ledger, both):
    for number in range(2):
        talk(ledger, "a-session", 7, number)
        talk(ledger, A_SECOND_SESSION, 9, number)
    lost = ledger.run(ReadTurns(HERE))
    world.wipe()

    for session_id, epoch in ((A_SECOND_SESSION, 9), ("a-session", 7)):
        mine = [turn for turn in lost if turn.epoch == epoch]
        ledger.run_all([Record(session_id, HERE, epoch, turn) for turn in mine])
        ledger.run_all([Record(session_id, HERE, epoch, turn) for turn in mine])
    assert said(ledger) == ["7-0", "9-0", "7-1", "9-1"]
    assert talk(ledger, "a-session", 7, 2) == 5


# Whose it is


def launched(ledger, session_id="a-later-session", **facts):
    session = a_session(session_id, **{"conversation_id": HERE, **facts})
    return ledger.run(Create(session, a_launching(session_id))).outcome


def a_launching(session_id):
    return Launching(Push("a-queue", "a-launch", session_id))


def test_a_user_takes_up_a_conversation_of_their_own(ledger, session):
    say(ledger, 0)

    assert launched(ledger) is Created.WRITTEN
    assert said(ledger, ledger.run(ReadSession("a-later-session")).conversation_id) == ["turn-0"]


@pytest.mark.parametrize("facts", [{"user_id": "bob"}, {"tenant": "acme"}])
def test_a_conversation_of_another_user_is_not_taken_up(ledger, session, facts):
    assert launched(ledger, **facts) is Created.CONVERSATION
    with pytest.raises(NoSuchSession):
        ledger.run(ReadSession("a-later-session"))


def test_a_conversation_that_another_person_began_is_theirs(ledger, session):
    begin(ledger)

    assert launched(ledger, "ada-s", conversation_id="another") is Created.CONVERSATION
    assert launched(ledger, "bob-s", conversation_id="another", user_id="bob") is Created.WRITTEN


def test_it_is_still_theirs_after_a_loss_of_everything(world, ledger, session):
    begin(ledger)
    record = ledger.run(ReadSession("a-session"))
    world.wipe()
    ledger.run(Create(replace(record, person="bob")))

    assert ledger.run(ReadSession("a-session")).conversation_id == "another"
    assert launched(ledger, "ada-s", conversation_id="another") is Created.CONVERSATION


def take_up(ledger, *sequences, last, epoch=7):
    turns = tuple(Turn(f"old-{each}", "user", "words", epoch=5, sequence=each) for each in sequences)
    return ledger.run(TakeUp("a-session", HERE, epoch, turns, last))


def test_what_is_taken_up_stands_in_front_of_what_is_said_then(ledger, session):
    assert take_up(ledger, 10, 11, last=12)

    assert say(ledger, 1) == 13
    assert said(ledger) == ["old-10", "old-11", "turn-1"]


def test_what_is_known_is_not_taken_up_and_the_last_place_is_learnt_all_the_same(ledger, session):
    say(ledger, 1)

    assert not take_up(ledger, 10, last=12)
    assert said(ledger) == ["turn-1"]
    assert say(ledger, 2) == 13


def test_taking_up_twice_is_once(ledger, session):
    take_up(ledger, 10, last=12)
    say(ledger, 1)
    take_up(ledger, 10, last=12)

    assert said(ledger) == ["old-10", "turn-1"]


def test_a_bot_of_an_earlier_epoch_takes_nothing_up(ledger, succeeded):
    assert not take_up(ledger, 10, last=12)
    assert say(ledger, 1, epoch=8) == 2


def test_what_is_taken_up_is_not_stored_again_nor_counted(ledger, session):
    take_up(ledger, 10, last=12)

    assert ledger.run(ReadOutbox(HERE, 10)).entries == ()
    assert ledger.run(CountMessages(HERE, "a-session")) == 0
