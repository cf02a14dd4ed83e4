"""A real pipeline of some parts, without a room: what goes in is queued, and what passes both ends is kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from pipecat.frames.frames import Frame, LLMContextFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

Kind = TypeVar("Kind", bound=Frame)


class Line(FrameProcessor):
    """One end of the pipeline, and what came past it."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Frame] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.frames.append(frame)
        await self.push_frame(frame, direction)

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [frame for frame in self.frames if isinstance(frame, kind)]


@asynccontextmanager
async def running(*parts: FrameProcessor) -> AsyncIterator[tuple[PipelineWorker, Line, Line]]:
    """The parts between two ends, of which the first sees what comes back."""
    above, below = Line(), Line()
    worker = PipelineWorker(
        Pipeline([above, *parts, below]),
        params=PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=24_000),
    )
    runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
    await runner.add_workers(worker)
    run = asyncio.create_task(runner.run())
    try:
        yield worker, above, below
    finally:
        await worker.cancel()
        await run


def asks(text: str) -> LLMContextFrame:
    """What a mind is given when a person has said this."""
    return LLMContextFrame(LLMContext([{"role": "user", "content": text}]))
