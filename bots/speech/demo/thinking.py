"""The demo's answers as a pipecat service: a context in, sentences out, and the pipeline's end after a goodbye."""

import asyncio
import re
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from pipecat.adapters.llm.base_llm_adapter import BaseLLMAdapter
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    EndWorkerFrame,
    Frame,
    FunctionCallFromLLM,
    FunctionCallResultFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings

from greenroom.bots.personalities import Personality
from greenroom.bots.speech.demo.mind import Reply, answer, summary_of

RETURNS_WITHIN = (
    8.0  # seconds; most tools take some milliseconds, one of another room asks whether that is free
)
TRANSCRIPT = "Conversation history:\n"  # how pipecat begins what it wants summed up
LEFT = "left"  # the reason of the end that follows a goodbye


class NoProvider(BaseLLMAdapter[Mapping[str, Any]]):
    """Adapts to no provider.  pipecat's default adapter imports OpenAI's library: half a second and 15 MB."""

    @property
    def id_for_llm_specific_messages(self) -> str:
        return "demo"

    async def get_llm_invocation_params(self, context: LLMContext, **_: Any) -> Mapping[str, Any]:
        return {}

    def to_provider_tools_format(self, tools_schema: ToolsSchema) -> list[Any]:
        return []

    def get_messages_for_logging(self, context: LLMContext) -> list[dict[str, Any]]:
        return []


class ScriptedMind(LLMService[NoProvider]):
    """Answers each context at once."""

    adapter_class = NoProvider
    speaks_besides_its_calls = True  # it need not be asked again when they have returned

    def __init__(self, personality: Personality) -> None:
        super().__init__(settings=_settings(personality))
        self._personality = personality
        self._somebody_speaks = False
        self._awaited = ""  # the call of a tool that was made last
        self._returned: asyncio.Future[Any] | None = None  # what it returned

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, UserStartedSpeakingFrame | UserStoppedSpeakingFrame):
            self._somebody_speaks = isinstance(frame, UserStartedSpeakingFrame)
        if isinstance(frame, LLMContextFrame):
            messages = cast(list[dict[str, Any]], frame.context.get_messages())
            reply = answer(messages, datetime.now().astimezone(), self._personality)
            await self._say(await self._do(reply, frame.context))
        else:
            await self.push_frame(frame, direction)

    async def run_inference(self, context: LLMContext, *_: Any, **__: Any) -> str:
        """Sum up, which is all that pipecat asks of a model beside the call."""
        messages = cast(list[dict[str, Any]], context.get_messages())
        transcript = str(messages[-1]["content"]).removeprefix(TRANSCRIPT)
        return summary_of(transcript, datetime.now().astimezone(), self._personality)

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        await super().push_frame(frame, direction)
        is_awaited = isinstance(frame, FunctionCallResultFrame) and frame.tool_call_id == self._awaited
        if is_awaited and self._returned is not None and not self._returned.done():
            self._returned.set_result(cast(FunctionCallResultFrame, frame).result)

    async def _do(self, reply: Reply, context: LLMContext) -> Reply:
        """Call tools as a model does, and say what came of them.

        In front of the answer: behind it they would be lost with the rest of it, where a person hangs up meanwhile.
        """
        said = [reply.text]
        for deed in reply.deeds:
            result = await self._call(context, deed.tool, deed.arguments)
            if deed.done:
                said.append(deed.said(result))
        return replace(reply, text=" ".join(filter(None, said)))

    async def _call(self, context: LLMContext, tool: str, arguments: Mapping[str, Any]) -> Any:
        """What it returned; None if it is not there, or says nothing in time."""
        if not isinstance(context.tools, ToolsSchema) or tool not in _names(context.tools):
            return None
        call = FunctionCallFromLLM(tool, uuid.uuid4().hex, arguments, context)
        self._awaited, self._returned = call.tool_call_id, asyncio.get_running_loop().create_future()
        await self.run_function_calls([call])
        with suppress(TimeoutError):
            async with asyncio.timeout(RETURNS_WITHIN):
                return await self._returned
        return {"error": "It took too long."}

    async def _say(self, reply: Reply) -> None:
        if not reply.text or (reply.may_wait and self._somebody_speaks):
            return  # somebody is saying it again, and is not talked over
        await self.push_frame(LLMFullResponseStartFrame())
        for sentence in sentences(reply.text):
            await self.push_frame(LLMTextFrame(sentence))
        await self.push_frame(LLMFullResponseEndFrame())
        if reply.leaves:
            await self.push_frame(EndWorkerFrame(reason=LEFT))  # behind the goodbye, which is heard first


def _names(tools: ToolsSchema) -> set[str]:
    return {each.name for each in tools.standard_tools if isinstance(each, FunctionSchema)}


def sentences(text: str) -> list[str]:
    """The text in pieces that together are the text, each as long as a sentence."""
    return re.findall(r".+?(?:[.!?]\s+|$)", text, re.DOTALL)


def _settings(personality: Personality) -> LLMSettings:
    """Every setting, since pipecat requires all; a script uses none."""
    return LLMSettings(
        model="script",
        system_instruction=personality.prompt,
        temperature=None,
        max_tokens=None,
        top_p=None,
        top_k=None,
        frequency_penalty=None,
        presence_penalty=None,
        seed=None,
        filter_incomplete_user_turns=False,
        user_turn_completion_config=None,
        use_provider_thinking_default=False,
    )
