"""Our bot's camera: a calm picture that opens while it speaks, and shows its name.

It stands right before the output, which plays audio as soon as it comes.  So what passed here is heard at
that moment, and each picture, a twelfth of a second long, shows how loud it is.
"""

import asyncio
import math
from collections import deque

import numpy as np
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputImageRawFrame,
    OutputTransportReadyFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from greenroom.bots.camera.portrait import HEIGHT, STAGES, WIDTH, portraits

PICTURES_A_SECOND = 12  # while it speaks
AT_REST_EVERY = 1.0  # seconds between pictures; a client that joins late shows nothing until the next one
QUIETEST, LOUDEST = -48.0, -14.0  # dB, between silent and wide open
OPENS, CLOSES = 0.6, 0.3  # the share of the way to its new width that it goes with each picture


class Avatar(FrameProcessor):
    """Draws while it has a name; without one it costs nothing."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__()
        self._shown_as = name
        self._heard = _Loudness()
        self._openness = 0.0
        self._has_changed = asyncio.Event()  # the next picture is another one
        self._drawing: asyncio.Task[None] | None = None

    @property
    def is_shown(self) -> bool:
        return self._shown_as is not None

    def show(self, name: str | None) -> None:
        """Be seen under this name from now on, or not at all."""
        self._shown_as = name
        self._has_changed.set()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, EndFrame):
            await self._speak_to_the_end()
        await self.push_frame(frame, direction)
        if isinstance(frame, OutputTransportReadyFrame) and self._drawing is None:
            self._drawing = self.create_task(self._draw())
        elif isinstance(frame, InterruptionFrame):
            self._heard.clear()
        elif isinstance(frame, OutputAudioRawFrame) and self.is_shown:
            self._heard.add(frame.audio, frame.sample_rate, frame.num_channels)
            self._has_changed.set()

    async def cleanup(self) -> None:
        await super().cleanup()
        if self._drawing is not None:
            drawing, self._drawing = self._drawing, None
            await self.cancel_task(drawing)

    async def _speak_to_the_end(self) -> None:
        """Hold the EndFrame until the last words are over: an output that has got it shows no further picture."""
        while self._heard and self._drawing is not None and not self._drawing.done():  # noqa: ASYNC110  paced
            await asyncio.sleep(1 / PICTURES_A_SECOND)

    async def _draw(self) -> None:
        loop, due = asyncio.get_running_loop(), 0.0
        drawn: str | None = None
        pictures: tuple[bytes, ...] = ()
        while True:
            self._has_changed.clear()
            if self._shown_as is None:
                self._heard.clear()
                await self._has_changed.wait()
                continue
            if drawn != self._shown_as:
                drawn = self._shown_as
                pictures = await asyncio.to_thread(portraits, drawn)
            stage = self._next_stage()
            await self.push_frame(OutputImageRawFrame(pictures[stage], (WIDTH, HEIGHT), "RGB"))
            if stage or self._heard:
                due = max(due + 1 / PICTURES_A_SECOND, loop.time())  # pictures that are late are left out
                await asyncio.sleep(due - loop.time())
            else:
                await self._rest()
                due = loop.time()

    def _next_stage(self) -> int:
        """Of the pictures: open at once, and close slowly."""
        aim = self._heard.next()
        self._openness += (aim - self._openness) * (OPENS if aim > self._openness else CLOSES)
        return round(self._openness * (STAGES - 1))

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(AT_REST_EVERY):
                await self._has_changed.wait()
        except TimeoutError:
            pass


def avatar_of(part: FrameProcessor) -> Avatar | None:
    """The avatar in a pipeline, if it has one."""
    if isinstance(part, Avatar):
        return part
    return next((found for each in part.processors if (found := avatar_of(each))), None)


class _Loudness:
    """How loud the next moments are, each from 0 to 1 and as long as a picture lasts."""

    def __init__(self) -> None:
        self._moments: deque[float] = deque()
        self._rest = np.zeros(0, dtype=np.int16)  # samples that do not fill a moment yet

    def __bool__(self) -> bool:
        return bool(self._moments)

    def add(self, audio: bytes, rate: int, channels: int) -> None:
        samples = np.concatenate([self._rest, np.frombuffer(audio, dtype=np.int16)])
        length = rate * channels // PICTURES_A_SECOND
        whole = len(samples) // length * length
        for moment in samples[:whole].reshape(-1, length).astype(np.float32):
            power = float(np.mean(np.square(moment))) / 32_768**2
            loud = (10 * math.log10(power + 1e-9) - QUIETEST) / (LOUDEST - QUIETEST)
            self._moments.append(min(1.0, max(0.0, loud)))
        self._rest = samples[whole:]

    def next(self) -> float:
        return self._moments.popleft() if self._moments else 0.0

    def clear(self) -> None:
        self._moments.clear()
        self._rest = self._rest[:0]
