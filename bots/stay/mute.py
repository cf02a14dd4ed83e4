"""A muted bot, whoever wrote it: it hears what people say, and neither thinks nor speaks.

It is no pause: who talks is heard and written down, the session goes on by its own clocks, and what was asked meanwhile
is not answered afterwards.
"""

from collections.abc import Callable, Sequence
from typing import Any

from pipecat.frames.frames import Frame, LLMContextFrame, OutputAudioRawFrame, TTSTextFrame
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from greenroom.bots.seam.diversions import divert_speaking, divert_thinking
from greenroom.bots.transports.stage import Stage
from greenroom.bots.turns.hearing import Hearing

SPOKEN = (
    OutputAudioRawFrame,
    TTSTextFrame,
)  # the text goes along with its sound, and is written down as said


class Mute:
    """Whether one bot is muted, or stealthy: muted without a word of it to the people's clients."""

    def __init__(self, stages: Callable[[], Sequence[Stage]]) -> None:
        """`stages` are the bot's places, two of them while it moves."""
        self._stages = stages
        self._is_muted = False
        self.is_stealthy = False
        self._is_told = False  # the clients show that it is on

    @property
    def is_on(self) -> bool:
        return self._is_muted or self.is_stealthy

    def follow(self, pipeline: PipelineWorker, hearing: Hearing) -> None:
        """Take the bot's pipeline, which is built and not set up yet, and what makes turns of it."""

        async def think(
            _model: FrameProcessor, theirs: Callable[..., Any], frame: Frame, direction: FrameDirection
        ) -> None:
            if self.is_on and isinstance(frame, LLMContextFrame) and direction is FrameDirection.DOWNSTREAM:
                hearing.floor.has_answered()  # a hand-over would wait for the answer
            else:
                await theirs(frame, direction)

        async def speak(
            _output: FrameProcessor, theirs: Callable[..., Any], frame: Frame, direction: FrameDirection
        ) -> None:
            if not (self.is_on and isinstance(frame, SPOKEN)):
                await theirs(frame, direction)

        divert_thinking(pipeline.pipeline, think)
        divert_speaking(pipeline.pipeline, speak)

    def become(self, *, is_muted: bool, is_stealthy: bool) -> None:
        """Be so from now on, and tell the people's clients."""
        self._is_muted, self.is_stealthy = is_muted, is_stealthy
        if not is_stealthy and is_muted is not self._is_told:
            self._is_told = is_muted
            self._tell("muted" if is_muted else "unmuted")

    def tell(self) -> None:
        """Tell the clients of who has just come, if they are to show it."""
        if self._is_told and not self.is_stealthy:
            self._tell("muted")

    def _tell(self, event: str) -> None:
        for stage in self._stages():
            stage.tell(event)
