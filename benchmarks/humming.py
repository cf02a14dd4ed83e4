"""A bot that hums all the time, so that it can be heard where it is."""

import asyncio
import math
from array import array

from pipecat.frames.frames import Frame, OutputAudioRawFrame, StartFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

RATE = 24_000
PIECE = RATE // 50  # 20 ms
LOUDNESS, PITCH = 6_000, 440


def _params() -> TransportParams:
    from pipecat.transports.livekit.transport import LiveKitParams

    return LiveKitParams(audio_in_enabled=True, audio_out_enabled=True)


class Hum(FrameProcessor):
    """A tone that is no speech, so that nobody waits for its end."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self.create_task(self._hum())

    async def _hum(self) -> None:
        loop, at, due = asyncio.get_running_loop(), 0, asyncio.get_running_loop().time()
        while True:
            moments = range(at, at + PIECE)
            tone = array("h", (round(LOUDNESS * math.sin(2 * math.pi * PITCH * n / RATE)) for n in moments))
            await self.push_frame(OutputAudioRawFrame(tone.tobytes(), RATE, 1))
            at, due = at + PIECE, due + PIECE / RATE
            await asyncio.sleep(max(0.0, due - loop.time()))


async def humming(runner_args: RunnerArguments) -> None:
    """It is in its room, and hums."""
    transport = await create_transport(runner_args, {"livekit": _params})
    worker = PipelineWorker(
        Pipeline([transport.input(), Hum(), transport.output()]),
        params=PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=RATE),
        idle_timeout_secs=runner_args.pipeline_idle_timeout_secs,
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()
