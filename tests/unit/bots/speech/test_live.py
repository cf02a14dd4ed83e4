"""What of a change a live bot's services take, and what comes with its next bot."""

import asyncio
from dataclasses import replace
from functools import partial

import pytest
from pipecat.frames.frames import (
    LLMFullResponseEndFrame,
    LLMUpdateSettingsFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat.services.settings import LLMSettings

from greenroom.app.settings import Settings
from greenroom.app.speech import Choice, Part
from greenroom.bots import personalities, speech
from greenroom.bots.speech.failover import PreferFrame
from greenroom.bots.speech.live import live
from greenroom.bots.voices import lacks_of, ready_of
from tests.fakes import openai_server
from tests.rigs.eventually import eventually_in_loop
from tests.rigs.pipelines import asks, running

HOST = personalities.load("host")
SETTINGS = Settings(openai_api_key="a-key")
eventually = partial(eventually_in_loop, within=60)


def wanted(changed=None, settings=SETTINGS, personality=HOST):
    return ready_of(settings, personality.equipped(changed or {}))


def named(first):
    return {part.value: choice.named for part, choice in first.items()}


def test_a_service_that_was_made_can_be_put_first_at_once():
    both = replace(HOST, services={"speaking": ("openai", "demo")})
    made = wanted(personality=both)

    it = live(made, wanted({"services": {"speaking": ["demo"]}}, personality=both))

    assert named(it.first) == {"hearing": "openai", "thinking": "openai", "speaking": "demo"}
    assert it.later == frozenset()


def test_a_service_that_was_not_made_comes_with_the_next_bot_and_what_was_there_goes_on():
    it = live(wanted(), wanted({"services": {"speaking": ["demo"]}}))

    assert named(it.first)["speaking"] == "openai"
    assert it.later == {"services"}


def test_a_voice_s_or_an_ear_s_model_is_decided_when_it_is_made():
    it = live(wanted(), wanted({"services": {"hearing": ["openai/whisper-1"]}}))

    assert named(it.first)["hearing"] == "openai" and it.later == {"services"}


def test_a_mind_takes_another_model_while_it_runs():
    it = live(wanted(), wanted({"model": "gpt-small"}))

    assert (it.model, it.later) == ("gpt-small", frozenset())
    by_service = live(wanted(), wanted({"services": {"thinking": ["openai/gpt-small"]}}))
    assert (by_service.model, by_service.later) == ("gpt-small", frozenset())


def test_a_mind_that_was_made_with_a_model_finds_its_own_again_with_the_next_bot():
    made = wanted({"model": "gpt-small"})

    assert (live(made, wanted()).model, live(made, wanted()).later) == ("gpt-small", {"model"})
    assert live(made, wanted({"model": "gpt-large"})).later == frozenset()


def test_a_model_that_was_given_goes_before_the_personality_s_and_its_services_own():
    both = replace(HOST, services={"thinking": ("openai/gpt-large",)}, model="gpt-middle")

    assert wanted(personality=both)[Part.THINKING][0].named == "openai/gpt-large"
    assert wanted({"model": "gpt-small"}, personality=both)[Part.THINKING][0].named == "openai/gpt-small"


def test_a_model_is_of_the_first_that_can_think_here():
    several = replace(HOST, services={"thinking": ("groq", "openai")})

    (only,) = wanted({"model": "gpt-small"}, personality=several)[Part.THINKING]
    assert only.named == "openai/gpt-small"


def test_a_service_that_lacks_something_is_named_and_the_one_of_before_does_its_part():
    changed = {"services": {"speaking": ["elevenlabs"]}}

    assert named({Part.SPEAKING: wanted(changed)[Part.SPEAKING][0]}) == {"speaking": "openai"}
    (why,) = lacks_of(SETTINGS, HOST.equipped(changed))
    assert why.startswith("elevenlabs (speaking): ") and "ELEVENLABS_API_KEY" in why
    assert lacks_of(SETTINGS, HOST.equipped({"services": {"speaking": ["demo"]}})) == []


@pytest.fixture
def server():
    with openai_server.running() as server:
        server.answer = "Of course."
        yield server


def two_of(part, server):
    """A part of a bot with two of its services, which ask for two models."""
    models = ("openai/first", "openai/second")
    settings = Settings(openai_base_url=server.url, openai_api_key="k")
    personality = replace(HOST, services={part: models})
    return speech.build(personality, settings)


def test_the_mind_that_is_put_first_answers_from_then_on_and_is_the_one_that_learns_a_model(server):
    async def call():
        async with running(two_of("thinking", server).llm) as (worker, _above, below):
            for number, frames in enumerate(
                [
                    [],
                    [PreferFrame({Part.THINKING: "openai/second"})],
                    [LLMUpdateSettingsFrame(delta=LLMSettings(model="third"))],
                    [PreferFrame({Part.THINKING: "openai/first"})],
                    [PreferFrame({Part.SPEAKING: "openai/second"}), PreferFrame({Part.THINKING: "nobody"})],
                ]
            ):
                await worker.queue_frames([*frames, asks("What time is it?")])
                await eventually(lambda: len(below.of(LLMFullResponseEndFrame)) == number + 1)  # noqa: B023

    asyncio.run(call())
    asked = [request["model"] for request in server.asked("/chat/completions")]
    assert asked == ["first", "second", "third", "first", "first"]


def test_the_voice_that_is_put_first_speaks_the_next_sentence_and_no_sentence_twice(server):
    from tests.unit.bots.speech.test_failover import says

    async def call():
        async with running(two_of("speaking", server).tts) as (worker, _above, below):
            await worker.queue_frames(says("One sentence.", "And another."))
            await worker.queue_frames([PreferFrame({Part.SPEAKING: "openai/second"})])
            await eventually(lambda: len(below.of(TTSTextFrame)) >= 2)
            await worker.queue_frames(says("The third."))
            await eventually(lambda: len(below.of(TTSTextFrame)) >= 3 and below.of(TTSAudioRawFrame))

    asyncio.run(call())
    spoken = [(each["model"], each["input"].strip()) for each in server.asked("/audio/speech")]
    assert spoken == [("first", "One sentence."), ("first", "And another."), ("second", "The third.")]


def test_a_choice_is_called_as_it_is_named():
    assert [Choice.read(each, Part.THINKING).named for each in ("openai", "groq/a/b")] == [
        "openai",
        "groq/a/b",
    ]
