"""A conversation for measuring: a recorded voice, prepared lines, canned answers, and a room without a network.

Hearing, thinking and speaking cost next to nothing here, so that what is left
is what a bot costs by being there.
"""

import asyncio
import wave
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import numpy as np
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
    StartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.utils.time import time_now_iso8601

from greenroom.bots.speech import Speech

VOICE = Path(__file__).parent.parent / "tests" / "unit" / "bots" / "assistant" / "hello.wav"  # 2.1 s, 16 kHz
SHARE_HEARD = 0.25
ROOM_TONE_DB = -72.0  # a microphone behind a browser's noise suppression
ANSWER_SECS = 2.0


def recording() -> np.ndarray[Any, np.dtype[np.int16]]:
    """One round of the conversation, 16 kHz: somebody speaks a quarter of the time."""
    with wave.open(str(VOICE)) as file:
        voice = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    samples = np.zeros(round(len(voice) / SHARE_HEARD / 320) * 320)
    samples[16_000 : 16_000 + len(voice)] = voice
    samples += np.random.default_rng(0).standard_normal(len(samples)) * 32768 * 10 ** (ROOM_TONE_DB / 20)
    return samples.astype(np.int16)


def speech() -> Speech:
    return Speech(hearing=Hears, llm=Thinks(), tts=Speaks())


class Hears(SegmentedSTTService):
    """Understands the same line whatever is said."""

    def __init__(self) -> None:
        super().__init__(settings=STTSettings(model="scripted", language=None), ttfs_p99_latency=0.5)

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        yield TranscriptionFrame("Hello there, how are you today?", "", time_now_iso8601(), finalized=True)


class Thinks(FrameProcessor):
    """Has one answer."""

    answers = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        self.answers += 1
        await self.push_frame(LLMFullResponseStartFrame())
        for word in ("Very ", "well, ", "thank ", "you."):
            await self.push_frame(LLMTextFrame(word))
        await self.push_frame(LLMFullResponseEndFrame())


class Speaks(TTSService):
    """Two seconds of canned sound."""

    def __init__(self) -> None:
        settings = TTSSettings(model="scripted", voice="scripted", language=None)
        super().__init__(sample_rate=24_000, push_start_frame=True, push_stop_frames=True, settings=settings)
        wave = np.sin(np.arange(round(24_000 * ANSWER_SECS)) * 0.05) * 8000
        self._sound = wave.astype(np.int16).tobytes()

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        for start in range(0, len(self._sound), self.chunk_size):
            chunk = self._sound[start : start + self.chunk_size]
            yield TTSAudioRawFrame(chunk, self.sample_rate, 1, context_id=context_id)


class QuietRoom(BaseTransport):
    """A room without a network: 20 ms of the recording every 20 ms, and what the bot says takes its time."""

    def __init__(self) -> None:
        super().__init__()
        params = TransportParams(audio_in_enabled=True, audio_out_enabled=True)
        self._input, self._output = _Microphone(params), _Loudspeaker(params)

    def input(self) -> FrameProcessor:
        return self._input

    def output(self) -> FrameProcessor:
        return self._output


class _Microphone(BaseInputTransport):
    def __init__(self, params: TransportParams) -> None:
        super().__init__(params)
        self._speaking: asyncio.Task[None] | None = None

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        self._speaking = self.create_task(self._speak())
        await self.set_transport_ready(frame)

    async def stop(self, frame: EndFrame) -> None:
        await super().stop(frame)
        await self.cleanup()

    async def cleanup(self) -> None:
        if self._speaking:
            await self.cancel_task(self._speaking)
            self._speaking = None
        await super().cleanup()

    async def _speak(self) -> None:
        frames = [part.tobytes() for part in recording().reshape(-1, 320)]
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            for frame in frames:
                await self.push_audio_frame(InputAudioRawFrame(frame, 16_000, 1))
                due += 0.02
                await asyncio.sleep(max(0, due - loop.time()))


class _Loudspeaker(BaseOutputTransport):
    _due = 0.0

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        now = asyncio.get_running_loop().time()
        self._due = max(now, self._due) + frame.num_frames / frame.sample_rate
        await asyncio.sleep(max(0, self._due - now))
        return True
