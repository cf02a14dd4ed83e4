"""What a bot listens with: pipecat's Silero VAD and smart-turn, loaded once a process and idle in silence.

Stock, a bot pays a thread hop every 20 ms and a model run every 32 ms, also
when nobody speaks.  Three things are different here:

- Both ONNX sessions belong to the process; the calls of that process use them one
  after the other, each with states of its own.  They have one thread each, the
  caller's, hence no pool that a fork would break: `load()` may be called before
  the fork, and the children share 25 MB.  `warm()` runs them, after it.
- A gate stands before Silero.  pipecat calls nothing speech that is quieter
  than `min_volume`, whatever the model says of it, so what is too quiet for that
  is not given to the model.  In a noisy room the gate learns the level of a
  steady noise that Silero calls no speech, and opens above it.  When it opens,
  Silero first hears the last half second, so no beginning of a word is lost.
- Silero runs on the event loop.  A window costs 0.14 ms (p99 0.21 ms) there, a
  hop to a thread and back 0.07 ms more (p99 0.12 ms) and twice the wake-ups; a
  catch-up of sixteen windows lets others run after each.  The turn model costs
  tens of milliseconds and stays in its thread.
"""

import asyncio
import ctypes
import math
from functools import cache
from importlib import resources
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.vad.vad_analyzer import VADParams, VADState
from pipecat.audio.volume import VOLUME_WINDOW_SECS
from pipecat.frames.frames import Frame, InputAudioRawFrame
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from greenroom.bots.seam.listening import SharedSilero, SharedSmartTurn, SileroStates

SAMPLE_RATE = 16_000
CATCH_UP = 0.5  # seconds run through Silero when the gate opens: its state settles, soft onsets are inside
HOLD = 0.5  # seconds the gate stays open after the last loud frame; pauses between words are shorter
LEARN = 1.0  # seconds that Silero must call no speech in a row before they count as the room's noise
NO_SPEECH = 0.1  # Silero's confidence below which that is clear
STEADY_DB = 3.0  # the loudest frame of a steady noise is no more than this above its mean
ABOVE_NOISE_DB = 3.0  # how much louder than the room's noise a frame must be to open the gate
WEIGHTING_DB = 6.0  # K-weighting makes nothing louder by more than 3.4 dB; the rest is margin
M_ARENA_MAX = -8  # of glibc's mallopt()
SILENCE_DB = -120.0  # below the least that 16 bits can hold


def load() -> None:
    """Load both models and run neither; starts no thread."""
    _silero_session()
    _turn_session()


def warm() -> None:
    """Run each model once, in the process that will use it; loads them if nobody has."""
    # The threads here take turns: heaps of their own would only keep memory
    _c_library().mallopt(M_ARENA_MAX, 1)
    SileroStates(_silero_session())(np.zeros(512, dtype=np.float32), SAMPLE_RATE)
    TurnEars().judge(np.zeros(SAMPLE_RATE, dtype=np.float32))


def user_params() -> LLMUserAggregatorParams:
    """How the user aggregator learns when somebody speaks and when it is our turn."""
    turn = TurnAnalyzerUserTurnStopStrategy(turn_analyzer=TurnEars())
    return LLMUserAggregatorParams(vad_analyzer=Ears(), user_turn_strategies=UserTurnStrategies(stop=[turn]))


class Gate:
    """Decides by its level alone whether a frame may hold speech."""

    def __init__(self) -> None:
        self.quietest_db = SILENCE_DB  # what is below is too quiet for the VAD in any case
        self._noise_db = SILENCE_DB
        self._learning: list[float] = []

    @property
    def opens_at_db(self) -> float:
        return max(self.quietest_db, self._noise_db + ABOVE_NOISE_DB)

    def opens(self, level_db: float) -> bool:
        """Whether a frame opens the gate.  One that does not is the room's noise, which may have become quieter."""
        if level_db >= self.opens_at_db:
            return True
        if level_db < self._noise_db:
            self._noise_db += 0.1 * (max(level_db, SILENCE_DB) - self._noise_db)
        return False

    def learns(self, level_db: float, seconds: float, *, is_speech_possible: bool) -> bool:
        """Take in a frame that was heard while the gate is open; True once a second of steady noise is known."""
        if is_speech_possible:
            self._learning.clear()
            return False
        self._learning.append(level_db)
        if len(self._learning) * seconds < LEARN:
            return False
        mean = math.fsum(self._learning) / len(self._learning)
        is_steady = max(self._learning) - mean <= STEADY_DB
        self._learning.clear()
        if is_steady:
            self._noise_db = mean
        return is_steady


