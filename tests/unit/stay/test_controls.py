"""What a bot does with what it is asked for."""

import pytest
from pipecat.frames.frames import (
    EndFrame,
    InterruptionFrame,
    LLMUpdateSettingsFrame,
    TTSSpeakFrame,
    TTSUpdateSettingsFrame,
)

from greenroom.app.errors import OthersThere
from greenroom.app.rooms.inbox import Message
from greenroom.app.rooms.sessions import Reason
from greenroom.bots import personalities
from tests.fakes.stays import parts_of_a_stay, with_pipeline

pytestmark = pytest.mark.anyio


def a_message(kind, body):
    return Message("1-1", kind, body, epoch=7)


@pytest.mark.parametrize(
    ("name", "body", "refusal"),
    [
        ("whisper", {"text": "psst"}, "unknown"),
        ("offer", {"user_id": 7}, "malformed"),
        ("leave", {"reason": "left", "unless": "others are there"}, "malformed"),
        ("config", {"colour": "green"}, "malformed"),
    ],
)
async def test_a_message_that_cannot_be_read_is_answered_with_a_refusal_and_does_nothing(name, body, refusal):
    parts = parts_of_a_stay()

    assert await parts.controls.do(a_message(name, body)) == {"error": refusal}
    assert not parts.end.has_begun


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


async def test_a_change_of_personality_or_of_prompt_keeps_the_persona_that_the_session_was_joined_with():
    critic, host = personalities.load("critic"), personalities.load("host")
    persona = "You collect stamps."

    _, of_critic = await settings_after({"personality": "critic"}, persona=persona)
    _, of_host = await settings_after({"prompt": "Sing."}, {"prompt": None}, persona=persona)
    assert of_critic == [critic.with_changes(persona=persona).prompt]
    assert of_host == [host.with_changes(persona=persona).prompt]


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


@pytest.mark.parametrize(
    ("there", "leaves"), [({"ada", "ben"}, False), ({"ada"}, False), ({"ben"}, True), (set(), True)]
)
async def test_a_bot_leaves_at_a_persons_wish_only_if_nobody_else_is_there(there, leaves):
    parts = parts_of_a_stay(people=there)
    wish = a_message("leave", {"reason": "left", "by": "ben"})

    if leaves:
        assert await parts.controls.do(wish) is None
    else:
        with pytest.raises(OthersThere):
            await parts.controls.do(wish)
    assert parts.end.has_begun is leaves


@pytest.mark.parametrize(
    ("body", "said"),
    [({"reason": "left", "by": "ann"}, "ann hung up"), ({"reason": "left"}, "POST /leave, with the key")],
)
async def test_who_ended_a_call_stands_in_its_end(body, said):
    """Hung up, asked to leave, said goodbye by itself: all of them were `left`, and nothing told them apart."""
    parts = parts_of_a_stay()

    await parts.controls.do(a_message("leave", body))

    assert (parts.end.ending.reason, parts.end.ending.detail) == (Reason.LEFT, said)


@pytest.mark.parametrize("is_alone", [True, False])
async def test_a_bot_gives_its_slot_to_who_waits_if_it_is_alone(is_alone):
    parts = parts_of_a_stay(person="ann")
    await parts.listener.started()
    if not is_alone:
        await parts.listener.arrived("ann")

    assert await parts.controls.do(a_message("give_way", {})) == {"gives_way": is_alone}
    assert parts.end.has_begun is is_alone
    if is_alone:
        ending = parts.end.ending
        assert (ending.reason, ending.politely, ending.goes_on) == (Reason.IDLE, False, False)
