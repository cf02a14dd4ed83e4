"""The demo's voice: that it sounds, in the pipeline's rate, off the event loop, and stops when told."""

import asyncio
import threading
import time
from contextlib import aclosing

import numpy as np
import pytest
from pipecat.frames.frames import (
    EndWorkerFrame,
    InterruptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
    TTSUpdateSettingsFrame,
)
from pipecat.pipeline.worker import PipelineParams
from pipecat.services.settings import TTSSettings
from pipecat.tests.utils import SleepFrame, run_test

from greenroom.bots import personalities
from greenroom.bots.seam.settings import settings_of_voice
from greenroom.bots.speech.demo import speaking
from greenroom.bots.speech.demo.hearing import transcript
from greenroom.bots.speech.demo.speaking import HibariTTS, Voice, model, shaped, spoken, voice_named, voice_of

HOST = personalities.load("host")
CRITIC = personalities.load("critic")
VOICE = voice_of(HOST)


def frames_of(*frames, rate=24_000, personality=HOST):
    params = PipelineParams(audio_out_sample_rate=rate)
    sent = asyncio.run(
        run_test(HibariTTS(personality), frames_to_send=frames, pipeline_params=params, start_timeout=10)
    )
    return list(sent[0])


def sound(frames):
    return np.frombuffer(b"".join(f.audio for f in frames if isinstance(f, TTSAudioRawFrame)), dtype=np.int16)


def pitch(samples, rate=24_000):
    """How often a second the wave repeats itself, by autocorrelation, as far as voices do."""
    spectrum = np.fft.rfft(samples.astype(float), 2 * len(samples))
    likeness = np.fft.irfft(np.abs(spectrum) ** 2)
    shortest, longest = rate // 350, rate // 60
    return rate / (shortest + likeness[shortest:longest].argmax())


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 48_000])
def test_a_sentence_sounds_as_long_as_it_is_said_at_any_rate(rate):
    frames = frames_of(TTSSpeakFrame("Good evening, and welcome."), rate=rate)

    heard = sound(frames)
    assert {f.sample_rate for f in frames if isinstance(f, TTSAudioRawFrame)} == {rate}
    assert 1 < len(heard) / rate < 3
    assert np.sqrt(np.mean(heard.astype(float) ** 2)) > 1_000
    assert np.abs(heard.astype(int)).max() < 32_767


def test_the_speech_is_said_to_be_over():
    kinds = [type(frame) for frame in frames_of(TTSSpeakFrame("Hello."))]

    assert kinds.count(TTSStoppedFrame) == 1 and kinds.index(TTSStoppedFrame) > kinds.index(TTSAudioRawFrame)


def listened(text, voice=VOICE):
    async def listen():
        return [piece async for piece in spoken(text, voice)]

    return asyncio.run(listen())


def count_sentences(monkeypatch):
    """Sentences as they are made, and on which thread; each takes a while."""
    made = []

    def say(phonemes, voice):
        made.append(threading.get_ident())
        time.sleep(0.05)
        return bytes(48_000)

    monkeypatch.setattr(speaking, "say", say)
    return made


def test_it_is_made_on_another_thread_and_a_sentence_at_a_time(monkeypatch):
    made = count_sentences(monkeypatch)

    listened("One. Two. Three.")

    assert len(made) == 3 and threading.get_ident() not in made


def test_whoever_stops_listening_gets_no_more_made(monkeypatch):
    made = count_sentences(monkeypatch)

    async def listen_to_the_first():
        async with aclosing(spoken("One. Two. Three.", VOICE)) as pieces:
            async for _ in pieces:
                break

    asyncio.run(listen_to_the_first())

    assert len(made) == 1


def test_an_interruption_leaves_out_the_rest(monkeypatch):
    made = count_sentences(monkeypatch)

    frames_of(TTSSpeakFrame("On. " * 100), SleepFrame(0.1), InterruptionFrame())

    assert 0 < len(made) < 100


def test_a_goodbye_that_is_interrupted_still_ends_the_pipeline(monkeypatch):
    count_sentences(monkeypatch)

    frames = frames_of(TTSSpeakFrame("Bye. " * 100), EndWorkerFrame(), SleepFrame(0.1), InterruptionFrame())

    assert any(isinstance(frame, EndWorkerFrame) for frame in frames)


def test_what_the_model_raises_is_raised(monkeypatch):
    def broken(phonemes, voice):
        raise OSError("no model")

    monkeypatch.setattr(speaking, "say", broken)

    with pytest.raises(OSError, match="no model"):
        listened("Hello.")


