"""A bot that hears, with voice detection and turn model: it tells its client when it has the first sound of a visit.

Run as a module it is one in a process of its own, whose offer comes on standard input and whose answer goes out by
standard output: the peer of bench-reconnect.
"""

import asyncio
import json
import sys
from typing import Any

import numpy as np
from pipecat.frames.frames import Frame, InputAudioRawFrame, OutputTransportMessageUrgentFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregator
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.types import RunnerArguments, SmallWebRTCRunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.workers.runner import WorkerRunner

from greenroom.bots.assistant.ears import user_params

HEARD = {"label": "rtvi-ai", "type": "server-message", "data": {"heard": True}}
LOUD = 1000  # of 32,767

TRANSPORTS: dict[str, Any] = {
    "webrtc": lambda: TransportParams(audio_in_enabled=True, audio_out_enabled=True)
}


class Ears(FrameProcessor):
    """Says once a visit that it hears."""

    def __init__(self) -> None:
        super().__init__()
        self._has_said = False

    async def meet(self, *_: Any) -> None:
        """Somebody has come, or come back."""
        self._has_said = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            await self._hear(frame.audio)
        await self.push_frame(frame, direction)

    async def _hear(self, audio: bytes) -> None:
        if not self._has_said and np.abs(np.frombuffer(audio, np.int16).astype(np.int32)).max() > LOUD:
            self._has_said = True
            await self.push_frame(OutputTransportMessageUrgentFrame(message=HEARD))


async def bot(runner_args: RunnerArguments) -> None:
    """Hears, and says nothing."""
    transport = await create_transport(runner_args, TRANSPORTS)
    ears, turns = Ears(), LLMUserAggregator(LLMContext(), params=user_params())
    transport.add_event_handler("on_client_connected", ears.meet)
    worker = PipelineWorker(
        Pipeline([transport.input(), ears, turns, transport.output()]),
        params=PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=24_000),
        idle_timeout_secs=None,
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


async def main() -> None:
    offer = json.loads(sys.stdin.readline())
    connection = SmallWebRTCConnection()
    await connection.initialize(offer["sdp"], offer["type"])
    running = asyncio.create_task(bot(SmallWebRTCRunnerArguments(webrtc_connection=connection, body={})))
    answer = connection.get_answer()
    assert answer is not None
    print(json.dumps({"sdp": answer["sdp"], "type": answer["type"]}), flush=True)
    await running


if __name__ == "__main__":
    asyncio.run(main())
