"""A paused bot neither hears nor thinks nor speaks, whoever wrote it."""

import pytest
from pipecat.frames.frames import InputAudioRawFrame, InterruptionFrame, LLMContextFrame, TextFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection

from greenroom.app.rooms.requests.changing import HeedRecord
from greenroom.app.rooms.session_events import Note
from greenroom.app.rooms.sessions import Call, Pause, ReadSession, State, Transition
from tests.fakes.async_ledgers import Told
from tests.fakes.processors import Ear, Mind
from tests.fakes.stays import Visited, parts_of_a_stay, with_pipeline
from tests.rigs.makers import CELLAR, a_session

pytestmark = pytest.mark.anyio
FOR_A_CALL = Pause(Call("another-session", CELLAR))


class Recorded(Told):
    """A Redis whose record of the session is the test's."""

    record = a_session(state=State.LIVE)

    async def run(self, step):
        return self.record if isinstance(step, ReadSession) else await super().run(step)


class Bot(Visited):
    def __init__(self):
        self.mind, self.ear, self.ledger = Mind(), Ear(), Recorded()
        super().__init__(parts_of_a_stay(ledger=self.ledger, people={"ada"}, state=State.LIVE))
        self.stage = self.parts.stage

    async def start(self):
        self.pipeline = await with_pipeline(self.parts, self.ear, self.mind)
        await self.parts.listener.started()
        return self

    async def is_told(self, **changes):
        """Somebody has changed the session's record, and tells the bot."""
        self.ledger.record = a_session(state=State.LIVE, **changes)
        await HeedRecord().carry_out(self.parts.asked)
        await self.parts.chores.done()

    async def asks(self, frame):
        await self.mind.process_frame(frame, FrameDirection.DOWNSTREAM)

    async def hears(self):
        await self.ear.push_audio_frame(InputAudioRawFrame(b"\0\0", 16_000, 1))
        return len(self.ear.heard)

    @property
    def states(self):
        return [str(step.to) for step in self.ledger.told if isinstance(step, Transition)]


@pytest.fixture
async def bot():
    bot = await Bot().start()
    yield bot
    bot.parts.carry_out.stop_clock()
    bot.parts.time_limit.stop()


def a_question():
    return LLMContextFrame(LLMContext())


async def test_a_paused_bot_neither_hears_nor_thinks_nor_is_heard_until_it_is_resumed(bot):
    await bot.is_told(pause=Pause())
    await bot.asks(a_question())

    assert bot.stage.done == ["paused"]
    assert await bot.hears() == 0
    assert bot.mind.asked == []
    assert bot.states == ["live", "paused"]

    await bot.is_told()
    assert bot.stage.done == ["paused", "resumed"]
    assert await bot.hears() == 1
    assert bot.states == ["live", "paused", "live"]


async def test_what_was_asked_last_during_a_pause_is_answered_after_it_once(bot):
    await bot.is_told(pause=Pause())
    first, last = a_question(), a_question()
    await bot.asks(first)
    await bot.asks(last)
    await bot.is_told()
    await bot.is_told()

    assert bot.mind.asked == [last]


async def test_a_question_that_was_called_off_during_a_pause_is_not_answered(bot):
    await bot.is_told(pause=Pause())
    await bot.asks(a_question())
    await bot.asks(InterruptionFrame())
    await bot.is_told()

    assert [type(frame) for frame in bot.mind.asked] == [InterruptionFrame]


async def test_all_but_questions_goes_through_a_paused_bot_s_model(bot):
    await bot.is_told(pause=Pause())
    await bot.asks(TextFrame("settings, say"))

    assert len(bot.mind.asked) == 1


async def test_the_answer_under_way_is_cut_short(bot):
    bot.parts.turns.floor.begins("assistant")
    await bot.is_told(pause=Pause())

    assert [type(frame) for frame in bot.pipeline.frames] == [InterruptionFrame]


async def test_being_told_twice_is_being_told_once(bot):
    await bot.is_told(pause=Pause())
    await bot.is_told(pause=Pause())

    assert bot.stage.done == ["paused"]
    assert bot.stage.told == ["paused"]


async def test_the_people_are_told_and_who_comes_later_too(bot):
    await bot.is_told(pause=Pause())
    await bot.comes("ben")
    await bot.is_told()

    assert [told for told in bot.stage.told if told != "state"] == ["paused", "paused", "resumed"]


async def test_the_history_says_for_which_call_a_bot_is_paused(bot):
    await bot.is_told(pause=FOR_A_CALL)

    paused = next(
        step for step in bot.ledger.told if isinstance(step, Transition) and step.to is State.PAUSED
    )
    assert paused.detail == f"for the call in {CELLAR}"


async def test_a_paused_bot_says_neither_goodbye_nor_that_its_time_is_nearly_over(bot):
    await bot.parts.controls.prepare({})
    await bot.is_told(pause=Pause())

    assert not await bot.parts.controls.say_goodbye()
    assert not await bot.parts.controls.say_that_it_goes_away()
    await bot.parts.controls.warn_of_end()
    assert bot.pipeline.frames == []


async def test_the_people_are_told_before_the_end_by_events_that_stand_in_the_history(bot):
    await bot.parts.time_limit.tell_people(10)

    assert bot.stage.told == ["ends_soon"]
    notes = [(step.event, step.detail) for step in bot.ledger.told if isinstance(step, Note)]
    assert notes == [("ends_soon", "10 s")]
