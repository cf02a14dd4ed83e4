"""The demo's voice: that it sounds, in the pipeline's rate, off the event loop, and stops when told."""

import asyncio
import threading
import time
from dataclasses import replace

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
from greenroom.bots.speech.demo import espeak
from greenroom.bots.speech.demo.speaking import EspeakTTS, shaped, spoken, voice_named, voice_of

HOST = personalities.load("host")
CRITIC = personalities.load("critic")
VOICE = voice_of(HOST)


def frames_of(*frames, rate=24_000, personality=HOST):
    params = PipelineParams(audio_out_sample_rate=rate)
    sent = asyncio.run(
        run_test(EspeakTTS(personality), frames_to_send=frames, pipeline_params=params, start_timeout=10)
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


def test_espeak_stops_as_soon_as_nobody_wants_more():
    pieces = []

    espeak.say(
        "A long sentence that goes on and on and on.",
        VOICE,
        lambda piece: len(pieces) < 2 and not pieces.append(piece),
    )

    assert len(pieces) == 2


def endless(said):
    """An espeak that talks until it is stopped."""

    def say(text, voice, on_piece):
        said.append(threading.get_ident())
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and on_piece(bytes(2_640)):
            time.sleep(0.001)
        said.append("stopped" if time.monotonic() < deadline else "went on")

    return say


def test_an_interruption_stops_it_and_it_works_on_another_thread(monkeypatch):
    said = []
    monkeypatch.setattr(espeak, "say", endless(said))

    frames_of(TTSSpeakFrame("On and on."), SleepFrame(0.1), InterruptionFrame())

    thread, end = said
    assert thread != threading.get_ident() and end == "stopped"


def test_a_goodbye_that_is_interrupted_still_ends_the_pipeline(monkeypatch):
    said = []
    monkeypatch.setattr(espeak, "say", endless(said))

    frames = frames_of(TTSSpeakFrame("Goodbye."), EndWorkerFrame(), SleepFrame(0.1), InterruptionFrame())

    assert said[1] == "stopped" and any(isinstance(frame, EndWorkerFrame) for frame in frames)


def test_what_espeak_raises_is_raised(monkeypatch):
    def broken(text, voice, on_piece):
        raise OSError("no voice data")

    monkeypatch.setattr(espeak, "say", broken)

    async def listen():
        return [piece async for piece in spoken("Hello.", VOICE)]

    with pytest.raises(OSError, match="no voice data"):
        asyncio.run(listen())


def test_personalities_sound_differently():
    critic = frames_of(TTSSpeakFrame("Good evening."), personality=CRITIC)
    manager = frames_of(TTSSpeakFrame("Good evening."), personality=personalities.load("stage-manager"))

    assert pitch(sound(critic)) > pitch(sound(manager)) + 20


def test_a_voice_is_as_fast_and_as_high_as_a_session_asks():
    slow, low = HOST.as_asked({"voice_parameters": {"speed": 0.5}}), {"pitch": 0, "range": 0}

    usual = sound(frames_of(TTSSpeakFrame("Hello.")))
    assert len(sound(frames_of(TTSSpeakFrame("Hello."), personality=slow))) > 1.4 * len(usual)
    assert shaped(VOICE, low) == replace(VOICE, **low)


def test_what_espeak_cannot_do_is_done_as_far_as_it_can_and_what_it_does_not_know_is_left():
    shape = shaped(VOICE, {"speed": 4.0, "pitch": -3, "range": 300})

    assert (shape.rate, shape.pitch, shape.range) == (450, 0, 99)
    assert shaped(VOICE, {"pitch": "+5%", "stability": 0.5}) == VOICE


def test_a_live_change_of_voice_is_heard():
    change = TTSUpdateSettingsFrame(delta=TTSSettings(voice="en-us+m1"))

    before, after = (
        sound(frames_of(TTSSpeakFrame("Hello."))),
        sound(frames_of(change, TTSSpeakFrame("Hello."))),
    )

    assert pitch(after) < pitch(before) - 20


def test_a_voice_goes_by_its_name_here_and_by_that_of_another_service():
    assert voice_named(CRITIC.voice, otherwise=VOICE) == voice_of(CRITIC)
    assert voice_named(CRITIC.demo_voice.name, otherwise=VOICE) == voice_of(CRITIC)
    assert voice_named("en-us+Annie", otherwise=VOICE) == replace(VOICE, name="en-us+Annie")


@pytest.mark.parametrize("unknown", ["", "alloy", "en-us+nobody", "+f2", "nowhere+f2", "../en-us"])
def test_an_unknown_voice_changes_nothing(unknown):
    assert voice_named(unknown, otherwise=VOICE) == VOICE
