"""A service that fails in a call: the next choice does what it had to do, against two real HTTP servers."""

import asyncio
from contextlib import ExitStack
from functools import partial

import pytest
from openai import Timeout
from openai import _base_client as openai_client
from pipecat.frames.frames import (
    ErrorFrame,
    InputAudioRawFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    LLMUpdateSettingsFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.services.settings import LLMSettings

from greenroom.app.settings import Settings
from greenroom.bots import personalities
from greenroom.bots.speech import openai
from greenroom.bots.speech.failover import Ears, Minds, Voices, one_of
from tests.fakes import openai_server
from tests.rigs.eventually import eventually_in_loop
from tests.rigs.pipelines import asks, running

HOST = personalities.load("host")
FIRST_VOICE, SECOND_VOICE = b"\x00\x10" * 12_000, b"\x00\x20" * 12_000
eventually = partial(eventually_in_loop, within=60)
FAILURES = [401, 500, "breaks", "hangs"]


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(openai, "LONGEST_WAIT", Timeout(1, connect=1))
    monkeypatch.setattr(openai_client, "INITIAL_RETRY_DELAY", 0.005)


@pytest.fixture
def servers():
    with ExitStack() as stack:
        first, second = (stack.enter_context(openai_server.running()) for _ in range(2))
        first.speech, second.speech = FIRST_VOICE, SECOND_VOICE
        first.heard, second.heard = "first heard", "second heard"
        first.answer, second.answer = "One first answer.", "The second answer."
        yield first, second


@pytest.fixture
def built(servers):
    return [
        openai.build(HOST, Settings(openai_base_url=server.url, openai_api_key="k")) for server in servers
    ]


def play(part, frames, until):
    """Run `part`, send it `frames`, and wait until both ends satisfy `until`."""

    async def call():
        async with running(part) as (worker, above, below):
            await worker.queue_frames(frames)
            await eventually(lambda: until(above, below))
            return above, below

    return asyncio.run(call())


def says(*sentences):
    texts = [LLMTextFrame(f"{sentence} ") for sentence in sentences]
    return [LLMFullResponseStartFrame(), *texts, LLMFullResponseEndFrame()]


def a_sentence():
    audio = [InputAudioRawFrame(b"\x00\x01" * 320, 16_000, 1) for _ in range(50)]
    return [VADUserStartedSpeakingFrame(), *audio, VADUserStoppedSpeakingFrame()]


def sound(below):
    return b"".join(frame.audio for frame in below.of(TTSAudioRawFrame))


@pytest.mark.parametrize("way", FAILURES)
def test_who_takes_over_answers_the_same_question(servers, built, way):
    first, second = servers
    first.fails["/chat/completions"] = way
    minds = one_of(Minds, [each.llm for each in built])

    above, below = play(
        minds, [asks("What time is it?")], lambda _, below: said(below).endswith("The second answer.")
    )

    assert above.of(ErrorFrame) == []
    assert [message["content"] for message in second.asked("/chat/completions")[0]["messages"]][-1] == (
        "What time is it?"
    )
    started, ended = below.of(LLMFullResponseStartFrame), below.of(LLMFullResponseEndFrame)
    assert 1 <= len(started) - len(ended) + 1 <= 2  # the second may still be ending


@pytest.mark.parametrize("way", FAILURES)
def test_who_takes_over_hears_again_what_was_said(servers, built, way):
    servers[0].fails["/audio/transcriptions"] = way
    ears = one_of(Ears, [each.hearing() for each in built])

    above, below = play(ears, a_sentence(), lambda _, below: below.of(TranscriptionFrame))

    assert [frame.text for frame in below.of(TranscriptionFrame)] == ["second heard"]
    assert above.of(ErrorFrame) == []
    assert len(below.of(InputAudioRawFrame)) == 50  # nobody else hears it twice
    assert len(below.of(VADUserStoppedSpeakingFrame)) == 1


@pytest.mark.parametrize("way", FAILURES)
def test_who_takes_over_speaks_what_was_not_spoken(servers, built, way):
    first, second = servers
    first.fails["/audio/speech"] = way
    voices = one_of(Voices, [each.tts for each in built])

    above, below = play(
        voices,
        says("Good evening.", "How are you?"),
        lambda _, below: sound(below).endswith(SECOND_VOICE) and len(below.of(TTSTextFrame)) == 2,
    )

    assert above.of(ErrorFrame) == []
    assert [body["input"].strip() for body in second.asked("/audio/speech")] == [
        "Good evening.",
        "How are you?",
    ]
    assert [frame.text.strip() for frame in below.of(TTSTextFrame)] == ["Good evening.", "How are you?"]


def test_a_sentence_that_was_spoken_is_not_spoken_again(servers, built):
    first, second = servers
    voices = one_of(Voices, [each.tts for each in built])

    async def call():
        async with running(voices) as (worker, _, below):
            await worker.queue_frames(says("Good evening."))
            await eventually(lambda: len(below.of(TTSTextFrame)) == 1)
            first.fails["/audio/speech"] = 500
            await worker.queue_frames(says("How are you?"))
            await eventually(lambda: len(below.of(TTSTextFrame)) == 2)

    asyncio.run(call())

    assert [body["input"].strip() for body in second.asked("/audio/speech")] == ["How are you?"]


class OnlyOnce(dict):
    """Ways to fail that a server forgets with the first request."""

    def items(self):
        found = list(super().items())
        self.clear()
        return found


def test_a_voice_that_comes_round_again_does_not_speak_between(servers, built):
    """The first one still had the next sentence, and spoke it while the second one spoke both."""
    first, second = servers
    first.fails = OnlyOnce({"/audio/speech": "breaks"})
    voices = one_of(Voices, [each.tts for each in built])

    _, below = play(
        voices,
        says("Good evening.", "How are you?"),
        lambda _, below: len(first.asked("/audio/speech")) == 2 and sound(below).endswith(SECOND_VOICE * 2),
    )

    assert (
        len(sound(below)) - 2 * len(SECOND_VOICE) <= len(FIRST_VOICE) // 2
    )  # what there was before it broke off
    assert [body["input"].strip() for body in second.asked("/audio/speech")] == [
        "Good evening.",
        "How are you?",
    ]


def test_where_all_fail_it_is_told_once_and_the_next_question_is_tried_with_all(servers, built):
    first, second = servers
    first.fails["/chat/completions"] = second.fails["/chat/completions"] = 500
    minds = one_of(Minds, [each.llm for each in built])

    async def call():
        async with running(minds) as (worker, above, below):
            await worker.queue_frame(asks("Hello?"))
            await eventually(lambda: above.of(ErrorFrame))
            first.fails.clear()
            await worker.queue_frame(asks("Hello?"))
            await eventually(lambda: said(below).endswith("One first answer."))
            return above

    above = asyncio.run(call())

    assert len(above.of(ErrorFrame)) == 1


def test_where_all_ears_fail_what_is_said_next_is_tried_with_all(servers, built):
    first, second = servers
    first.fails["/audio/transcriptions"] = second.fails["/audio/transcriptions"] = 500
    ears = one_of(Ears, [each.hearing() for each in built])

    async def call():
        async with running(ears) as (worker, above, below):
            await worker.queue_frames(a_sentence())
            await eventually(lambda: above.of(ErrorFrame))
            first.fails.clear()
            await worker.queue_frames(a_sentence())
            await eventually(lambda: below.of(TranscriptionFrame))
            return below

    assert [frame.text for frame in asyncio.run(call()).of(TranscriptionFrame)] == ["first heard"]


def test_ears_that_failed_of_one_sound_are_asked_again_with_the_next_also_where_it_had_no_words(
    servers, built
):
    first, second = servers
    first.fails["/audio/transcriptions"], second.heard = 500, ""  # a cough
    ears = one_of(Ears, [each.hearing() for each in built])

    async def call():
        async with running(ears) as (worker, above, below):
            await worker.queue_frames(a_sentence())
            await eventually(lambda: second.asked("/audio/transcriptions"))
            first.fails.clear()
            second.fails["/audio/transcriptions"] = 500
            await worker.queue_frames(a_sentence())
            await eventually(lambda: below.of(TranscriptionFrame) or above.of(ErrorFrame))
            return above, below

    above, below = asyncio.run(call())

    assert [frame.text for frame in below.of(TranscriptionFrame)] == ["first heard"]
    assert above.of(ErrorFrame) == []


def test_one_choice_is_the_service_itself(built):
    assert one_of(Minds, [built[0].llm]) is built[0].llm


def said(below):
    return "".join(frame.text for frame in below.of(LLMTextFrame)).strip()


def test_a_model_is_of_the_first_choice_also_while_another_stands_in_for_it(servers, built):
    """Whoever had taken over asked its server for a model that only the other one's has."""
    first, second = servers
    first.fails["/chat/completions"] = 500

    async def call():
        async with running(one_of(Minds, [each.llm for each in built])) as (worker, _above, below):
            await worker.queue_frames([asks("What time is it?")])
            await eventually(lambda: said(below).endswith("The second answer."))
            model = LLMUpdateSettingsFrame(delta=LLMSettings(model="of the first"))
            await worker.queue_frames([model, asks("And now?")])
            await eventually(lambda: said(below).count("The second answer.") == 2)

    asyncio.run(call())
    assert [request["model"] for request in second.asked("/chat/completions")] == 2 * [
        Settings().openai_model
    ]
