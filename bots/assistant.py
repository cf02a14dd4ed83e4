"""Our own bot: one person's partner in conversation, with a personality.

It is a plain pipecat bot and knows nothing of sessions, leases or Redis.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from pipecat.frames.frames import LLMRunFrame
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frameworks.rtvi import RTVIObserverParams, RTVIProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

from app import settings
from bots import ears, personalities, speech
from bots.pipeline import build

TRANSPORTS: dict[str, Callable[[], Any]] = {
    "webrtc": lambda: TransportParams(audio_in_enabled=True, audio_out_enabled=True),
}

_settings = cache(settings.load)  # once a process, not for each call


async def bot(runner_args: RunnerArguments) -> None:
    """Talk with whoever comes until the session ends."""
    about: dict[str, Any] = runner_args.body or {}
    current = _settings()
    personality = personalities.load(about.get("personality") or current.default_personality)
    personality = personality.with_changes(voice=about.get("voice"), persona=about.get("persona"))
    transport = await create_transport(runner_args, TRANSPORTS)
    context = LLMContext(messages=list(about.get("conversation") or []))
    worker = PipelineWorker(
        build(transport, speech.build(personality, current), context, ears.user_params()),
        params=PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=24_000),
        idle_timeout_secs=runner_args.pipeline_idle_timeout_secs,
        enable_turn_tracking=False,
        rtvi_observer_params=RTVIObserverParams(metrics_enabled=False),
    )

    has_met = False

    @worker.rtvi.event_handler("on_client_ready")
    async def greet(_rtvi: RTVIProcessor) -> None:
        """A page that was reloaded goes on where it was; so does a replacement, which owes an answer perhaps."""
        nonlocal has_met
        messages: list[Any] = context.messages
        owes_an_answer = not has_met and messages and messages[-1].get("role") == "user"
        if not messages or owes_an_answer:
            await worker.queue_frame(LLMRunFrame())
        has_met = True

    runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
    await runner.add_workers(worker)
    await runner.run()