@pytest.mark.parametrize(
    "text", ["", " ", "...", "\0", "\N{GRINNING FACE}", "[a](/zzz/)", "<b>", "[", "x" * 2_000]
)
def test_any_text_is_spoken_or_left_out(text):
    assert all(isinstance(piece, bytes) for piece in listened(text))


@pytest.mark.parametrize(
    "text",
    [
        "My name is Robin.",
        "It is five o'clock.",
        "Today is Friday.",
        "I am glad to hear it.",
        "Your name is Alice.",
    ],
)
def test_what_it_says_is_what_our_own_ears_hear(text):
    assert transcript(b"".join(listened(text, Voice(pitch=2 / 3, speed=0.8)))) == text


@pytest.mark.parametrize("text", ["Hello, and welcome.", "What is your name?"])
def test_a_sentence_begins_soon_and_neither_begins_nor_ends_with_a_click(text):
    samples = np.frombuffer(b"".join(listened(text)), np.int16).astype(int)

    loud = np.flatnonzero(np.abs(samples) > 500)
    assert loud[0] / 24_000 < 0.15
    assert np.abs(samples[:48]).max() < 300 and np.abs(samples[-48:]).max() < 300


@pytest.mark.parametrize(
    ("written", "alike"),
    [("3:05", "three oh five"), ("28th", "twenty eighth"), ("1,250", "one thousand two hundred fifty")],
)
def test_numbers_and_times_are_spoken_as_they_are_said(written, alike):
    said, spelt = (model().phonemize(f"It is {each}.") for each in (written, alike))

    assert [each.replace(" and ", " ") for each in said] == spelt


def test_personalities_sound_differently():
    critic = frames_of(TTSSpeakFrame("Good evening."), personality=CRITIC)
    manager = frames_of(TTSSpeakFrame("Good evening."), personality=personalities.load("stage-manager"))

    assert pitch(sound(critic)) > pitch(sound(manager)) + 20


def test_a_voice_is_as_fast_and_as_high_as_a_session_asks():
    slow = HOST.as_asked({"voice_parameters": {"speed": 0.5}})
    low = HOST.as_asked({"voice_parameters": {"pitch": 0.8}})

    usual = sound(frames_of(TTSSpeakFrame("Hello.")))
    assert len(sound(frames_of(TTSSpeakFrame("Hello."), personality=slow))) > 1.4 * len(usual)
    lower = sound(frames_of(TTSSpeakFrame("Hello."), personality=low))
    assert pitch(lower) < pitch(usual) - 20
    assert len(lower) == pytest.approx(len(usual), rel=0.15)  # lower, and as fast as before


def test_what_the_voice_cannot_do_is_done_as_far_as_it_can_and_what_it_does_not_know_is_left():
    assert shaped(VOICE, {"speed": 4.0, "pitch": -3}) == Voice(speed=2.0, pitch=0.7)
    assert shaped(VOICE, {"speed": 0, "pitch": 300}) == Voice(speed=0.5, pitch=1.4)
    assert shaped(VOICE, {"pitch": "+5%", "stability": 0.5}) == VOICE


def test_a_live_change_of_voice_is_heard():
    change = TTSUpdateSettingsFrame(delta=TTSSettings(voice="tenor"))

    before, after = (
        sound(frames_of(TTSSpeakFrame("Hello."))),
        sound(frames_of(change, TTSSpeakFrame("Hello."))),
    )

    assert pitch(after) < pitch(before) - 20


def test_a_live_change_of_speed_is_heard():
    """It was heard from the next bot on."""
    change = TTSUpdateSettingsFrame(delta=settings_of_voice({"speed": 0.5}))

    before, after = (
        sound(frames_of(TTSSpeakFrame("Hello."))),
        sound(frames_of(change, TTSSpeakFrame("Hello."))),
    )

    assert len(after) > 1.4 * len(before)


def test_a_voice_goes_by_its_name_here_and_by_that_of_another_service():
    assert voice_named(CRITIC.voice) == voice_of(CRITIC)
    assert voice_named(CRITIC.demo_voice.name) == voice_of(CRITIC)


@pytest.mark.parametrize("unknown", ["", "alloy", "en-us+f2", "../heart"])
def test_an_unknown_voice_is_the_model_s_own(unknown):
    assert voice_named(unknown) == Voice()
