"""A paused bot, whoever wrote it: it stays in its room, and neither hears nor thinks nor speaks."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from pipecat.frames.frames import Frame, InterruptionFrame, LLMContextFrame
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from greenroom.app.rooms.sessions import Pause
from greenroom.bots.seam.diversions import divert_hearing, divert_thinking
from greenroom.bots.transports.stage import Stage


class Silence:
    """The silence of one bot, while it is paused.

    No sound comes into its pipeline, so no model listens to any; none leaves it.  What its model is asked meanwhile, as
    by a turn that was under way, waits: the last question is answered once the silence is over.
    """

    def __init__(
        self, stages: Callable[[], Sequence[Stage]], *, begin: Callable[[Coroutine[Any, Any, None]], object]
    ) -> None:
        """`stages` are the bot's places, two of them while it moves; `begin` does something beside what calls us."""
        self._stages = stages
        self._begin = begin
        self._pause: Pause | None = None
        self._waiting: dict[FrameProcessor, Frame] = {}  # by the model that was asked

    @property
    def is_on(self) -> bool:
        return self._pause is not None

    def follow(self, pipeline: PipelineWorker) -> None:
        """Take the bot's pipeline, which is built and not set up yet."""
        divert_hearing(pipeline.pipeline, lambda: not self.is_on)
        divert_thinking(pipeline.pipeline, self._process)

    def begin(self, pause: Pause | None) -> None:
        """Fall silent at once."""
        self._pause = pause or Pause()
        for stage in self._stages():
            stage.pause()
        self.tell()

    def end(self) -> None:
        """Hear, think and speak again."""
        self._pause = None
        for stage in self._stages():
            stage.resume()
            stage.tell("resumed")
        waiting, self._waiting = self._waiting, {}
        for model, question in waiting.items():
            self._begin(model.queue_frame(question))

    def tell(self) -> None:
        """Tell the people's clients, if it is on: they show it."""
        if self._pause is not None:
            call = self._pause.call
            for stage in self._stages():
                stage.tell("paused", call=str(call.room) if call else None)

    async def _process(
        self, model: FrameProcessor, theirs: Callable[..., Any], frame: Frame, direction: FrameDirection
    ) -> None:
        if isinstance(frame, InterruptionFrame):
            self._waiting.pop(model, None)
        is_question = isinstance(frame, LLMContextFrame) and direction is FrameDirection.DOWNSTREAM
        if self.is_on and is_question:
            self._waiting[model] = frame
        else:
            await theirs(frame, direction)
