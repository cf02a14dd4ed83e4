"""Ends the wait for a service that was asked and says nothing: then it has failed, as if it had said so itself.

The clients of some vendors wait for ten minutes, and a connection may be open to a server that never answers.  What is
bounded here is each wait for the next piece of an answer, however long that is as a whole.
"""

import asyncio

from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    FunctionCallsStartedFrame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    LLMThoughtTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.utils.errors import ErrorCategory

from greenroom.app.speech import Part
from greenroom.bots.seam.requests import drop_request

GRACE = (
    2.0  # seconds in which a client that has the same bound says itself, and in better words, that it is over
)
ENOUGH_SPEECH = 1.5  # seconds of a voice: what is shorter may be a cough, of which no service says a word

ASKED = {Part.THINKING: LLMFullResponseStartFrame, Part.SPEAKING: TTSStartedFrame}
GOES_ON = (LLMTextFrame, LLMThoughtTextFrame, FunctionCallsStartedFrame)
ANSWERED: dict[Part, tuple[type[Frame], ...]] = {
    Part.HEARING: (TranscriptionFrame, InterimTranscriptionFrame),
    Part.THINKING: (LLMFullResponseEndFrame, InterruptionFrame),
    Part.SPEAKING: (TTSAudioRawFrame, TTSStoppedFrame, InterruptionFrame),
}  # or there is nothing to answer any more
OVER = (ErrorFrame, EndFrame, CancelFrame)


class Patience:
    """How long one service may be waited for."""

    def __init__(self, service: FrameProcessor, part: Part, within: float) -> None:
        """It may say nothing for `within` seconds, and GRACE."""
        self._service = service
        self._part = part
        self._within = within
        self._timer: asyncio.TimerHandle | None = None
        self._is_spoken = False
        self._speech = 0.0  # seconds of it that are not answered yet
        service.add_event_handler("on_before_push_frame", self._given)
        if part is Part.HEARING:
            service.add_event_handler("on_before_process_frame", self._taken)

    async def _taken(self, _service: FrameProcessor, frame: Frame) -> None:
        """Count what is said to one that hears."""
        if isinstance(frame, VADUserStartedSpeakingFrame):
            self._is_spoken = True
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._is_spoken = False
            if self._speech >= ENOUGH_SPEECH and self._timer is None:
                self._begin()
        elif self._is_spoken and isinstance(frame, InputAudioRawFrame):
            self._speech += frame.num_frames / frame.sample_rate

    async def _given(self, _service: FrameProcessor, frame: Frame) -> None:
        if isinstance(frame, ASKED.get(self._part, ())):
            self._begin()
        elif isinstance(frame, OVER + ANSWERED[self._part]):
            self._end()
        elif self._timer is not None and isinstance(frame, GOES_ON):
            self._begin()

    def _begin(self) -> None:
        self._end()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._within + GRACE, self._is_out)

    def _end(self) -> None:
        self._speech = 0.0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_out(self) -> None:
        self._timer = None
        self._service.create_task(self._give_up(), "patience")

    async def _give_up(self) -> None:
        await self._service.push_error(
            f"It was asked, and said nothing for {self._within:g} seconds",
            category=ErrorCategory.CONNECTIVITY,
        )
        if self._part is Part.THINKING:  # what is said next, an apology for one, would wait behind it
            await drop_request(self._service)
