"""What a bot hears: the same as with pipecat's own VAD, and nothing is spent on silence."""

import asyncio
import subprocess
import sys
import wave
from collections.abc import Iterator, Sequence
from itertools import count, product
from pathlib import Path

import numpy as np
import pytest
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState
from pipecat.frames.frames import (
    InputAudioRawFrame,
    UserStartedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.tests.utils import SleepFrame, run_test

from greenroom.bots.assistant.ears import SAMPLE_RATE, Ears, Gate, TurnEars, user_params, warm

pytestmark = pytest.mark.heavy

FRAME = 320  # samples: 20 ms, as WebRTC delivers them
TWO_FRAMES = 2
SURE = 0.8  # of the turn model; it says "complete" from 0.5, and 0.95 to 0.98 of a finished sentence
LOUDNESS = pytest.mark.parametrize("db", [-6, 0, +6])  # dB; no processor computes a model as another does


@pytest.fixture(scope="module", autouse=True)
def _warm():
    warm()


@pytest.fixture(scope="module")
def hello() -> np.ndarray:
    """Somebody says "Hello there, how are you today?", 1.9 s, at -20 dBFS while speaking."""
    with wave.open(str(Path(__file__).with_name("hello.wav"))) as file:
        voice = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
    loud = voice[np.abs(voice) > np.abs(voice).max() / 30]
    return voice / np.sqrt((loud**2).mean()) * 10 ** (-20 / 20)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * SAMPLE_RATE))


def noise(seconds: float, db: float, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE)) * 10 ** (db / 20)


def louder(audio: np.ndarray, db: float) -> np.ndarray:
    return audio * 10 ** (db / 20)


def frames(audio: np.ndarray, size: int = FRAME) -> list[bytes]:
    pcm = (np.clip(audio, -1, 0.9999) * 32767).astype(np.int16)
    return [pcm[start : start + size].tobytes() for start in range(0, len(pcm), size)]


def listen(analyzer: VADAnalyzer, audio: np.ndarray, size: int = FRAME) -> list[VADState]:
    async def analyze() -> list[VADState]:
        return [await analyzer.analyze_audio(frame) for frame in frames(audio, size)]

    return asyncio.run(analyze())


def heard(states: list[VADState]) -> list[tuple[VADState, int]]:
    """When speech started and stopped, in frames, as pipecat's VADController sees it."""
    events = [(VADState.QUIET, 0)]
    for at, state in enumerate(states):
        if state in (VADState.SPEAKING, VADState.QUIET) and state != events[-1][0]:
            events.append((state, at))
    return events[1:]


