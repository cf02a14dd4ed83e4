"""What is said in the pipeline of a bot that has none of pipecat's aggregators: what is heard of people, and of it."""

from collections.abc import Callable
from typing import Any

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    TranscriptionFrame,
    TTSTextFrame,
)
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.utils.string import TextPartForConcatenation, concatenate_aggregated_text

from greenroom.bots.turns.floor import ASSISTANT, USER, Floor
from greenroom.bots.turns.processors import processors_of

CUTS_SHORT = (InterruptionFrame, CancelFrame)
ENDS = (BotStoppedSpeakingFrame, EndFrame)


class Overhearer:
    """Makes turns of the frames that any recogniser and any voice of pipecat's make."""

    def __init__(self, floor: Floor, *, on_turn: Callable[..., None], now_ms: Callable[[], int]) -> None:
        self._floor = floor
        self._on_turn = on_turn
        self._now_ms = now_ms
        self._heard: TranscriptionFrame | None = None  # each processor passes it on
        self._said: list[TextPartForConcatenation] = []
        self._began = 0

    def follow(self, pipeline: PipelineWorker) -> None:
        for processor in processors_of(pipeline.pipeline):
            if isinstance(processor, BaseOutputTransport):
                processor.add_event_handler("on_after_push_frame", self._on_output)
            else:
                processor.add_event_handler("on_after_push_frame", self._on_frame)

    async def _on_frame(self, _: FrameProcessor, frame: Frame) -> None:
        if isinstance(frame, TranscriptionFrame) and frame is not self._heard and frame.text.strip():
            self._heard, now = frame, self._now_ms()
            self._floor.is_asked()
            self._on_turn(USER, frame.text, person=frame.user_id or None, started_ms=now, ended_ms=now)

    async def _on_output(self, _: FrameProcessor, frame: Frame) -> None:
        """What has left the room's output was heard: text goes through it in step with its sound."""
        if isinstance(frame, BotStartedSpeakingFrame):
            self._floor.begins(ASSISTANT)
            self._began = self._began or self._now_ms()
        elif isinstance(frame, TTSTextFrame):
            spaces: Any = frame.includes_inter_frame_spaces
            self._said.append(TextPartForConcatenation(frame.text, includes_inter_part_spaces=spaces))
        elif isinstance(frame, (*ENDS, *CUTS_SHORT)):
            self._end_answer(is_cut_short=isinstance(frame, CUTS_SHORT))

    def _end_answer(self, *, is_cut_short: bool) -> None:
        self._floor.stops(ASSISTANT)
        said, began, now = concatenate_aggregated_text(self._said), self._began, self._now_ms()
        self._said, self._began = [], 0
        if said:
            self._floor.has_answered()
            self._on_turn(ASSISTANT, said, interrupted=is_cut_short, started_ms=began or now, ended_ms=now)
