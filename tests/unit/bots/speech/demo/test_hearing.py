"""The demo's ears: what recorded voices are heard as, through pipecat's frames."""

import asyncio
import threading
import wave
from pathlib import Path

import numpy as np
import pytest
from pipecat.frames.frames import (
    InputAudioRawFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.worker import PipelineParams
from pipecat.tests.utils import run_test

from greenroom.bots.speech.demo import language
from greenroom.bots.speech.demo.hearing import LONGEST, Listener, PocketsphinxSTT, listener, transcript
from greenroom.bots.speech.demo.language import UNCLEAR
from greenroom.bots.speech.demo.sphinx import MODEL, SAMPLE_RATE, Heard

VOICES = Path(__file__).parents[4] / "voices"
SAID = {"hello": "Hello", "name": "My name is Alice", "time": "What time is it", "goodbye": "Goodbye"}
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


def transcripts(frames, rate=SAMPLE_RATE, by=None):
    stt = PocketsphinxSTT(by or listener())
    params = PipelineParams(audio_in_sample_rate=rate)
    down, _ = asyncio.run(run_test(stt, frames_to_send=frames, pipeline_params=params, start_timeout=10))
    return [frame for frame in down if isinstance(frame, TranscriptionFrame)]


def heard(samples, rate=SAMPLE_RATE):
    return [frame.text for frame in transcripts(sentence(samples, rate), rate)]


@pytest.mark.parametrize("volume", [0.5, 1.5])
@pytest.mark.parametrize(("name", "text"), SAID.items())
def test_a_recorded_voice_is_heard(name, text, volume):
    assert heard(np.clip(voice(name) * volume, -32768, 32767)) == [text]


@pytest.mark.parametrize("volume", [0.05, 0.3])
def test_a_quiet_voice_is_heard(volume):
    assert heard(voice("name") * volume) == ["My name is Alice"]


def test_a_voice_over_a_noisy_line_is_heard():
    noise = np.random.default_rng(1).normal(0, 60, len(voice("time")))

    assert heard(voice("time") + noise) == ["What time is it"]


def test_another_sample_rate_is_heard_as_well():
    assert heard(np.repeat(voice("hello"), 3), rate=48_000) == ["Hello"]


def test_sentences_are_heard_one_after_the_other():
    frames = [frame for name in SAID for frame in sentence(voice(name))]

    assert [frame.text for frame in transcripts(frames)] == list(SAID.values())


def test_a_transcript_is_final_so_that_the_turn_need_not_wait():
    (transcribed,) = transcripts(sentence(voice("hello")))

    assert transcribed.finalized


def test_speech_that_is_none_of_ours_is_not_forced_into_a_sentence():
    assert heard(voice("name")[::-1]) == [UNCLEAR]


def test_silence_is_nothing():
    assert heard(np.zeros(16_000)) == []


def test_what_nobody_says_to_us_is_not_decoded():
    assert transcripts(audio(voice("hello"))) == []


def test_a_session_starts_without_the_former_speakers_sound():
    alone = heard(voice("hello"))
    for name in SAID:
        heard(voice(name) * 0.05)

    assert heard(voice("hello")) == alone


class RememberingSphinx:
    """A decoder that decodes nothing and remembers who asked for it."""

    def __init__(self):
        self.threads = set()
        self.fed = 0

    def _called(self):
        self.threads.add(threading.get_ident())

    def forget_the_speaker(self):
        self._called()

    def start(self):
        self._called()

    def feed(self, pcm):
        self._called()
        self.fed += len(pcm)

    def finish(self):
        self._called()
        return [Heard("hello", 40, 0)]


def test_all_decoding_is_done_on_one_other_thread():
    sphinx = RememberingSphinx()

    (transcribed,) = transcripts(sentence(np.zeros(16_000)), by=Listener(lambda: sphinx))

    assert transcribed.text == "Hello" and sphinx.fed == 32_000
    assert len(sphinx.threads) == 1 and threading.get_ident() not in sphinx.threads


def test_a_voice_without_end_is_not_decoded_without_end():
    sphinx = RememberingSphinx()
    minute = [InputAudioRawFrame(bytes(32_000), SAMPLE_RATE, 1)] * 60

    transcripts([STARTED, *minute, STOPPED], by=Listener(lambda: sphinx))

    assert sphinx.fed == LONGEST * 32_000


def test_every_word_has_a_pronunciation():
    with open(MODEL / "cmudict-en-us.dict") as english:
        pronounced = {line.split()[0].partition("(")[0] for line in language.dictionary(english)}

    assert pronounced == language.words()


def test_the_model_gives_every_word_its_share():
    lines = list(language.model())
    unigrams = lines[lines.index("\n\\1-grams:") + 1 : lines.index("\n\\2-grams:")]
    told = {line.split()[1]: float(line.split()[0]) for line in unigrams}

    assert told.keys() == language.words() | {"<s>", "</s>"}
    assert sum(10**log for word, log in told.items() if word != "<s>") == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    "said",
    ["hello", "my name is zoe", "okay what time is it", "thanks goodbye", "my name is", "hi there i'm bob"],
)
def test_sentences_of_ours_are_known(said):
    assert language.is_ours(said.split())


@pytest.mark.parametrize("said", ["", "hello the", "my alice", "is what time", "goodbyes"])
def test_other_words_are_not(said):
    assert not language.is_ours(said.split())


def test_words_that_do_not_fit_the_sound_are_unclear():
    assert transcript([Heard("hello", 40, 40 * 70_000)]) == UNCLEAR
    assert transcript([Heard("<sil>", 40, 0), Heard("hello(2)", 40, 40 * 20_000)]) == "Hello"


def test_a_cough_is_nothing():
    assert transcript([Heard("is", 9, 9 * 70_000)]) == ""
