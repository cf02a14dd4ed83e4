"""What stands where the assistant's aggregator is in a pipeline for one: each answer goes where it belongs."""

import asyncio

from pipecat.frames.frames import (
    EndWorkerFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
    LLMContextFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMAssistantAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection

from greenroom.bots.assistant.people import AnsweringFrame, People
from greenroom.bots.seam.branch import AssistantAggregator

OF_A_TOOL = (FunctionCallInProgressFrame, FunctionCallResultFrame, FunctionCallCancelFrame)


class Replies(AssistantAggregator):
    """Writes what was said to somebody, and what a tool did for them, into the conversation with them."""

    def __init__(self, people: People, params: LLMAssistantAggregatorParams | None = None) -> None:
        super().__init__(LLMContext(), params=params)
        self._people = people
        self._asked_in: dict[str, LLMContext] = {}  # by the call of a tool
        self._one_at_a_time = asyncio.Lock()  # an interruption comes beside what is being processed

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        async with self._one_at_a_time:
            if isinstance(frame, EndWorkerFrame) and len(self._people.present) > 1:
                return  # one person said goodbye, and others are still there
            if isinstance(frame, FunctionCallsStartedFrame):
                self._asked_in |= {call.tool_call_id: call.context for call in frame.function_calls}
            if isinstance(frame, OF_A_TOOL) and frame.tool_call_id in self._asked_in:
                await self._process_for(self._asked_in[frame.tool_call_id], frame, direction)
            else:
                await super().process_frame(frame, direction)
            if isinstance(frame, AnsweringFrame):
                await self.write_into(self._people.context_of(frame.person))

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Push a frame; where the model is to run again, the person who asked is answered in their turn."""
        if isinstance(frame, LLMContextFrame) and direction is FrameDirection.UPSTREAM:
            await self._people.answer_in(frame.context)
        else:
            await super().push_frame(frame, direction)

    async def _process_for(self, context: LLMContext, frame: Frame, direction: FrameDirection) -> None:
        """Process what concerns a tool in the conversation in which it was asked, whoever is answered meanwhile."""
        answering = self.context
        await self.write_into(context)
        try:
            await super().process_frame(frame, direction)
            if self.take_back_run():
                await self._people.answer_in(context)
        finally:
            await self.write_into(answering)
