"""pipecat's Silero VAD and smart-turn on sessions that somebody else has loaded, with what pipecat keeps to itself."""

from typing import Any

import numpy as np
import onnxruntime
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroOnnxModel, SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState
from pipecat.audio.volume import AudioVolumeTracker


class SileroStates(SileroOnnxModel):
    """One listener's states on a session that several share."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self.session = session
        self.sample_rates = [8000, 16_000]
        self.reset_states()


class SharedSilero(SileroVADAnalyzer):
    """pipecat's Silero VAD on such a session: it runs where it is called, and starts no thread."""

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        *,
        sample_rate: int | None = None,
        params: VADParams | None = None,
    ) -> None:
        VADAnalyzer.__init__(self, sample_rate=sample_rate, params=params)  # Silero's own loads a model
        self._model = SileroStates(session)
        self._windows_since_reset = 0
        self._low_confidence_windows = 0
        self._confidence = 0.0

    @property
    def state(self) -> VADState:
        return self._vad_state

    @property
    def confidence(self) -> float:
        """Of the last window."""
        return self._confidence

    @property
    def window_bytes(self) -> int:
        return self._vad_frames_num_bytes

    @property
    def window_seconds(self) -> float:
        return self._vad_frames / self.sample_rate

    def hear(self, sound: bytes) -> VADState:
        """What pipecat does in a thread."""
        return self._run_analyzer(sound)

    def measure_again(self, sound: bytes) -> None:
        """Take this sound for all that was heard, as far as loudness is concerned."""
        self._volume_tracker = AudioVolumeTracker()
        self._volume_tracker.update(sound, self.sample_rate)
        self._prev_volume = self._volume_tracker.volume

    def forget(self) -> None:
        """What Silero carries from window to window."""
        self._vad_buffer = b""
        self._model.reset_states()
        self._windows_since_reset = 0
        self._low_confidence_windows = 0

    def voice_confidence(self, buffer: bytes) -> float:
        self._confidence = float(np.ravel(super().voice_confidence(buffer))[0])
        return self._confidence


class SharedSmartTurn(LocalSmartTurnAnalyzerV3):
    """pipecat's smart-turn analyzer on such a session."""

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        *,
        sample_rate: int | None = None,
        params: SmartTurnParams | None = None,
    ) -> None:
        BaseSmartTurn.__init__(self, sample_rate=sample_rate, params=params)  # V3's own loads a model
        self._log_data = False
        self._session = session

    def judge(self, sound: np.ndarray) -> dict[str, Any]:
        """Whether somebody has finished, by 32-bit samples from -1 to 1."""
        return self._predict_endpoint(sound)

    def judged(self) -> None:
        """Called after each judgement, in the thread that has made it."""

    def _predict_endpoint(self, audio_array: np.ndarray) -> dict[str, Any]:
        judgement = super()._predict_endpoint(audio_array)
        self.judged()
        return judgement
