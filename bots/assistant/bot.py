"""Our own bot: a partner in conversation with a personality, for one person or for each of several.

It is a plain pipecat bot and knows nothing of sessions, leases or Redis.
"""

from collections.abc import Awaitable, Callable, Collection
from functools import cache
from typing import Any, Protocol

from pipecat.frames.frames import LLMRunFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frameworks.rtvi import RTVIObserverParams, RTVIProcessor
from pipecat.runner.types import DailyRunnerArguments, RunnerArguments, SmallWebRTCRunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.workers.runner import WorkerRunner

from greenroom.app import settings
from greenroom.app.rooms.brief import Mode
from greenroom.app.rooms.memory import with_memory, without_memory
from greenroom.app.settings import Settings
from greenroom.bots import at_hand, personalities, speech
from greenroom.bots.assistant import ears
from greenroom.bots.assistant.greeting import speaks_first
from greenroom.bots.assistant.introduction import introduction
from greenroom.bots.assistant.people import People
from greenroom.bots.assistant.pipeline import build, build_for_several
from greenroom.bots.camera.avatar import PICTURES_A_SECOND, Avatar
from greenroom.bots.camera.portrait import HEIGHT, WIDTH
from greenroom.bots.tools.known import known_tools
from greenroom.bots.tools.toolbox import Toolbox

VOICE: dict[str, Any] = {"audio_in_enabled": True, "audio_out_enabled": True}
CAMERA: dict[str, Any] = {
    "video_out_is_live": True,  # a picture is sent when it comes, not at a fixed rate
    "video_out_width": WIDTH,
    "video_out_height": HEIGHT,
    "video_out_framerate": PICTURES_A_SECOND,
}


class BeginContext(Protocol):
    """Begins what a model reads in a conversation with this person."""

    def __call__(self, person: str, messages: Collection[Any] = (), /) -> LLMContext: ...


def transports(*, with_camera: bool) -> dict[str, Callable[[], Any]]:
    """The parameters of its transport, by the kind of room."""
    media = {**VOICE, **CAMERA, "video_out_enabled": with_camera}
    return {
        "webrtc": lambda: TransportParams(**VOICE),
        "livekit": lambda: _livekit_params(**media),
        "daily": lambda: _daily_params(**media),
    }


def _livekit_params(**params: Any) -> TransportParams:
    from pipecat.transports.livekit.transport import LiveKitParams

    return LiveKitParams(**params)


def _daily_params(**params: Any) -> TransportParams:
    from pipecat.transports.daily.transport import DailyParams

    return DailyParams(**params)


_settings = cache(settings.load)  # once a process, not for each call


async def bot(runner_args: RunnerArguments) -> None:
    """Talk with whoever comes until the session ends."""
    about: dict[str, Any] = runner_args.body or {}
    current = _settings()
    personality = personalities.load(about.get("personality") or current.default_personality)
    personality = speech.as_spoken(personality.equipped(about), current).as_asked(about)
    is_forum = about.get("mode") == Mode.FORUM
    transport = await create_transport(runner_args, transports(with_camera=is_forum))
    parts = speech.build(personality, current)
    begin_context = _contexts(personality, current, parts.llm)
    if isinstance(runner_args, SmallWebRTCRunnerArguments):
        worker = _worker_for_one(runner_args, transport, parts, begin_context)
    else:
        avatar = Avatar(personality.name if is_forum else None)
        worker = _worker_for_several(runner_args, transport, parts, avatar, begin_context)
    runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
    await runner.add_workers(worker)
    await runner.run()


def _contexts(personality: personalities.Personality, current: Settings, mind: Any) -> BeginContext:
    """Begins contexts in which the model has the tools of its personality; none without a session, as in pipecat's
    own runner."""
    try:
        here = at_hand.current()
    except LookupError:
        return lambda _person, messages=(): LLMContext(list(messages))
    toolbox = Toolbox(here, known_tools(current.tools))
    toolbox.register(mind)
    return toolbox.context


def _worker_for_one(
    runner_args: RunnerArguments, transport: BaseTransport, parts: speech.Speech, begin_context: BeginContext
) -> PipelineWorker:
    about: dict[str, Any] = runner_args.body or {}
    remembered, conversation = about.get("remembered") or "", about.get("conversation") or []
    context = begin_context(about.get("user_id") or "", with_memory(remembered, conversation))
    worker = _worker(build(transport, parts, context, ears.user_params()), runner_args)
    has_met = False

    @worker.rtvi.event_handler("on_client_ready")
    async def greet(_rtvi: RTVIProcessor) -> None:
        """Greet, or answer what the bot before this one left open; a page that is only reloaded hears nothing."""
        nonlocal has_met
        if not without_memory(context.messages) or (not has_met and speaks_first(context.messages, about)):
            await worker.queue_frame(LLMRunFrame())
        has_met = True

    return worker


def _worker_for_several(
    runner_args: RunnerArguments,
    transport: BaseTransport,
    parts: speech.Speech,
    avatar: Avatar,
    begin_context: BeginContext,
) -> PipelineWorker:
    about: dict[str, Any] = runner_args.body or {}
    people = People(parts.hearing, ears.user_params, context_with=begin_context)
    worker = _worker(build_for_several(transport, parts, people, avatar), runner_args)

    async def greet(person: str, known: str | None) -> None:
        """Whoever comes is greeted once, when they can hear us, or hears the rest of what the bot was saying."""
        await people.meet(person, known, is_cut_short=lambda: person in (about.get("owed_to") or ()))

    if isinstance(runner_args, DailyRunnerArguments):
        _meet_in_daily(transport, people, greet)
        return worker

    @transport.event_handler("on_participant_connected")
    async def meet(_transport: BaseTransport, person: str) -> None:
        shown = await transport.get_participant_metadata(person)  # type: ignore[attr-defined]
        await greet(person, introduction(person, shown.get("name"), shown.get("metadata")))

    @transport.event_handler("on_participant_disconnected")
    async def part(_transport: BaseTransport, person: str) -> None:
        await people.part(person)

    return worker


def _meet_in_daily(
    transport: BaseTransport, people: People, greet: Callable[[str, str | None], Awaitable[None]]
) -> None:
    @transport.event_handler("on_participant_joined")
    async def meet(_transport: BaseTransport, participant: dict[str, Any]) -> None:
        person = participant["info"]["userId"]
        await greet(person, introduction(person, participant["info"].get("userName")))

    @transport.event_handler("on_participant_left")
    async def part(_transport: BaseTransport, participant: dict[str, Any], _reason: str) -> None:
        await people.part(participant["info"]["userId"])


def _worker(pipeline: Pipeline, runner_args: RunnerArguments) -> PipelineWorker:
    return PipelineWorker(
        pipeline,
        params=PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=24_000),
        idle_timeout_secs=runner_args.pipeline_idle_timeout_secs,
        enable_turn_tracking=False,
        rtvi_observer_params=RTVIObserverParams(metrics_enabled=False),
    )
