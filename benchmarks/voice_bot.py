"""The peer of bench-voice: the demo's hearing, script and voice as pipecat's documentation has it, for its runner."""

from typing import Any

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.runner.run import main
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

from greenroom.app import settings
from greenroom.bots import personalities
from greenroom.bots.speech import demo

TRANSPORTS: dict[str, Any] = {
    "webrtc": lambda: TransportParams(audio_in_enabled=True, audio_out_enabled=True)
}


async def bot(runner_args: RunnerArguments) -> None:
    """Answers whoever calls."""
    transport = await create_transport(runner_args, TRANSPORTS)
    parts = demo.build(personalities.load("host"), settings.load())
    person, ours = LLMContextAggregatorPair(
        LLMContext(), user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    )
    pipeline = [transport.input(), parts.hearing(), person, parts.llm, parts.tts, transport.output(), ours]
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(PipelineWorker(Pipeline(pipeline)))
    await runner.run()


if __name__ == "__main__":
    demo.load()
    demo.warm()
    main()
