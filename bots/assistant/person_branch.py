"""One person's part of the pipeline: their recogniser, and the aggregator of what they say."""

from collections import deque
from collections.abc import Callable
from typing import Any

from pipecat.frames.frames import CancelFrame, Frame, StartFrame, UserAudioRawFrame
from pipecat.pipeline.pipeline import PipelineSink, PipelineSource
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from greenroom.bots.seam.branch import Branch

FRAMES_REMEMBERED = 256  # of those given to a branch, to know them again where they leave it


class PersonBranch:
    """Where one person is heard alone; `out` gets what their recogniser and aggregator make of it."""

    def __init__(
        self,
        person: str,
        processors: list[FrameProcessor],
        out: Callable[[str, Frame, FrameDirection], Any],
    ) -> None:
        async def push(frame: Frame, direction: FrameDirection) -> None:
            if frame.id not in self._taken:
                await out(person, frame, direction)

        self._taken: deque[int] = deque(maxlen=FRAMES_REMEMBERED)
        self._is_open = False
        source = PipelineSource(push, name=f"People::{person}::Source")
        sink = PipelineSink(push, name=f"People::{person}::Sink")
        self.pipeline = Branch(processors, source=source, sink=sink)

    async def open(self, setup: Any, started: StartFrame | None) -> None:
        await self.pipeline.open(setup)
        if started is not None:
            await self.take(started, FrameDirection.DOWNSTREAM)

    async def take(self, frame: Frame, direction: FrameDirection) -> None:
        """Give it a frame.  Where that leaves it again unchanged it is dropped: `People` has passed it on."""
        self._is_open = self._is_open or isinstance(frame, StartFrame)
        if not self._is_open:
            return
        if not isinstance(frame, UserAudioRawFrame):
            self._taken.append(frame.id)
        if direction is FrameDirection.DOWNSTREAM:
            await self.pipeline.queue_frame(frame, direction)
        else:
            await self.pipeline.processors[-1].queue_frame(frame, direction)

    async def close(self) -> None:
        await self.take(CancelFrame(), FrameDirection.DOWNSTREAM)
        await self.pipeline.cleanup()
