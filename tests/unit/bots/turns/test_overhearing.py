"""What is said becomes turns also where a bot has none of pipecat's aggregators."""

import asyncio
from datetime import timedelta

import pytest
from pipecat.frames.frames import InterruptionFrame, TTSTextFrame
from pipecat.utils.text.base_text_aggregator import TextType

from greenroom.app.rooms.conversations import Record
from greenroom.bots.turns import Turns
from tests.fakes.async_ledgers import Told
from tests.fakes.talk import BareTalk, talk
from tests.rigs.makers import a_session

pytestmark = pytest.mark.anyio


@pytest.fixture
def ledger():
    return Told()


@pytest.fixture
async def turns(ledger):
    it = Turns(ledger, a_session(created_ms=1000), ())
    writing = asyncio.create_task(it.write())
    yield it
    writing.cancel()


def said(ledger):
    return [step.turn for step in ledger.told if isinstance(step, Record)]


async def eventually(condition, within=10):
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_what_is_heard_and_what_the_bot_says_are_turns(turns, ledger):
    async with talk(turns.hearing.follow, of=BareTalk) as it:
        await it.say("pretty Polly")
        await eventually(lambda: len(said(ledger)) == 2)
        assert turns.floor.is_quiet

    heard, answer = said(ledger)
    assert (heard.role, heard.content, heard.person) == ("user", "pretty Polly", "ann")
    assert (answer.role, answer.content, answer.interrupted) == ("assistant", "pretty Polly", False)
    assert 1000 <= heard.ended_ms <= answer.started_ms <= answer.ended_ms


async def test_what_was_not_heard_of_an_interrupted_answer_is_not_written(turns, ledger):
    async with talk(turns.hearing.follow, of=BareTalk) as it:
        it.loudspeaker.stops_after = 1.5  # in the second line
        await it.say("one")
        await it.say("two")
        await eventually(lambda: it.loudspeaker.is_stopped)
        assert turns.floor.is_answering
        await it.send(InterruptionFrame())
        await eventually(lambda: not turns.floor.is_answering)
        await turns.written(timedelta(seconds=10))

    assert [turn.content for turn in said(ledger) if turn.role == "assistant"] == ["one"]


async def test_an_answer_that_is_cut_short_is_written_as_far_as_it_was_heard(turns, ledger):
    async with talk(turns.hearing.follow, of=BareTalk) as it:
        heard = TTSTextFrame("It is", text_type=TextType.WORD)
        await it.loudspeaker.queue_frame(heard)
        await eventually(lambda: heard in it.below.passed)
        await it.send(InterruptionFrame())
        await eventually(lambda: said(ledger))

    assert [(turn.content, turn.interrupted) for turn in said(ledger)] == [("It is", True)]