class Ears(SharedSilero):
    """pipecat's Silero VAD behind a gate, on the session of the process.  Never blocks, owns no thread."""

    def __init__(self, *, sample_rate: int | None = None, params: VADParams | None = None) -> None:
        super().__init__(_silero_session(), sample_rate=sample_rate, params=params)
        self._gate = Gate()
        self._is_open = False
        self._quiet_for = 0.0  # seconds since the last loud frame
        self._history = bytearray()  # what was heard last, in whole windows but for the newest

    @property
    def is_open(self) -> bool:
        return self._is_open

    def set_params(self, params: VADParams) -> None:
        super().set_params(params)
        quietest = 100 * params.min_volume - 110  # volume 0 is -110 LUFS, 1 is -10
        self._gate.quietest_db = quietest - WEIGHTING_DB
        windows = math.ceil(VOLUME_WINDOW_SECS / self.window_seconds) + self._catch_up_windows
        self._history_bytes = windows * self.window_bytes
        self._history.clear()
        self._close()

    async def analyze_audio(self, buffer: bytes) -> VADState:
        level_db = _level_db(buffer)
        self._remember(buffer)
        if self._is_open:
            state = self.hear(buffer)
        elif self._gate.opens(level_db):
            state = await self._catch_up()
        else:
            return VADState.QUIET
        self._maybe_close(level_db, len(buffer) / (2 * self.sample_rate))
        return state

    @property
    def _catch_up_windows(self) -> int:
        return round(CATCH_UP / self.window_seconds)

    def _remember(self, buffer: bytes) -> None:
        """Forget whole windows only, so that later ones begin where they would if all audio had been analyzed."""
        self._history += buffer
        surplus = len(self._history) - self._history_bytes
        if surplus >= self.window_bytes:
            del self._history[: surplus - surplus % self.window_bytes]

    async def _catch_up(self) -> VADState:
        """Hear the last moments as the stock VAD would have heard them, its measure of loudness included."""
        window = self.window_bytes
        whole = len(self._history) // window
        before = max(0, whole - self._catch_up_windows) * window
        self.measure_again(bytes(self._history[:before]))
        recent = bytes(self._history[before:])
        self._is_open = True
        for start in range(0, len(recent), window):
            self.hear(recent[start : start + window])
            await asyncio.sleep(0)
        return self.state

    def _maybe_close(self, level_db: float, seconds: float) -> None:
        is_loud = level_db >= self._gate.opens_at_db
        self._quiet_for = 0.0 if is_loud else self._quiet_for + seconds
        is_quiet = self.state == VADState.QUIET
        is_speech_possible = not is_quiet or self.confidence >= NO_SPEECH
        knows_noise = self._gate.learns(level_db, seconds, is_speech_possible=is_speech_possible)
        if is_quiet and (knows_noise or self._quiet_for >= HOLD):
            self._close()

    def _close(self) -> None:
        """Close in silence only: what Silero carries from window to window tells nothing of a word then."""
        self._is_open = False
        self._quiet_for = 0.0
        self.forget()


class EndOfHearing(FrameProcessor):
    """Stands behind the user aggregator and drops the audio, which nobody further down uses.

    Each processor that a frame passes costs a queue and a wake-up, fifty times a second.
    """

    def __init__(self) -> None:
        super().__init__(enable_direct_mode=True)  # costs neither itself

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, InputAudioRawFrame):
            await self.push_frame(frame, direction)


class TurnEars(SharedSmartTurn):
    """pipecat's smart-turn analyzer on the session of the process."""

    def __init__(self, *, sample_rate: int | None = None, params: SmartTurnParams | None = None) -> None:
        super().__init__(_turn_session(), sample_rate=sample_rate, params=params)

    def judged(self) -> None:
        """Give the 30 MB that a judgement took back to the machine, for other bots."""
        _c_library().malloc_trim(0)


@cache
def _silero_session() -> onnxruntime.InferenceSession:
    return _session("pipecat.audio.vad.data", "silero_vad.onnx")


@cache
def _turn_session() -> onnxruntime.InferenceSession:
    return _session("pipecat.audio.turn.smart_turn.data", "smart-turn-v3.2-cpu.onnx")


def _session(package: str, file: str) -> onnxruntime.InferenceSession:
    options: Any = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # an arena would keep the most memory that a run ever took
    options.enable_mem_pattern = False
    with resources.as_file(resources.files(package) / file) as path:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@cache
def _c_library() -> Any:
    """The C library, for the control of its heap; one that is not glibc is left alone."""
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim") and hasattr(library, "mallopt"):
        return library
    return SimpleNamespace(mallopt=lambda *_: None, malloc_trim=lambda *_: None)


def _level_db(buffer: bytes) -> float:
    samples = np.frombuffer(buffer, dtype=np.int16).astype(np.float32)
    if not samples.size:
        return SILENCE_DB
    power = float(np.dot(samples, samples)) / samples.size
    return 10 * math.log10(max(power / 32768.0**2, 1e-12))
