"""How a bot is changed, and what it says."""

import pytest
from pipecat.frames.frames import (
    EndFrame,
    InterruptionFrame,
    LLMUpdateSettingsFrame,
    TTSSpeakFrame,
    TTSUpdateSettingsFrame,
)

from greenroom.bots import personalities
from tests.fakes.stays import parts_of_a_stay, with_pipeline

pytestmark = pytest.mark.anyio


async def test_a_change_leaves_what_was_changed_before():
    """Seen under the name of the personality that it was given, whatever else is changed after that."""
    parts = parts_of_a_stay()
    for change in (
        {"mode": "forum"},
        {"personality": "critic"},
        {"mode": "voice"},
        {"voice": "deep"},
        {"mode": "forum"},
        {"personality": None},
        {"mode": None},
    ):
        await parts.controls.change(change)

    assert parts.stage.shown == ["Robin", "Beatrice", None, "Beatrice", "Robin", None]


async def settings_after(*changes, **facts):
    """Voice and prompt of a bot that was changed so."""
    parts = parts_of_a_stay(**facts)
    pipeline = await with_pipeline(parts)
    for change in changes:
        await parts.controls.change(change)
    voices = [frame.delta.voice for frame in pipeline.frames if isinstance(frame, TTSUpdateSettingsFrame)]
    prompts = [
        frame.delta.system_instruction
        for frame in pipeline.frames
        if isinstance(frame, LLMUpdateSettingsFrame)
    ]
    return [voice for voice in voices if isinstance(voice, str)][-1:], prompts[-1:]


async def test_a_bot_that_was_changed_sounds_as_the_one_that_takes_its_session_over():
    """The live bot spoke in the new personality's voice; its successor in the voice that had been set before."""
    one, then = {"voice": "deep", "prompt": "Sing."}, {"personality": "critic"}

    assert await settings_after(one, then) == await settings_after({**one, **then}) == (["deep"], ["Sing."])


async def test_a_change_of_personality_or_of_prompt_keeps_the_instructions_that_the_session_was_joined_with():
    critic, host = personalities.load("critic"), personalities.load("host")
    told = "You collect stamps."

    _, of_critic = await settings_after({"personality": "critic"}, instructions=told)
    _, of_host = await settings_after({"prompt": "Sing."}, {"prompt": None}, instructions=told)
    assert of_critic == [critic.as_asked({"instructions": told}).prompt]
    assert of_host == [host.as_asked({"instructions": told}).prompt]


async def test_a_voice_that_is_set_to_null_is_the_one_of_the_join_again():
    assert (await settings_after({"voice": "deep"}, {"voice": None}, voice="bright"))[0] == ["bright"]


async def test_the_warning_before_the_end_is_in_the_words_of_the_personality():
    parts = parts_of_a_stay(people={"ada"}, personality="stage-manager")
    await parts.controls.prepare({})
    pipeline = await with_pipeline(parts)

    await parts.controls.warn_of_end()

    (frame,) = pipeline.frames
    assert isinstance(frame, TTSSpeakFrame)
    assert frame.text == personalities.load("stage-manager").ending_soon


async def test_a_goodbye_interrupts_what_the_bot_says_and_is_its_last_word():
    parts = parts_of_a_stay(people={"ada"})
    await parts.controls.prepare({})
    pipeline = await with_pipeline(parts)

    assert await parts.controls.say_goodbye()
    assert [type(frame) for frame in pipeline.frames] == [InterruptionFrame, TTSSpeakFrame, EndFrame]


@pytest.mark.parametrize("word", ["say_goodbye", "say_that_it_goes_away", "warn_of_end"])
async def test_in_an_empty_room_nothing_is_said(word):
    parts = parts_of_a_stay()
    await parts.controls.prepare({})
    pipeline = await with_pipeline(parts)

    assert not await getattr(parts.controls, word)()
    assert pipeline.frames == []


async def test_what_is_said_before_the_bot_s_pipeline_is_there_is_said_when_it_is():
    parts = parts_of_a_stay()
    await parts.controls.change({"voice": "deep"})

    pipeline = await with_pipeline(parts)

    assert [frame.delta.voice for frame in pipeline.frames] == ["deep"]
