"""What follows when a speech service fails in a call: it stands in the history, and the bot apologises if need be.

The need is there where no other service has taken over.  What a failure says in its own words may quote what somebody
said: it is told by the part, the service and pipecat's category.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import structlog
from pipecat.frames.frames import ErrorFrame
from pipecat.pipeline.service_switcher import ServiceSwitcher
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import LLMService
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.utils.errors import ErrorCategory

from greenroom.app.rooms.session_events import Happened
from greenroom.app.speech import Part
from greenroom.bots.speech.making import name_of
from greenroom.bots.turns.processors import processors_of

TOLD_EVERY = timedelta(
    seconds=60
)  # of one service: a connection that is refused is tried several times a second
APOLOGISES_EVERY = timedelta(seconds=10)  # where the voice is what fails, its apology fails as well
PARTS: tuple[tuple[type[FrameProcessor], Part], ...] = (
    (STTService, Part.HEARING),
    (LLMService, Part.THINKING),
    (TTSService, Part.SPEAKING),
)

log = structlog.get_logger(__name__)


class Failing:
    """How the services of a bot in one room fail."""

    def __init__(
        self,
        *,
        failed: Callable[[str, str], object],
        note: Callable[[Happened, str], object],
        tell: Callable[..., None],
        apologise: Callable[[], Awaitable[object]] | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`failed` learns of each failure: of which service, and how.

        `note` begins to write and is not waited for, since who takes over waits meanwhile.

        `apologise` is None for a bot of somebody else's, which knows itself what to say.
        """
        self._failed = failed
        self._note = note
        self._tell = tell
        self._apologise = apologise
        self._now = now
        self._told: dict[str, float] = {}
        self._apologised = float("-inf")

    def follow(self, pipeline: PipelineWorker) -> None:
        """Learn of each failure where it happens, and of those for which nobody has taken over."""
        for processor in processors_of(pipeline.pipeline):
            if part_of(processor) is not None:
                processor.add_event_handler("on_error", self.failed)
        pipeline.add_event_handler("on_pipeline_error", self._nobody_took_over)

    async def failed(self, processor: FrameProcessor, error: ErrorFrame) -> None:
        """Write down that a service has failed, and tell the people's clients."""
        part = part_of(processor)
        if part is None or error.category is ErrorCategory.APPLICATION:
            return
        category = (error.category or ErrorCategory.UNKNOWN).value
        detail = f"{part}: {name_of(processor)} ({category.replace('_', ' ')})"
        self._failed(name_of(processor), category)
        now = self._now()
        if now - self._told.get(detail, float("-inf")) < TOLD_EVERY.total_seconds():
            return
        self._told[detail] = now
        log.warning("service_failed", part=part, service=name_of(processor), category=category)
        self._tell("voice.error", kind=Happened.SERVICE_FAILED, part=part)
        self._note(Happened.SERVICE_FAILED, detail)

    async def _nobody_took_over(self, _pipeline: PipelineWorker, error: ErrorFrame) -> None:
        processor = error.processor
        if processor is not None and part_of(processor) is not None:
            await self.failed(processor, error)  # as of one that hears a person who came later
        elif not isinstance(processor, ServiceSwitcher):
            return
        if error.category is ErrorCategory.APPLICATION or self._apologise is None:
            return
        now = self._now()
        if now - self._apologised >= APOLOGISES_EVERY.total_seconds():
            self._apologised = now
            await self._apologise()


def part_of(processor: Any) -> Part | None:
    """What a processor does for a bot, if it is a service that hears, thinks or speaks."""
    return next((part for kind, part in PARTS if isinstance(processor, kind)), None)
