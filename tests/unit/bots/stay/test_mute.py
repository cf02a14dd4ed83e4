"""A muted bot hears, and neither thinks nor speaks, whoever wrote it; a stealthy one does so without a word of it."""

import pytest
from pipecat.frames.frames import (
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMUpdateSettingsFrame,
    OutputAudioRawFrame,
    TextFrame,
    TTSSpeakFrame,
    TTSTextFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection

from greenroom.app.errors.bots import BotMuted, BotPaused, NobodyThere, OnItsWay
from greenroom.app.rooms.requests.answers import Directed, Said
from greenroom.app.rooms.requests.directing import Direct, Say
from greenroom.app.rooms.sessions import Pause, State
from tests.fakes.async_ledgers import Told
from tests.fakes.processors import Ear, Mind, Mouth
from tests.fakes.stays import Visited, parts_of_a_stay, with_pipeline

pytestmark = pytest.mark.anyio

SOUND = OutputAudioRawFrame(b"\0\0", 24_000, 1)
ITS_TEXT = TTSTextFrame("Well.", "word")


class Bot(Visited):
    def __init__(self, *, config=None, **facts):
        self.mind, self.ear, self.mouth, self.ledger = Mind(), Ear(), Mouth(), Told()
        self.config = config or {}
        super().__init__(parts_of_a_stay(ledger=self.ledger, people={"ada"}, state=State.LIVE, **facts))
        self.stage = self.parts.stage

    async def start(self):
        await self.parts.controls.prepare(self.config)
        self.pipeline = await with_pipeline(self.parts, self.ear, self.mind, self.mouth)
        return self

    async def is_told(self, **changes):
        return await Direct(changes).carry_out(self.parts.asked)

    async def is_asked(self):
        await self.mind.process_frame(LLMContextFrame(LLMContext()), FrameDirection.DOWNSTREAM)
        return len(self.mind.asked)

    async def speaks(self):
        for frame in (SOUND, ITS_TEXT):
            await self.mouth.process_frame(frame, FrameDirection.DOWNSTREAM)
        return len(self.mouth.said)

    async def hears(self):
        await self.ear.push_audio_frame(InputAudioRawFrame(b"\0\0", 16_000, 1))
        return len(self.ear.heard)


@pytest.fixture
async def bot():
    return await Bot().start()


async def test_a_muted_bot_hears_and_neither_thinks_nor_speaks_until_that_is_taken_back(bot):
    did = await bot.is_told(muted=True)

    assert did == Directed(muted=True, stealth=False, guided=False)
    assert (await bot.hears(), await bot.is_asked(), await bot.speaks()) == (1, 0, 0)

    assert not (await bot.is_told(muted=None)).muted
    assert (await bot.hears(), await bot.is_asked(), await bot.speaks()) == (2, 1, 2)
    assert bot.stage.told == ["muted", "unmuted"]


async def test_what_was_asked_of_a_muted_bot_is_not_answered_afterwards(bot):
    await bot.is_told(muted=True)
    await bot.is_asked()
    await bot.is_told(muted=None)
    await bot.parts.chores.done()

    assert bot.mind.asked == []


async def test_nobody_waits_for_the_answer_of_a_muted_bot(bot):
    """A hand-over waits for whoever waits for an answer."""
    await bot.is_told(muted=True)
    bot.parts.turns.floor.is_asked()
    await bot.is_asked()

    assert bot.parts.turns.floor.is_quiet


async def test_all_but_questions_and_its_voice_goes_through_a_muted_bot(bot):
    await bot.is_told(muted=True)
    settings = TextFrame("settings, say")
    await bot.mind.process_frame(settings, FrameDirection.DOWNSTREAM)
    await bot.mouth.process_frame(settings, FrameDirection.DOWNSTREAM)

    assert (bot.mind.asked, bot.mouth.said) == ([settings], [settings])


async def test_the_answer_under_way_is_cut_short_and_the_admin_is_told_so(bot):
    bot.parts.turns.floor.begins("assistant")

    assert (await bot.is_told(muted=True)).cut_short
    assert [type(frame) for frame in bot.pipeline.frames] == [InterruptionFrame]


async def test_a_change_that_does_not_mute_cuts_nothing_short(bot):
    bot.parts.turns.floor.begins("assistant")

    assert not (await bot.is_told(guidance="Be brief.")).cut_short
    assert InterruptionFrame not in map(type, bot.pipeline.frames)


@pytest.mark.parametrize("config", [{"muted": True}, {"stealth": True}])
async def test_the_next_bot_of_a_muted_one_is_muted_from_its_first_moment(config):
    bot = await Bot(config=config).start()

    assert (await bot.hears(), await bot.is_asked(), await bot.speaks()) == (1, 0, 0)


async def test_whoever_comes_to_a_muted_bot_is_told_so(bot):
    await bot.is_told(muted=True)
    await bot.comes("ben")
    bot.parts.carry_out.stop_clock()

    assert bot.stage.told == ["muted", "muted"]


async def test_a_stealthy_bot_is_muted_and_nobody_s_client_learns_of_it(bot):
    did = await bot.is_told(stealth=True)
    await bot.comes("ben")
    bot.parts.carry_out.stop_clock()

    assert did == Directed(muted=True, stealth=True, guided=False)
    assert (await bot.is_asked(), await bot.speaks()) == (0, 0)
    assert bot.stage.told == []


async def test_a_bot_that_is_no_longer_stealthy_is_muted_as_it_was_before(bot):
    await bot.is_told(muted=True)
    await bot.is_told(stealth=True)

    assert (await bot.is_told(stealth=None)).muted
    assert bot.stage.told == ["muted"]
    await bot.is_told(muted=None)
    assert bot.stage.told == ["muted", "unmuted"]


async def test_a_stealthy_bot_is_not_seen(bot):
    await bot.parts.controls.change({"mode": "forum"})
    await bot.is_told(stealth=True)
    await bot.is_told(stealth=None)

    assert bot.stage.shown[-3:] == ["Robin", None, "Robin"]


@pytest.mark.parametrize("word", ["say_goodbye", "say_that_it_goes_away", "warn_of_end", "say_that_it_moves"])
async def test_a_muted_bot_says_none_of_our_own_sentences(bot, word):
    await bot.is_told(muted=True)
    bot.pipeline.frames.clear()

    assert not await getattr(bot.parts.controls, word)()
    assert bot.pipeline.frames == []


# What it is told


async def test_an_instruction_stands_behind_the_prompt_whatever_that_is_and_goes_when_it_is_taken_back(bot):
    assert (await bot.is_told(guidance="Speak of the weather.")).guided
    await bot.parts.controls.change({"prompt": "Sing."})
    assert not (await bot.is_told(guidance=None)).guided

    prompts = [
        frame.delta.system_instruction
        for frame in bot.pipeline.frames
        if isinstance(frame, LLMUpdateSettingsFrame)
    ]
    own = prompts[0].removesuffix("\n\nSpeak of the weather.")
    assert own and own != prompts[0]
    assert prompts[1:] == ["Sing.\n\nSpeak of the weather.", "Sing."]


async def test_the_next_bot_is_told_the_instruction_too():
    bot = await Bot(config={"guidance": "Speak of the weather."}).start()

    (frame,) = bot.pipeline.frames
    assert frame.delta.system_instruction.endswith("\n\nSpeak of the weather.")


# What it is made to say


async def test_a_sentence_is_said_as_it_is_behind_what_the_bot_is_saying(bot):
    bot.parts.turns.floor.begins("assistant")

    assert await Say("Dinner is ready.").carry_out(bot.parts.asked) == Said(1, waits=True)
    (frame,) = bot.pipeline.frames
    assert isinstance(frame, TTSSpeakFrame)
    assert (frame.text, frame.append_to_context) == ("Dinner is ready.", True)


async def test_an_urgent_sentence_cuts_short_what_the_bot_is_saying(bot):
    bot.parts.turns.floor.begins("assistant")

    did = await Say("Leave the house!", interrupt=True).carry_out(bot.parts.asked)

    assert did == Said(1, cut_short=True)
    assert [type(frame) for frame in bot.pipeline.frames] == [InterruptionFrame, TTSSpeakFrame]


async def test_to_nobody_nothing_is_said(bot):
    bot.stage.people = frozenset()

    with pytest.raises(NobodyThere):
        await Say("Hello?").carry_out(bot.parts.asked)
    assert bot.pipeline.frames == []


async def test_a_paused_a_muted_and_a_moving_bot_say_why_they_do_not(bot):
    bot.parts.silence.begin(Pause())
    with pytest.raises(BotPaused):
        await Say("Hello?").carry_out(bot.parts.asked)
    bot.parts.silence.end()

    await bot.is_told(muted=True)
    with pytest.raises(BotMuted):
        await Say("Hello?").carry_out(bot.parts.asked)
    await bot.is_told(muted=None)

    bot.parts.rooms.next = bot.parts.rooms.now
    with pytest.raises(OnItsWay):
        await Say("Hello?").carry_out(bot.parts.asked)
    assert bot.pipeline.frames == []
