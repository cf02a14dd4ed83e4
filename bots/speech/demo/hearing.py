"""The demo's recogniser: Moonshine, one model a process, on a thread of its own, a sentence at a time."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from pipecat.audio.utils import create_stream_resampler
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import STTService
from pipecat.transcriptions.language import Language
from pipecat.utils.time import time_now_iso8601

from greenroom.bots.speech.demo.expecting import UNCLEAR, phrases
from greenroom.bots.speech.demo.moonshine import SAMPLE_RATE, Expected, Moonshine

BEFORE = 0.7  # seconds kept from before the VAD is sure that somebody speaks
LONGEST = 20.0  # seconds of one utterance; what comes after that is not heard
TO_TRANSCRIPT = 0.5  # seconds from the end of speech: 0.2 until the VAD is sure, then up to 0.25 here
SILENCE = 0.4  # seconds put behind what was said: without it the model guesses at very short words
SHORT = 4.0  # seconds in which all expected phrases have room; what is longer is none of them
LIKELIER = 4.0  # nats by which an expected phrase may fit worse than what all of English has
WORST_FIT = -1.6  # nats a token: below that the words are none that anybody has said
LOUDNESS = 0.3  # of the loudest sample, at which the model hears best
MOST_GAIN = 30.0  # a quiet voice is made louder, but not a hiss
OF_A_NOISE = {"", "you"}  # what the model makes of coughs and hisses
NOTHING = 0.003  # of the loudest sample: digital silence and dither


@cache
def model() -> Moonshine:
    """The process's own, for all of a room's people.  Loaded before a fork it is the children's as well."""
    return Moonshine()


@cache
def expected() -> Expected:
    tree = Expected()
    for phrase in phrases():
        tree.add(model().sentence(phrase))
    return tree


@cache
def _thread() -> ThreadPoolExecutor:
    """Where all is heard, one sentence after the other; made by a process that hears, after the fork."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="hearing")


def transcript(pcm: bytes) -> str:
    """What is said in this sound, 16-bit mono at `SAMPLE_RATE`: words, `UNCLEAR`, or nothing.  Blocks."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float32) / 32_768
    loudest = float(np.abs(samples).max(initial=0))
    if loudest < NOTHING:
        return ""
    samples *= min(LOUDNESS / loudest, MOST_GAIN)
    listening = model().hear(np.pad(samples, (0, int(SILENCE * SAMPLE_RATE))))
    heard = listening.as_anything()
    if heard.text.strip(".,!?").lower() in OF_A_NOISE:
        return ""
    if heard.fit / heard.tokens < WORST_FIT:
        return UNCLEAR
    if seconds(pcm) <= SHORT:
        phrase = listening.as_one_of(expected())
        if phrase.fit >= heard.fit - LIKELIER:
            return phrase.text
    return heard.text


class MoonshineSTT(STTService):
    """Hears one person: keeps what they say while they speak, and has it heard when they stop."""

    def __init__(self) -> None:
        super().__init__(
            ttfs_p99_latency=TO_TRANSCRIPT,
            settings=STTSettings(model="moonshine tiny-en", language=Language.EN),
        )
        self._resampler = create_stream_resampler()
        self._before: deque[bytes] = deque()
        self._seconds_before = 0.0
        self._said: bytearray | None = None  # None: nobody speaks
        self._hearing: set[asyncio.Task[None]] = set()

    async def stop(self, frame: EndFrame) -> None:
        await asyncio.gather(*self._hearing)
        await super().stop(frame)

    async def cancel(self, frame: CancelFrame) -> None:
        for task in list(self._hearing):
            await self.cancel_task(task)
        await super().cancel(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStartedSpeakingFrame):
            self._somebody_speaks()
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._they_stopped()

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        pcm = await self._resampler.resample(audio, self.sample_rate, SAMPLE_RATE)
        if self._said is None:
            self._keep(pcm)
        elif seconds(self._said) < LONGEST:
            self._said += pcm
        yield None

    def _keep(self, pcm: bytes) -> None:
        self._before.append(pcm)
        self._seconds_before += seconds(pcm)
        while self._seconds_before > BEFORE and len(self._before) > 1:
            self._seconds_before -= seconds(self._before.popleft())

    def _somebody_speaks(self) -> None:
        if self._said is not None:
            return
        self._said = bytearray(b"".join(self._before))
        self._before.clear()
        self._seconds_before = 0.0

    def _they_stopped(self) -> None:
        if self._said is None:
            return
        said, self._said = bytes(self._said), None
        transcribed = asyncio.get_running_loop().run_in_executor(_thread(), transcript, said)
        task = self.create_task(self._push_transcript(transcribed), name="transcript")
        self._hearing.add(task)
        task.add_done_callback(self._hearing.discard)

    async def _push_transcript(self, transcribed: "asyncio.Future[str]") -> None:
        try:
            text = await transcribed
        except Exception as error:  # whatever the library raises, the call goes on
            await self.push_error("What was said could not be recognised", exception=error)
            return
        if text:
            frame = TranscriptionFrame(text, self._user_id, time_now_iso8601(), Language.EN)
            frame.finalized = True
            await self.push_frame(frame)


def seconds(pcm: bytes | bytearray) -> float:
    return len(pcm) / 2 / SAMPLE_RATE
