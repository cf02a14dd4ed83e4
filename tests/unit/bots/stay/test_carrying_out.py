"""Each consequence of who is there, as a stay carries it out."""

import asyncio
from datetime import timedelta

import pytest
from pipecat.frames.frames import InterruptionFrame, LLMMessagesUpdateFrame
from structlog.testing import capture_logs

from greenroom.app.rooms.consequences import (
    BeginConversation,
    CancelAnswer,
    End,
    Enter,
    FallSilent,
    KeepLeave,
    Park,
    SetClock,
    ShowOpenThings,
    SpeakAgain,
    StopClock,
    WriteEvent,
)
from greenroom.app.rooms.session_events import Happened, Note
from greenroom.app.rooms.sessions import Call, LeaveAt, Pause, Reason, SetLeave, State, Transition
from tests.fakes.async_ledgers import Told
from tests.fakes.stays import parts_of_a_stay, with_pipeline
from tests.rigs.makers import CELLAR

pytestmark = pytest.mark.anyio

LONG = timedelta(hours=1)


@pytest.fixture
def ledger():
    return Told()


@pytest.fixture
async def parts(ledger):
    parts = parts_of_a_stay(ledger=ledger)
    yield parts
    parts.carry_out.stop_clock()


def written(ledger, kind):
    return [step for step in ledger.told if isinstance(step, kind)]


@pytest.mark.parametrize(("reason", "politely"), [(Reason.IDLE, False), (Reason.LEFT, True)])
async def test_the_clock_ends_the_session_and_who_asked_for_it_may_hear_goodbye(parts, reason, politely):
    assert parts.carry_out.at_once(SetClock(timedelta(0), reason, "why"))

    async with asyncio.timeout(10):
        await parts.end.wait()
    assert (parts.end.ending.reason, parts.end.ending.politely, parts.end.ending.detail) == (
        reason,
        politely,
        "why",
    )


async def test_a_clock_that_is_set_anew_or_stopped_ends_nothing(parts):
    parts.carry_out.at_once(SetClock(timedelta(0), Reason.IDLE))
    parts.carry_out.at_once(SetClock(LONG, Reason.IDLE))
    await asyncio.sleep(0.01)
    assert not parts.end.has_begun

    parts.carry_out.at_once(SetClock(timedelta(0), Reason.IDLE))
    parts.carry_out.at_once(StopClock())
    await asyncio.sleep(0.01)
    assert not parts.end.has_begun


async def test_an_end_is_begun_at_once(parts):
    assert parts.carry_out.at_once(End(Reason.NO_SHOW, "nobody came"))

    assert (parts.end.ending.reason, parts.end.ending.detail) == (Reason.NO_SHOW, "nobody came")


async def test_the_bot_falls_silent_and_speaks_again_at_once(parts):
    assert parts.carry_out.at_once(FallSilent())
    assert parts.silence.is_on

    assert parts.carry_out.at_once(SpeakAgain())
    assert not parts.silence.is_on


@pytest.mark.parametrize(
    "consequence",
    [Enter(State.LIVE), CancelAnswer(), BeginConversation("ben"), ShowOpenThings(), Park()],
    ids=repr,
)
async def test_what_takes_time_is_not_done_at_once(parts, consequence):
    assert not parts.carry_out.at_once(consequence)
    assert not parts.end.has_begun


async def test_only_an_answer_that_is_under_way_is_cancelled(parts):
    pipeline = await with_pipeline(parts)
    await parts.carry_out.in_turn(CancelAnswer())
    assert pipeline.frames == []

    parts.turns.floor.begins("assistant")
    await parts.carry_out.in_turn(CancelAnswer())

    assert {type(frame) for frame in pipeline.frames} == {InterruptionFrame}


async def test_another_person_finds_nothing_of_what_was_said_or_open(parts, ledger):
    pipeline = await with_pipeline(parts)
    parts.open_things.open("active_note", {"id": "n-7"}, owner="ann")
    parts.turns.message_added({"role": "user", "content": "a secret"})
    writing = asyncio.create_task(parts.turns.write())

    await parts.carry_out.in_turn(BeginConversation("ben"))
    writing.cancel()

    assert parts.stage.conversation_id == parts.turns.conversation_id != "a-conversation"
    assert parts.journal.session.conversation_id == parts.stage.conversation_id
    assert parts.open_things.all == {}
    assert [frame.messages for frame in pipeline.frames if isinstance(frame, LLMMessagesUpdateFrame)] == [[]]
    (begun,) = written(ledger, Note)
    assert (begun.event, begun.person) == (Happened.CONVERSATION_BEGUN, "ben")
    assert begun.conversation_id == parts.stage.conversation_id


async def test_who_comes_while_something_is_open_is_shown_it(parts):
    parts.open_things.open("active_note", {"id": "n-7"}, owner="ann")
    parts.stage.told.clear()

    await parts.carry_out.in_turn(ShowOpenThings())

    assert parts.stage.told == ["state"]


async def test_who_came_and_went_is_written_and_logged(parts, ledger):
    with capture_logs() as lines:
        await parts.carry_out.in_turn(WriteEvent(Happened.PERSON_ARRIVED, "ann"))
        await parts.carry_out.in_turn(WriteEvent(Happened.PERSON_LEFT, "ann"))

    assert [(step.event, step.person) for step in written(ledger, Note)] == [
        ("person_arrived", "ann"),
        ("person_left", "ann"),
    ]
    assert [line["event"] for line in lines] == ["person_arrived", "person_departed"]


async def test_a_leave_that_was_asked_for_is_kept_for_the_next_bot(parts, ledger):
    await parts.carry_out.in_turn(KeepLeave(LeaveAt(7, "ann hung up")))
    await parts.carry_out.in_turn(KeepLeave(None))

    assert [step.leave for step in written(ledger, SetLeave)] == [LeaveAt(7, "ann hung up"), None]


async def test_a_pause_for_a_call_says_which_one_it_is_for(ledger):
    parts = parts_of_a_stay(ledger=ledger, pause=Pause(Call("another-session", CELLAR)))

    await parts.carry_out.in_turn(Enter(State.LIVE))
    await parts.carry_out.in_turn(Enter(State.PAUSED))

    told = [(step.to, step.detail) for step in written(ledger, Transition)]
    assert told == [(State.LIVE, None), (State.PAUSED, f"for the call in {CELLAR}")]
