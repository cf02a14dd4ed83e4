"""A service that takes what it is given and never answers: pipecat's own classes, against real servers."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from openai import Timeout
from pipecat.frames.frames import (
    ErrorFrame,
    InputAudioRawFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSTextFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.utils.errors import ErrorCategory
from websockets.asyncio.server import serve

from greenroom.app.settings import Settings
from greenroom.app.speech import Choice, Part, table
from greenroom.bots import personalities
from greenroom.bots.speech import making, openai, patience
from greenroom.bots.speech.failover import Minds, Voices, one_of
from greenroom.bots.speech.making import Making
from tests.fakes import openai_server
from tests.rigs.eventually import eventually_in_loop
from tests.rigs.pipelines import asks, running

pytestmark = pytest.mark.anyio

HOST = personalities.load("host")
LONG = 0.3  # seconds, in place of ten


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(patience, "GRACE", 0.1)
    monkeypatch.setenv("CARTESIA_API_KEY", "a-key")


@pytest.fixture
def server():
    with openai_server.running() as server:
        yield server


@asynccontextmanager
async def silent_socket():
    """A WebSocket server that takes everything and says nothing; its address."""

    async def listen(connection):
        async for _ in connection:
            pass

    async with serve(listen, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def made(name, part, within=LONG, **arguments):
    """A service of the table, with other arguments and little patience."""
    service = replace(table()[name, part], arguments=arguments, answers_within=within)
    return Making(HOST, Settings(openai_api_key="k")).make(Choice(service))


def says(seconds):
    audio = [InputAudioRawFrame(b"\x00\x01" * 1600, 16_000, 1) for _ in range(round(seconds * 10))]
    return [VADUserStartedSpeakingFrame(), *audio, VADUserStoppedSpeakingFrame()]


@pytest.fixture
def ollama(server, monkeypatch):
    monkeypatch.setenv("OLLAMA_BASE_URL", server.url)
    server.fails["/chat/completions"] = "hangs"
    return made("ollama", Part.THINKING)


async def test_a_mind_that_never_answers_has_failed_and_holds_nobody_up(ollama):
    """pipecat's client of Ollama waits for ten minutes, three times; an apology waits behind it."""
    async with running(ollama) as (worker, above, below):
        await worker.queue_frame(asks("Hello?"))
        await eventually_in_loop(lambda: above.of(ErrorFrame), within=30)
        await worker.queue_frame(TTSSpeakFrame(HOST.sorry))
        await eventually_in_loop(lambda: below.of(TTSSpeakFrame), within=30)

    assert {error.category for error in above.of(ErrorFrame)} <= {ErrorCategory.CONNECTIVITY}
    assert len(below.of(LLMFullResponseEndFrame)) == len(below.of(LLMFullResponseStartFrame)) == 1


async def test_one_whose_client_has_no_bound_is_waited_for_no_longer(server, monkeypatch):
    monkeypatch.setattr(making, "bound_client", lambda *_: None)
    monkeypatch.setenv("OLLAMA_BASE_URL", server.url)
    server.fails["/chat/completions"] = "hangs"
    server.answer = "The second answer."
    with openai_server.running() as second:
        second.answer = "The second answer."
        settings = Settings(openai_base_url=second.url, openai_api_key="k")
        minds = one_of(Minds, [made("ollama", Part.THINKING), openai.build(HOST, settings).llm])
        async with running(minds) as (worker, above, below):
            await worker.queue_frame(asks("Hello?"))
            await eventually_in_loop(lambda: "answer. " in [each.text for each in below.of(LLMTextFrame)], 30)

    assert above.of(ErrorFrame) == []


async def test_one_that_answers_slowly_but_steadily_has_not_failed(server, monkeypatch):
    monkeypatch.setenv("OLLAMA_BASE_URL", server.url)
    server.answer, server.pause = "again " * 23 + "and done", 0.3
    async with running(made("ollama", Part.THINKING, within=1.0)) as (worker, above, below):
        await worker.queue_frame(asks("Hello?"))
        await eventually_in_loop(lambda: below.of(LLMFullResponseEndFrame), within=30)

    assert above.of(ErrorFrame) == []
    assert len(below.of(LLMTextFrame)) == 25


async def test_ears_that_hear_a_sentence_and_say_nothing_have_failed():
    async with silent_socket() as url:
        ears = made("cartesia", Part.HEARING, base_url=url)
        async with running(ears) as (worker, above, _):
            await worker.queue_frames(says(3))
            await eventually_in_loop(lambda: above.of(ErrorFrame), within=30)


async def test_ears_that_say_nothing_of_a_cough_have_not_failed():
    async with silent_socket() as url:
        ears = made("cartesia", Part.HEARING, base_url=url)
        async with running(ears) as (worker, above, _):
            await worker.queue_frames(says(0.5))
            await asyncio.sleep(3 * (LONG + patience.GRACE))

    assert above.of(ErrorFrame) == []


async def test_a_voice_that_never_speaks_has_failed_and_its_words_are_told_as_text():
    async with silent_socket() as url:
        voice = one_of(Voices, [made("cartesia", Part.SPEAKING, url=url)])
        async with running(voice) as (worker, above, below):
            await worker.queue_frame(TTSSpeakFrame("Good evening."))
            await eventually_in_loop(lambda: above.of(ErrorFrame) and told(below), within=30)

    assert told(below) == "Good evening."
    assert below.of(TTSAudioRawFrame) == []


async def test_what_a_voice_never_speaks_another_one_does(server):
    """pipecat tells the words of a silence as if they had been spoken, before it says that it was one."""
    voices = [openai.build(HOST, Settings(openai_base_url=server.url, openai_api_key="k")).tts]
    async with silent_socket() as url:
        voice = one_of(Voices, [made("cartesia", Part.SPEAKING, url=url), *voices])
        async with running(voice) as (worker, above, below):
            await worker.queue_frame(TTSSpeakFrame("Good evening."))
            await eventually_in_loop(lambda: told(below), within=30)

    assert b"".join(frame.audio for frame in below.of(TTSAudioRawFrame)) == server.speech
    assert told(below) == "Good evening."
    assert above.of(ErrorFrame) == []


@pytest.mark.parametrize("way", [401, 500, "breaks", "hangs"])
async def test_whatever_becomes_of_its_voice_the_words_of_a_bot_reach_its_clients(server, way, monkeypatch):
    server.fails["/audio/speech"] = way
    monkeypatch.setattr(openai, "LONGEST_WAIT", Timeout(LONG))
    settings = Settings(openai_base_url=server.url, openai_api_key="k")
    choice = Choice(replace(table()["openai", Part.SPEAKING], answers_within=LONG))
    voice = one_of(Voices, [Making(HOST, settings).make(choice)])
    async with running(voice) as (worker, above, below):
        await worker.queue_frame(TTSSpeakFrame("Good evening."))
        await worker.queue_frame(TTSSpeakFrame("How are you?"))
        await eventually_in_loop(lambda: above.of(ErrorFrame) and len(below.of(TTSTextFrame)) == 2, within=60)

    assert told(below) == "Good evening. How are you?"


def told(below):
    return " ".join(frame.text.strip() for frame in below.of(TTSTextFrame))
