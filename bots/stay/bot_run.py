"""A bot's own code: it is imported, builds its pipeline, and runs until that has ended."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import structlog
from pipecat.frames.frames import BotStoppedSpeakingFrame, Frame, InterruptionFrame
from pipecat.pipeline.worker import PipelineWorker

from greenroom.app.rooms.sessions import Reason, Session
from greenroom.bots.blame import failure_of
from greenroom.bots.loading import BotUnfit, load_bot
from greenroom.bots.outbox import Outbox
from greenroom.bots.stay.background import cancel, first_of
from greenroom.bots.stay.ending import End, Ending
from greenroom.bots.stay.failing import Failing
from greenroom.bots.stay.mute import Mute
from greenroom.bots.stay.passing import PassedFrame
from greenroom.bots.stay.silence import Silence
from greenroom.bots.stay.voices import Voices
from greenroom.bots.transports.stage import Stage
from greenroom.bots.turns.hearing import Hearing

CLOSES_WITHIN = timedelta(seconds=3)  # a pipeline that is cancelled

log = structlog.get_logger(__name__)
_current: ContextVar["BotRun"] = ContextVar("bot_run")


class BotRun:
    """One run of a bot, and its pipeline."""

    def __init__(
        self,
        session: Session,
        *,
        target: str,
        stage: Stage,
        hearing: Hearing,
        outbox: Outbox,
        silence: Silence,
        mute: Mute,
        voices: Voices,
        failing: Failing,
        end: End,
        on_started: Callable[[], Awaitable[None]],
    ) -> None:
        """The target is the bot's, as `BOTS` has it."""
        self._session = session
        self._target = target
        self._stage = stage
        self._hearing = hearing
        self._outbox = outbox
        self._silence = silence
        self._mute = mute
        self._voices = voices
        self._failing = failing
        self._end = end
        self._on_started = on_started
        self._task: asyncio.Task[None] | None = None
        self._pipeline: PipelineWorker | None = None
        self._unsaid: list[Frame] = []  # for a pipeline that is not there yet
        self.started = asyncio.Event()
        self.fell_silent = asyncio.Event()  # the bot has said what it had to say

    @classmethod
    def of_this_context(cls) -> "BotRun":
        """The run in which the bot's code that calls this runs, in whichever of its tasks."""
        return _current.get()

    def begin(self, prepare: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        """Run the bot; `prepare` returns what it is told of its session, in pipecat's `body`."""
        self._task = asyncio.create_task(self._run(prepare))

    async def built(self, pipeline: PipelineWorker) -> None:
        """Called with the bot's pipeline before it starts."""
        if self._pipeline is not None:  # a bot with helpers: the first pipeline is the one in the room
            return
        self._pipeline = pipeline
        self._stage.built(pipeline)
        self._outbox.follow(pipeline)
        self._silence.follow(pipeline)
        self._mute.follow(pipeline, self._hearing)
        self._hearing.follow(pipeline)
        self._voices.follow(pipeline)
        self._failing.follow(pipeline)
        pipeline.add_reached_downstream_filter((BotStoppedSpeakingFrame, PassedFrame))
        pipeline.add_event_handler("on_frame_reached_downstream", self._reached_end)
        pipeline.add_event_handler("on_pipeline_started", self._pipeline_started)
        unsaid, self._unsaid = self._unsaid, []
        await self.say(*unsaid)

    async def say(self, *frames: Frame) -> None:
        """Put frames into the bot's pipeline; one that has not started takes them when it does."""
        if self._pipeline is None:
            self._unsaid.extend(frames)
        elif frames:
            await self._pipeline.queue_frames(list(frames))

    async def interrupt(self, within: timedelta) -> bool:
        """Cancel what the bot says and thinks; True once it has let go of it, False if that takes longer."""
        if self._pipeline is None or self.is_over:
            return True
        # An interruption overtakes what came just before it, as a typed line: the second cancels the answer to that
        await self._interrupt_once(within / 5)
        return await self._interrupt_once(within)

    async def _interrupt_once(self, within: timedelta) -> bool:
        behind = PassedFrame()
        await self.say(InterruptionFrame(), behind)
        await first_of(behind.passed.wait(), self.over(), within=within)
        return behind.passed.is_set() or self.is_over

    @property
    def is_over(self) -> bool:
        return self._task is not None and self._task.done()

    @property
    def has_failed(self) -> bool:
        """Whether it is over, and not by the bot's own wish."""
        return self.failure is not None

    @property
    def failure(self) -> BaseException | None:
        """What it ended with."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            return None
        return self._task.exception()

    async def over(self) -> None:
        """Wait until it is over, however it ends."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def stop(self, reason: Reason) -> None:
        """End it, if it has not ended by itself."""
        if not self.is_over and self._pipeline is not None:
            await self._pipeline.cancel(reason=reason)
            await first_of(self.over(), within=CLOSES_WITHIN)
        await self.cancel()

    async def cancel(self) -> None:
        if self._task is not None:
            await cancel([self._task])

    def ended_by_itself(self) -> Ending:
        """Why it is over, which nobody here asked for."""
        if self._task is None or self._task.cancelled():
            return Ending(Reason.LEFT, detail="the bot was cancelled")
        error = self._task.exception()
        if error is None and self.started.is_set():
            return Ending(Reason.LEFT, detail="the bot ended the call itself")
        if error is None:
            return Ending(Reason.LAUNCH_FAILED, detail="the bot returned before its pipeline had started")
        if isinstance(error, BotUnfit):  # the next bot would be no better
            because = str(error)
            log.error(
                "bot_rejected", session_id=self._session.id, bot=self._session.brief.bot, because=because
            )
            return Ending(Reason.LAUNCH_FAILED, politely=False, detail=f"the bot {error}")
        return self._crash(error)

    def exited(self, error: BaseException) -> Ending:
        """The bot has called sys.exit in one of its tasks, or was interrupted."""
        if isinstance(error, SystemExit) and not error.code and self.started.is_set():
            detail = f"the bot {failure_of(error, self._target)}"
            return Ending(Reason.LEFT, politely=False, detail=detail)
        return self._crash(error)

    def _crash(self, error: BaseException) -> Ending:
        log.error("bot_failed", session_id=self._session.id, bot=self._session.brief.bot, exc_info=error)
        return Ending.by(failure_of(error, self._target))

    async def _run(self, prepare: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        _current.set(self)
        bot = load_bot(self._target)
        await bot(self._stage.runner_arguments(self._session.id, await prepare()))

    async def _reached_end(self, _pipeline: PipelineWorker, frame: Frame) -> None:
        if isinstance(frame, PassedFrame):
            frame.passed.set()
        else:
            self.fell_silent.set()

    async def _pipeline_started(self, _pipeline: PipelineWorker, _frame: Frame) -> None:
        if not self._end.has_begun:
            self.started.set()
            await self._on_started()