def each_with_each(three: Sequence[int]) -> Iterator[int]:
    """To go beside pairs of which the second are three as well: in nine, each of these meets each of those."""
    return (three[(pair // 3 + pair) % 3] for pair in count())


def ready(analyzer: VADAnalyzer) -> VADAnalyzer:
    analyzer.set_sample_rate(SAMPLE_RATE)
    return analyzer


@pytest.fixture
def ears() -> Ears:
    return ready(Ears())


def test_a_voice_is_heard_when_the_stock_vad_hears_it(hello):
    """However loud, after whatever silence, in frames of any size.

    Either misses a first word now and then, at random: what counts is the usual start, and every stop.
    """
    started: dict[type[VADAnalyzer], list[int]] = {Ears: [], SileroVADAnalyzer: []}
    stopped: dict[type[VADAnalyzer], list[int]] = {Ears: [], SileroVADAnalyzer: []}
    loudness_and_silence = product((+8, 0, -10, -20), (1.0, 2.5, 4.1))
    for (db, before), size in zip(loudness_and_silence, each_with_each((160, FRAME, 960)), strict=False):
        audio = np.concatenate([silence(before), louder(hello, db), silence(1)])
        for kind in (Ears, SileroVADAnalyzer):
            events = heard(listen(ready(kind()), audio, size))
            started[kind].append(events[0][1] * size)
            stopped[kind].append(events[-1][1] * size)

    assert np.median(np.subtract(started[Ears], started[SileroVADAnalyzer])) <= TWO_FRAMES * FRAME
    assert max(abs(np.subtract(stopped[Ears], stopped[SileroVADAnalyzer]))) <= 3 * FRAME


def test_a_voice_over_noise_is_heard_when_the_stock_vad_hears_it(hello):
    """As above: the usual start, and every stop."""
    later: dict[str, list[int]] = {"start": [], "stop": []}
    loudness_and_noise = product((-6, 0, +6), (20, 10, 5))
    for (db, above), seed in zip(loudness_and_noise, each_with_each(range(3)), strict=False):
        audio = louder(np.concatenate([silence(4), hello, silence(2)]), db)
        audio += louder(noise(len(audio) / SAMPLE_RATE, db=-20 - above, seed=seed), db)
        ours, stock = (heard(listen(ready(kind()), audio)) for kind in (Ears, SileroVADAnalyzer))
        later["start"].append(ours[0][1] - stock[0][1])
        later["stop"].append(ours[-1][1] - stock[-1][1])

    assert np.median(later["start"]) <= TWO_FRAMES
    assert max(later["stop"]) <= TWO_FRAMES + 1


def test_in_silence_the_gate_stays_closed(ears):
    for db in (-200, -80, -62):
        listen(ears, noise(3, db))

        assert not ears.is_open


def test_the_gate_closes_after_somebody_spoke(ears, hello):
    listen(ears, np.concatenate([silence(1), hello]))
    was_open = ears.is_open
    listen(ears, silence(1))

    assert (was_open, ears.is_open) == (True, False)


def test_a_steady_noise_is_learned(ears):
    listen(ears, noise(0.5, db=-35))
    was_open = ears.is_open
    listen(ears, noise(3, db=-35))

    assert (was_open, ears.is_open) == (True, False)


@LOUDNESS
def test_a_noise_that_has_gone_hides_no_quiet_voice(ears, hello, db):
    quiet_voice = louder(hello, -16 + db)
    listen(ears, noise(4, db=-30))

    states = listen(ears, np.concatenate([silence(2), quiet_voice, silence(1)]))

    assert VADState.SPEAKING in states


def test_an_unsteady_noise_keeps_the_gate_open():
    gate = Gate()

    learned = [gate.learns(level, 0.02, is_speech_possible=False) for level in [-40.0, -30.0] * 200]

    assert not any(learned)


def test_what_may_be_speech_is_never_learned_as_noise():
    gate = Gate()

    learned = [gate.learns(-30.0, 0.02, is_speech_possible=frame % 40 == 0) for frame in range(400)]

    assert not any(learned)


@LOUDNESS
def test_who_wants_to_hear_whispers_gets_a_wider_gate(ears, hello, db):
    """Whether Silero then knows a whisper for speech is Silero's business."""
    whisper = louder(hello, -50 + db)
    listen(ears, whisper)
    was_open = ears.is_open
    ears.set_params(VADParams(min_volume=0.3))

    listen(ears, whisper)

    assert (was_open, ears.is_open) == (False, True)


def test_a_session_hears_as_well_as_the_one_before_it_in_the_same_process(hello):
    audio = np.concatenate([silence(1), hello, silence(1)])
    first, second = ready(Ears()), ready(Ears())
    before = heard(listen(first, audio))
    asyncio.run(first.cleanup())

    assert heard(listen(second, audio)) == before
    assert second._model.session is first._model.session


@LOUDNESS
def test_a_turn_is_judged_after_another_sessions_analyzer_was_cleaned_up(hello, db):
    """With the silence after it that the VAD waits for, as in every call."""

    async def judge() -> float:
        turn = TurnEars()
        turn.set_sample_rate(SAMPLE_RATE)
        for frame in frames(louder(hello, db)):
            turn.append_audio(frame, True)
        for frame in frames(silence(VADParams().stop_secs)):
            turn.append_audio(frame, False)
        _, judgement = await turn.analyze_end_of_turn()
        await turn.cleanup()
        return judgement.probability

    assert min(asyncio.run(judge()), asyncio.run(judge())) > SURE


def test_models_loaded_before_a_fork_judge_the_same_after_it():
    """In a process of its own, since pytest's has threads, which a fork may not meet."""
    judge = "ears.TurnEars().judge(np.linspace(-1, 1, 16_000, dtype=np.float32))['probability']"
    silero = "listener.voice_confidence(np.linspace(-9e3, 9e3, 512).astype(np.int16).tobytes())"
    script = f"""
import os, threading
import numpy as np
from greenroom.bots.assistant import ears
ears.load()
listener = ears.Ears()
listener.set_sample_rate(16_000)
threads = threading.active_count()
child = os.fork()
said = f"{{threads}} {{{judge}}} {{{silero}}}"
child and os.waitpid(child, 0)
print(said, flush=True)
os._exit(0)
"""
    python = [sys.executable, "-c", script]

    done = subprocess.run(python, capture_output=True, text=True, timeout=60, check=True)

    parent, child = done.stdout.splitlines()
    assert parent == child
    assert parent.startswith("1 ")


@LOUDNESS
def test_the_user_aggregator_tells_when_somebody_speaks(hello, db):
    audio = np.concatenate([silence(1), louder(hello, db), silence(0.6)])
    aggregator = LLMContextAggregatorPair(LLMContext(), user_params=user_params()).user()
    sent = [InputAudioRawFrame(frame, SAMPLE_RATE, 1) for frame in frames(audio)]

    down, _ = asyncio.run(run_test(aggregator, frames_to_send=[*sent, SleepFrame(0.3)]))

    kinds = [type(frame) for frame in down]
    assert kinds.count(VADUserStartedSpeakingFrame) == kinds.count(VADUserStoppedSpeakingFrame) >= 1
    assert UserStartedSpeakingFrame in kinds
