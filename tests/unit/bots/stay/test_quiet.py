"""A bot asks people who have said nothing for long, once, and its session ends idle; a call that goes on does not."""

import json
from datetime import timedelta

import pytest
from pipecat.frames.frames import EndFrame, TTSSpeakFrame

from greenroom.app.rooms.session_events import Note
from greenroom.app.rooms.sessions import Call, Pause, Reason, State
from greenroom.bots import personalities
from greenroom.bots.turns.floor import ASSISTANT, USER
from tests.fakes.async_ledgers import Told
from tests.fakes.stays import Visited, parts_of_a_stay, with_pipeline
from tests.rigs.makers import CELLAR

pytestmark = pytest.mark.anyio

LIMIT = 60
PAUSE = Pause(Call("another-session", CELLAR))


class CallWithAda(Visited):
    """A call whose clock a test sets."""

    def __init__(self, **facts):
        self.ledger, self.at = Told(), 0.0
        facts.setdefault("silence", timedelta(seconds=LIMIT))
        super().__init__(parts_of_a_stay(ledger=self.ledger, **facts))
        self.parts.quiet._now = lambda: self.at
        self.parts.quiet.somebody_is_there()
        self.floor = self.parts.rooms.now.hearing.floor

    async def begins(self):
        await self.parts.controls.prepare({})
        self.pipeline = await with_pipeline(self.parts)
        await self.parts.listener.started()
        await self.comes("ada")
        return self

    async def looks_after(self, seconds):
        self.at += seconds
        await self.parts.quiet.look()

    @property
    def said(self):
        return [frame.text for frame in self.pipeline.frames if isinstance(frame, TTSSpeakFrame)]

    @property
    def ending(self):
        return self.parts.end.ending


@pytest.fixture
async def call():
    return await CallWithAda().begins()


async def test_people_are_asked_in_the_words_of_the_personality_and_told_so(call):
    await call.looks_after(LIMIT - 1)
    assert call.said == []

    await call.looks_after(1)

    assert call.said == [personalities.load("host").still_there]
    assert call.parts.stage.sent[-1] == ("still_there", {"seconds": 60})
    notes = [(step.event, step.detail) for step in call.ledger.told if isinstance(step, Note)]
    assert notes[-1] == ("quiet", "60 s")
    assert call.ending is None


async def test_after_the_same_time_again_the_session_ends_idle_and_with_a_goodbye(call):
    await call.looks_after(LIMIT)
    await call.looks_after(LIMIT - 1)
    assert call.ending is None

    await call.looks_after(1)

    assert (call.ending.reason, call.ending.politely) == (Reason.IDLE, True)
    assert "120 s" in call.ending.detail
    assert len(call.said) == 1  # it has asked once


async def test_whoever_answers_goes_on(call):
    await call.looks_after(LIMIT)
    call.floor.begins(USER, "ada")
    await call.looks_after(LIMIT)
    call.floor.stops(USER, "ada")

    await call.looks_after(LIMIT - 1)

    assert (call.ending, len(call.said)) == (None, 1)


async def test_somebody_who_speaks_for_longer_than_that_is_not_asked(call):
    call.floor.begins(USER, "ada")

    for _ in range(5):
        await call.looks_after(LIMIT)

    assert (call.said, call.ending) == ([], None)


async def test_a_word_between_two_looks_counts(call):
    call.parts.rooms.now.voices.follow(call.pipeline)
    call.at += LIMIT - 1
    call.floor.begins(USER, "ada")
    call.floor.stops(USER, "ada")

    await call.looks_after(LIMIT - 1)

    assert call.said == []


async def test_who_types_is_there(call):
    for _ in range(4):
        await call.looks_after(LIMIT - 1)
        call.parts.turns.message_added({"role": "user", "content": "I am reading."}, "ada")

    await call.looks_after(LIMIT - 1)

    assert call.said == []


async def test_while_the_bot_talks_or_a_tool_runs_nobody_is_asked(call):
    call.floor.begins(ASSISTANT)
    await call.looks_after(3 * LIMIT)
    call.floor.stops(ASSISTANT)
    tool_call = {"id": "c1", "function": {"name": "search", "arguments": "{}"}}
    call.parts.turns.message_added({"role": "assistant", "tool_calls": [tool_call]})
    await call.looks_after(3 * LIMIT)

    assert call.said == []


async def test_a_paused_bot_asks_nothing_and_counts_anew_when_it_is_resumed(call):
    await call.looks_after(LIMIT - 1)
    await call.parts.listener.heed_pause(PAUSE)
    for _ in range(3):
        await call.looks_after(10 * LIMIT)
    assert "still_there" not in call.parts.stage.told and call.ending is None
    await call.parts.listener.heed_pause(None)

    await call.looks_after(LIMIT - 1)
    assert (call.said, call.ending) == ([], None)
    await call.looks_after(1)
    assert len(call.said) == 1


async def test_a_bot_that_waits_in_an_empty_room_has_another_clock(call):
    await call.goes("ada")
    assert call.parts.journal.state is State.WAITING

    await call.looks_after(10 * LIMIT)

    assert (call.said, call.ending) == ([], None)


async def test_a_bot_on_its_way_to_another_room_asks_nothing(call):
    await call.parts.listener.moves()
    await call.looks_after(10 * LIMIT)
    await call.parts.listener.stays()

    await call.looks_after(LIMIT - 1)

    assert call.said == []


async def test_at_0_a_call_may_be_quiet_for_ever():
    call = await CallWithAda(silence=timedelta(0)).begins()

    for _ in range(5):
        await call.looks_after(10_000)

    assert (call.said, call.ending) == ([], None)


async def test_the_call_comes_before_the_personality_and_that_before_the_installation(monkeypatch):
    call = await CallWithAda(silence=None).begins()
    assert call.parts.controls.silence == timedelta(seconds=300)

    calm = personalities.load("host").__class__(
        **{**vars(personalities.load("host")), "silence": timedelta(seconds=7)}
    )
    monkeypatch.setattr("greenroom.bots.stay.controls.load_personality", lambda _: calm)

    assert call.parts.controls.silence == timedelta(seconds=7)
    assert CallWithAda().parts.controls.silence == timedelta(seconds=LIMIT)


async def test_the_question_is_no_goodbye(call):
    await call.looks_after(LIMIT)

    assert not any(isinstance(frame, EndFrame) for frame in call.pipeline.frames)
    assert json.dumps(call.parts.stage.sent)  # what clients are told is JSON


@pytest.mark.parametrize("how", ["muted", "stealth"])
async def test_a_muted_bot_neither_asks_nor_ends_since_it_keeps_quiet_itself(call, how):
    """It would be given away by the question, and its session end because it was not asked."""
    await call.parts.controls.change({how: True})
    await call.looks_after(3 * LIMIT)
    await call.looks_after(3 * LIMIT)

    assert (call.said, call.ending) == ([], None)
    assert "still_there" not in call.parts.stage.told
