"""What a bot lets go of when nobody is left, or a client asks for it, and what it reads anew when somebody is back."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from pipecat.frames.frames import InterruptionFrame, LLMUpdateSettingsFrame, TTSUpdateSettingsFrame
from structlog.testing import capture_logs

from greenroom.app.rooms.assistants import Assistant
from greenroom.app.rooms.cleaning import CleanupMessage
from greenroom.app.rooms.requests.answers import Cleaned
from greenroom.app.rooms.session_events import Happened, Note
from greenroom.app.rooms.sessions import SetBrief
from greenroom.bots.stay import cleaning
from tests.fakes.async_ledgers import Told
from tests.fakes.memory import FakeMemory
from tests.fakes.stays import Visited, parts_of_a_stay, with_pipeline

pytestmark = pytest.mark.anyio

CONCIERGE = Assistant("a-1", "concierge", voice="deep", prompts={"goodbye": "Bye."})


class Bot(Visited):
    """One that has started, with somebody there, and whose turns are written."""

    def __init__(self, **facts):
        self.ledger = Told()
        super().__init__(parts_of_a_stay(ledger=self.ledger, **facts))
        self.turns = self.parts.turns

    async def begin(self):
        self.pipeline = await with_pipeline(self.parts)
        self.writing = asyncio.create_task(self.turns.write())
        self.parts.definition.read()
        await self.parts.listener.started()
        await self.comes("ada")
        return self

    def end(self):
        self.parts.carry_out.stop_clock()
        self.writing.cancel()

    @property
    def cleaned(self):
        return [
            step.detail
            for step in self.ledger.told
            if isinstance(step, Note) and step.event is Happened.CLEANED
        ]


@pytest.fixture
async def a_bot():
    bots = []

    async def begun(**facts):
        bots.append(Bot(**facts))
        return await bots[-1].begin()

    yield begun
    for bot in bots:
        bot.end()


async def test_the_history_and_the_log_say_what_was_cancelled_when_the_last_one_left(a_bot):
    bot = await a_bot()
    bot.turns.message_added({"role": "user", "content": "Tell me a story."})
    with capture_logs() as lines:
        await bot.goes("ada")

    assert bot.cleaned == ["cancelled the answer; all turns are written"]
    (line,) = (line for line in lines if line["event"] == "session_cleaned")
    assert (line["answer"], line["tools"], line["tasks"], line["is_written"]) == (True, 0, 0, True)
    assert {type(frame) for frame in bot.pipeline.frames} == {InterruptionFrame}


async def test_a_bot_with_nothing_under_way_says_that(a_bot):
    bot = await a_bot()
    await bot.goes("ada")

    assert bot.cleaned == ["nothing was under way; all turns are written"]
    assert bot.pipeline.frames == []


async def test_the_room_waits_only_once_the_answer_has_ended(a_bot):
    """`waiting` was said while the model still spoke."""
    bot = await a_bot()
    bot.turns.message_added({"role": "user", "content": "Tell me a story."})
    has_ended = asyncio.Event()

    async def queue_frames(frames):
        asyncio.get_running_loop().call_soon(end, frames[-1])

    def end(behind):
        has_ended.set()
        behind.passed.set()

    bot.pipeline.queue_frames = queue_frames
    await bot.goes("ada")

    assert has_ended.is_set()
    assert bot.parts.journal.state == "waiting"


async def test_an_answer_to_a_line_that_the_interruption_overtook_is_cancelled_too(a_bot):
    """A person typed, and asked at once to clean up: the interruption was first, and the line was answered."""
    bot = await a_bot()
    bot.turns.message_added({"role": "user", "content": "Tell me a story."})
    came, queue_frames = [], bot.pipeline.queue_frames

    async def overtake(frames):
        await queue_frames(frames)
        came.append("an interruption")
        if len(came) == 1:
            came.append("the line")

    bot.pipeline.queue_frames = overtake
    await bot.parts.listener.clean_up(None)

    assert came == ["an interruption", "the line", "an interruption"]


async def test_a_bot_that_does_not_let_go_is_said_not_to_have_ended(a_bot, monkeypatch):
    monkeypatch.setattr(cleaning, "CANCELLED_WITHIN", timedelta(milliseconds=10))
    bot = await a_bot()
    bot.turns.message_added({"role": "user", "content": "Tell me a story."})

    async def queue_frames(_):
        pass

    bot.pipeline.queue_frames = queue_frames
    await bot.goes("ada")

    assert bot.cleaned == [
        "cancelled the answer; some of it had not ended a second later; all turns are written"
    ]


async def test_an_answer_that_begins_when_nobody_is_there_any_more_is_cancelled(a_bot):
    """A person's last words came out of the recogniser when they had gone, and the model was asked all the same."""
    bot = await a_bot()
    await bot.goes("ada")
    bot.turns.floor.begins("assistant")
    await bot.parts.chores.done()
    assert {type(frame) for frame in bot.pipeline.frames} == {InterruptionFrame}

    await bot.comes("ada")
    bot.pipeline.frames.clear()
    bot.turns.floor.begins("assistant")
    await bot.parts.chores.done()
    assert bot.pipeline.frames == []


async def test_nobody_waits_and_nobody_speaks_for_a_bot_whose_people_have_gone(a_bot):
    """A half-said sentence kept the bot from handing its room over, and began the next visit's first turn."""
    bot = await a_bot()
    bot.turns.floor.begins("user")
    bot.turns.message_added({"role": "user", "content": "And then"})
    await bot.goes("ada")

    assert bot.turns.floor.is_quiet


