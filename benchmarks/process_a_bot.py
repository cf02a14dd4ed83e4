"""The peer of bench-join: one bot in a process of its own, from nothing to its pipeline started."""

import asyncio
import os

from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.types import SmallWebRTCRunnerArguments
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection

from greenroom.bots.assistant import bot as assistant


async def setup_pipeline_worker(worker: PipelineWorker) -> None:
    """pipecat's hook, as our own sessions use it: say when the pipeline has started."""
    worker.add_event_handler("on_pipeline_started", lambda *_: print("started", flush=True))


async def main() -> None:
    os.environ["PIPECAT_SETUP_FILES"] = __file__
    arguments = SmallWebRTCRunnerArguments(
        webrtc_connection=SmallWebRTCConnection(), body={"personality": "host"}
    )
    await assistant.bot(arguments)


if __name__ == "__main__":
    asyncio.run(main())
