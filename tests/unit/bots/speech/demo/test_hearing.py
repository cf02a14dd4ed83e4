"""The demo's ears: what recorded voices are heard as, through pipecat's frames."""

import asyncio
import subprocess
import sys
import threading
import wave
from pathlib import Path

import numpy as np
import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    InputAudioRawFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.worker import PipelineParams
from pipecat.tests.utils import run_test
from soxr import resample

from greenroom.bots import personalities
from greenroom.bots.speech.demo import hearing
from greenroom.bots.speech.demo.expecting import UNCLEAR, phrases
from greenroom.bots.speech.demo.hearing import LONGEST, MoonshineSTT, model, transcript
from greenroom.bots.speech.demo.moonshine import END, FOLDER, SAMPLE_RATE, Expected
from greenroom.bots.speech.demo.naming import plain
from greenroom.bots.speech.demo.speaking import model as model_of_speech
from greenroom.bots.speech.demo.speaking import say, voice_of

VOICES = Path(__file__).parents[4] / "voices"
SAID = {"hello": "Hello.", "name": "My name is Alice.", "time": "What time is it?", "goodbye": "Goodbye."}
LONG = 10.6  # seconds in which the reader in the wheel has come to the end of a sentence
STARTED, STOPPED = VADUserStartedSpeakingFrame(), VADUserStoppedSpeakingFrame()


def voice(name):
    with wave.open(str(VOICES / f"{name}.wav")) as recording:
        assert (recording.getframerate(), recording.getnchannels(), recording.getsampwidth()) == (
            16_000,
            1,
            2,
        )
        return np.frombuffer(recording.readframes(recording.getnframes()), dtype=np.int16)


def audio(samples, rate=SAMPLE_RATE):
    """Frames of 20 ms, as a transport sends them."""
    size = rate // 50
    parts = (samples[start : start + size] for start in range(0, len(samples), size))
    return [InputAudioRawFrame(part.astype(np.int16).tobytes(), rate, 1) for part in parts]


def sentence(samples, rate=SAMPLE_RATE):
    """The frames of one sentence: the VAD notices half a second late that somebody speaks."""
    frames = audio(samples, rate)
    return [*frames[:25], STARTED, *frames[25:], STOPPED]


def transcripts(frames, rate=SAMPLE_RATE):
    params = PipelineParams(audio_in_sample_rate=rate)
    down, _ = asyncio.run(
        run_test(MoonshineSTT(), frames_to_send=frames, pipeline_params=params, start_timeout=10)
    )
    return [frame for frame in down if isinstance(frame, TranscriptionFrame)]


def heard(samples, rate=SAMPLE_RATE):
    return [frame.text for frame in transcripts(sentence(samples, rate), rate)]


@pytest.mark.parametrize("volume", [0.5, 1.5])
@pytest.mark.parametrize(("name", "text"), SAID.items())
def test_a_recorded_voice_is_heard(name, text, volume):
    assert heard(np.clip(voice(name) * volume, -32768, 32767)) == [text]


@pytest.mark.parametrize("volume", [0.05, 0.3])
def test_a_quiet_voice_is_heard(volume):
    assert heard(voice("name") * volume) == ["My name is Alice."]


def test_a_voice_over_a_noisy_line_is_heard():
    noise = np.random.default_rng(1).normal(0, 60, len(voice("time")))

    assert heard(voice("time") + noise) == ["What time is it?"]


def test_a_person_who_speaks_for_long_is_heard_to_the_end():
    """Of more than nine seconds: the model reads a mask of the sound that is as long as it expects, or fails."""
    with wave.open(str(FOLDER.parent / "two_cities.wav")) as recording:
        rate = recording.getframerate()
        said = np.frombuffer(recording.readframes(round(LONG * rate)), np.int16)

    text = transcript(resample(said, rate, SAMPLE_RATE).tobytes())

    assert text.startswith("It was the best of times") and text.endswith("the epoch of belief.")


def test_another_sample_rate_is_heard_as_well():
    assert heard(np.repeat(voice("name"), 3), rate=48_000) == ["My name is Alice."]


def test_sentences_are_heard_one_after_the_other():
    frames = [frame for name in SAID for frame in sentence(voice(name))]

    assert [frame.text for frame in transcripts(frames)] == list(SAID.values())


def test_a_transcript_is_final_so_that_the_turn_need_not_wait():
    (transcribed,) = transcripts(sentence(voice("hello")))

    assert transcribed.finalized


def test_silence_is_nothing():
    assert heard(np.zeros(16_000)) == []


def test_a_cough_is_nothing():
    hiss = np.random.default_rng(1).normal(0, 6_000, 3_200) * np.hanning(3_200)

    assert heard(np.pad(hiss, (9_000, 6_000))) == []


def test_what_nobody_says_to_us_is_not_heard():
    assert transcripts(audio(voice("hello"))) == []