async def test_a_read_that_is_under_way_is_given_up(a_bot):
    memory = FakeMemory(ada="Ada")
    bot = await a_bot(memory=memory)
    memory.answers.clear()
    bot.turns.remembering.load("ada")
    await bot.goes("ada")
    memory.answers.set()

    assert bot.cleaned == ["cancelled 1 background task; all turns are written"]


async def test_memory_is_read_anew_from_its_source_when_somebody_is_back(a_bot):
    memory = FakeMemory(ada="Ada")
    bot = await a_bot(memory=memory)
    for _ in range(2):
        await bot.goes("ada")
        await bot.comes("ada")

    assert memory.asked == [("main", "ada", "a-conversation")] * 2


async def test_the_assistant_is_read_anew_when_somebody_is_back(a_bot):
    defined = [CONCIERGE]
    bot = await a_bot(
        find_assistant=lambda _: defined[-1],
        assistant="concierge",
        voice="deep",
        prompts={"goodbye": "Bye.", "away": "Mine."},
    )
    await bot.goes("ada")
    words = {"goodbye": "Farewell.", "system": "Be kind."}
    defined.append(replace(CONCIERGE, voice="warm", prompts=words))
    await bot.comes("ada")

    brief = bot.parts.journal.session.brief
    assert (brief.voice, brief.prompts) == ("warm", {**words, "away": "Mine."})
    assert {type(frame) for frame in bot.pipeline.frames} >= {TTSUpdateSettingsFrame, LLMUpdateSettingsFrame}


async def test_an_assistant_that_was_changed_is_so_for_the_next_bot_as_well(a_bot):
    """The voice went back to that of the join at the next deploy: the change was in this process alone."""
    defined = [CONCIERGE]
    bot = await a_bot(find_assistant=lambda _: defined[-1], assistant="concierge", voice="deep")
    await bot.goes("ada")
    defined.append(replace(CONCIERGE, voice="warm"))
    await bot.comes("ada")

    (kept,) = [step for step in bot.ledger.told if isinstance(step, SetBrief)]
    assert (kept.session_id, kept.epoch, kept.brief.voice) == ("a-session", 7, "warm")


async def test_a_bot_whose_assistant_cannot_be_read_goes_on_as_it_was(a_bot):
    def away(_):
        raise ConnectionError

    bot = await a_bot(find_assistant=away, assistant="concierge", voice="deep")
    await bot.goes("ada")
    with capture_logs() as lines:
        await bot.comes("ada")

    assert bot.parts.journal.session.brief.voice == "deep"
    assert "assistant_read_failed" in {line["event"] for line in lines}


async def test_a_client_is_told_what_was_cleaned_and_the_session_goes_on(a_bot):
    bot = await a_bot(memory=FakeMemory(ada="Ada"))
    bot.turns.message_added({"role": "user", "content": "Tell me a story."})
    told = []
    wish = CleanupMessage.of({"type": "room_cleanup", "timestamp": "1"})
    bot.parts.listener.app_sent("ada", wish, told.append)
    await bot.parts.chores.done()

    cleaned = {"answer": True, "tools": 0, "tasks": 0, "is_awaited": True, "is_written": True}
    assert told == [
        {"type": "room_cleaned", "timestamp": "1", "cleaned": {**cleaned, "read_anew": ["memory"]}}
    ]
    assert not bot.parts.end.has_begun
    assert bot.parts.journal.state == "live"


async def test_a_wish_that_is_sent_twice_is_done_once_and_answered_twice(a_bot):
    bot = await a_bot()
    bot.turns.message_added({"role": "user", "content": "Tell me a story."})
    first = await bot.parts.listener.clean_up("ada 1")
    again = await bot.parts.listener.clean_up("ada 1")
    other = await bot.parts.listener.clean_up("ada 2")

    assert first == again == Cleaned(answer=True, read_anew=[])
    assert other == Cleaned(read_anew=[])
    assert len(bot.cleaned) == 2


async def test_a_bot_is_not_interrupted_for_one_of_several(a_bot):
    bot = await a_bot()
    await bot.comes("ben")
    told = []
    wish = CleanupMessage.of({"type": "room_cleanup", "timestamp": "1"})
    bot.parts.listener.app_sent("ben", wish, told.append)
    await bot.parts.chores.done()

    assert [said["type"] for said in told] == ["room_cleanup_refused"]
    assert "Others are in the room" in told[0]["error"]
    assert bot.cleaned == []


async def test_a_client_is_told_that_its_wish_could_not_be_done(a_bot):
    async def fail(_):
        raise ZeroDivisionError

    bot = await a_bot()
    bot.parts.cleaning.clean_up_for = fail
    told = []
    wish = CleanupMessage.of({"type": "room_cleanup", "timestamp": "1"})
    with capture_logs() as lines:
        bot.parts.listener.app_sent("ada", wish, told.append)
        await bot.parts.chores.done()

    assert [(said["type"], said["timestamp"]) for said in told] == [("room_cleanup_refused", "1")]
    assert ("message_failed", "room_cleanup") in {(line["event"], line.get("kind")) for line in lines}


async def test_a_hundred_visits_leave_no_more_behind_than_one(a_bot):
    bot = await a_bot(memory=FakeMemory(ada="Ada"), find_assistant=lambda _: CONCIERGE, assistant="concierge")

    async def visit():
        bot.turns.message_added({"role": "user", "content": "Tell me a story."})
        await bot.goes("ada")
        await bot.comes("ada")
        return len(asyncio.all_tasks()), len(bot.parts.memories._loading), len(bot.parts.cleaning._done)

    after_one = await visit()
    for _ in range(99):
        after_all = await visit()

    assert after_all == after_one
    assert len(bot.cleaned) == 100
