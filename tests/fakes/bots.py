"""Bots for tests: each a plain pipecat bot that does one thing."""

import asyncio
import os
import time
from typing import Any

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

from bots import room_state

TRANSPORTS: dict[str, Any] = {
    "webrtc": lambda: TransportParams(audio_in_enabled=True, audio_out_enabled=True)
}


async def perform(runner_args: RunnerArguments, *processors: FrameProcessor) -> None:
    """A pipeline of these processors, until it ends."""
    transport = await create_transport(runner_args, TRANSPORTS)
    worker = PipelineWorker(
        Pipeline([transport.input(), *processors, transport.output()]),
        params=PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=24_000),
        idle_timeout_secs=runner_args.pipeline_idle_timeout_secs,
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


async def quiet(runner_args: RunnerArguments) -> None:
    """Is there, and says nothing."""
    await perform(runner_args)


async def noting(runner_args: RunnerArguments) -> None:
    """Opens a note, unless one is open."""
    state, about = room_state.current(), runner_args.body or {}
    if state.get("active_note") is None:
        state.open("active_note", {"by": os.getpid()}, owner=about["user_id"])
    await perform(runner_args)


async def broken(runner_args: RunnerArguments) -> None:
    """Crashes at boot."""
    raise RuntimeError("it was written in a hurry")


async def stuck(runner_args: RunnerArguments) -> None:
    """Starts, and then blocks its event loop for good."""
    asyncio.get_running_loop().call_later(1, time.sleep, 600)
    await perform(runner_args)