def remember(monkeypatch):
    """Who asks for transcripts, and of how much."""
    asked = []

    def remembering(pcm):
        asked.append((threading.get_ident(), len(pcm)))
        return "Hello."

    monkeypatch.setattr(hearing, "transcript", remembering)
    return asked


def test_all_is_heard_on_another_thread_than_the_event_loops(monkeypatch):
    asked = remember(monkeypatch)

    (transcribed,) = transcripts(sentence(np.zeros(16_000)))

    ((thread, size),) = asked
    assert transcribed.text == "Hello." and size == 32_000
    assert thread != threading.get_ident()


def test_what_the_model_raises_is_told_and_the_next_sentence_is_heard(monkeypatch):
    answers = iter([RuntimeError("no memory"), "Hello."])

    def failing_once(pcm):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(hearing, "transcript", failing_once)
    frames = [*sentence(np.zeros(16_000)), *sentence(np.zeros(16_000))]

    params = PipelineParams(audio_in_sample_rate=SAMPLE_RATE)
    down, up = asyncio.run(
        run_test(MoonshineSTT(), frames_to_send=frames, pipeline_params=params, start_timeout=10)
    )

    assert [frame.text for frame in down if isinstance(frame, TranscriptionFrame)] == ["Hello."]
    assert ["no memory" in str(frame.exception) for frame in up if isinstance(frame, ErrorFrame)] == [True]


def test_a_voice_without_end_is_not_heard_without_end(monkeypatch):
    asked = remember(monkeypatch)
    minute = [InputAudioRawFrame(bytes(32_000), SAMPLE_RATE, 1)] * 60

    transcripts([STARTED, *minute, STOPPED])

    assert [size for _, size in asked] == [LONGEST * 32_000]


@pytest.mark.heavy
@pytest.mark.parametrize("personality", personalities.names())
def test_no_sentence_of_the_tour_is_misunderstood_in_any_of_the_demos_voices(personality):
    """Some of them are one short word, which a model of all English is worst at."""
    voice = voice_of(personalities.load(personality))
    said = {
        words: b"".join(say(each, voice) for each in model_of_speech().phonemize(words))
        for words in (VOICES / "tour.txt").read_text().splitlines()
    }

    heard = {
        words: transcript(resample(np.frombuffer(pcm, np.int16), voice.sample_rate, SAMPLE_RATE).tobytes())
        for words, pcm in said.items()
    }

    assert {words: each for words, each in heard.items() if plain(each).lower() != plain(words).lower()} == {}


def as_sentence(text):
    return model().decode(model().sentence(text)[:-1])


def test_every_expected_phrase_is_made_of_the_models_tokens():
    assert {as_sentence(phrase) for phrase in phrases()} == phrases()


@pytest.mark.parametrize(
    "phrase", ["Hello.", "Goodbye.", "What time is it?", "I'm fine thanks.", "Who am I?"]
)
def test_phrases_are_written_as_sentences(phrase):
    assert phrase in phrases()


def test_of_what_is_expected_the_likeliest_is_heard():
    tree = Expected()
    for phrase in ("Goodbye.", "My name is Bob.", "My name is Alice.", "What time is it?"):
        tree.add(model().sentence(phrase))

    listening = model().hear(voice("name") / np.float32(32_768))

    assert listening.as_one_of(tree).text == "My name is Alice."
    assert listening.as_one_of(tree).fit == pytest.approx(listening.as_anything().fit, abs=0.05)


def test_the_end_of_a_sentence_is_a_token():
    assert model().sentence("Hello.")[-1] == END


def test_no_phrase_is_forced_on_other_words():
    assert transcript(voice("name").tobytes()) not in phrases()


def test_a_voice_of_which_nothing_can_be_made_is_unclear(monkeypatch):
    monkeypatch.setattr(hearing, "WORST_FIT", 0.0)

    assert transcript(voice("name").tobytes()) == UNCLEAR


@pytest.mark.heavy
def test_models_loaded_before_a_fork_hear_and_speak_the_same_after_it():
    """In a process of its own, since pytest's has threads, which a fork may not meet."""
    script = """
import os
import numpy as np
from greenroom.bots.speech import demo
from greenroom.bots.speech.demo import hearing, speaking
threads = -len(os.listdir("/proc/self/task"))
demo.load()
threads += len(os.listdir("/proc/self/task"))
child = os.fork()
demo.warm()
said = speaking.say(speaking.model().phonemize("What time is it?")[0], speaking.Voice(pitch=2 / 3))
print(threads, hash(said), hearing.transcript(said), flush=True)
child and os.waitpid(child, 0)
os._exit(0)
"""
    environ = {"PYTHONHASHSEED": "1", "PYTHONPATH": str(Path(__file__).parents[5])}
    python = [sys.executable, "-c", script]
    done = subprocess.run(python, capture_output=True, text=True, timeout=120, check=True, env=environ)

    parent, child = done.stdout.splitlines()
    assert parent == child
    assert parent.startswith("0 ") and parent.endswith("What time is it?")
