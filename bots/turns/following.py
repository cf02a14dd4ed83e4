"""Follows what is said in a bot's pipeline: pipecat's events about turns, and what comes into the model's context.

What comes into the context is what was really said: pipecat puts an answer there when it was heard, and as far as it
was.  The events tell when it began, and hold for cascades and speech-to-speech models alike; the latter have the words
of a person late, often behind the answer to them.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from pipecat.frames.frames import (
    CancelFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallResultFrame,
    InterruptionFrame,
)
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators import async_tool_messages
from pipecat.processors.aggregators.llm_response_universal import (
    LLMAssistantAggregator,
    LLMContextAggregator,
    LLMUserAggregator,
)
from pipecat.processors.frame_processor import FrameProcessor

from greenroom.app.rooms.conversations import ToolCall, ToolStatus
from greenroom.bots.at_hand import is_refused
from greenroom.bots.seam.diversions import drop_summaries, on_message_added, on_summed_up
from greenroom.bots.several_people import SeveralPeople
from greenroom.bots.turns.contexts import Contexts
from greenroom.bots.turns.floor import ASSISTANT, USER, Floor
from greenroom.bots.turns.processors import processors_of

IN_PROGRESS = "IN_PROGRESS"  # pipecat's words in the place of a tool's result, until the tool returns
CANCELLED = "CANCELLED"  # where the call was cancelled
NO_ARGUMENTS = "{}"
NOTHING = "COMPLETED"  # where the tool returned nothing
RESULT_AT_MOST = (
    50_000  # characters that are kept: Redis has each turn twice, and does nothing else while it writes one
)

Meet = Callable[[str, LLMUserAggregator], None]


class Follower:
    """Makes turns of what happens in one bot's pipeline, and tells the floor who has it."""

    def __init__(
        self,
        floor: Floor,
        contexts: Contexts,
        *,
        on_turn: Callable[..., None],
        on_person: Meet,
        on_summary: Callable[..., None] = lambda *_: None,
        now_ms: Callable[[], int],
    ) -> None:
        """`on_turn` is called with the role, the content and the other facts of a turn.

        `on_person` is called with each of several people, before anything comes into the context with them.
        `on_summary` is called with a context, the messages in whose place a summary stands now, that summary, and the
        model that wrote it.
        """
        self._floor = floor
        self._contexts = contexts
        self._on_turn = on_turn
        self._on_person = on_person
        self._on_summary = on_summary
        self._now_ms = now_ms
        # When a turn began that goes on, or whose words have not come yet; and when a person's turn of those ended
        self._began: dict[tuple[str, str | None], int] = {}
        self._stopped: dict[str | None, int] = {}
        self._answer_began = 0
        self._asked_at = 0  # when the person began to say what is to be answered
        self._cut_short: set[FrameProcessor] = set()  # aggregators that are being interrupted
        self._minds: list[Any] = []
        self._assistants: list[LLMAssistantAggregator] = []
        self._calls: dict[str, tuple[str | None, int]] = {}  # of tools, without a result: with whom, and when

    def follow(self, pipeline: PipelineWorker) -> bool:
        """Follow a bot that is built with pipecat's aggregators, or has `SeveralPeople`; False if it has neither."""
        is_followed = False
        for processor in processors_of(pipeline.pipeline):
            is_followed = is_followed or isinstance(processor, SeveralPeople | LLMContextAggregator)
            if isinstance(processor, SeveralPeople):
                processor.add_event_handler("on_person", self._meet)
                processor.add_event_handler("on_person_left", self._part)
            elif isinstance(processor, LLMUserAggregator):
                self._listen_to_user(processor)
            elif isinstance(processor, LLMAssistantAggregator):
                self._listen_to_assistant(processor)
            elif hasattr(processor, "cancel_function_calls"):  # pipecat's class for it imports far more
                self._minds.append(processor)
        return is_followed

    def forget(self) -> None:
        """Begin another conversation: what returns late, or has no words yet, is not of it."""
        self._began.clear()
        self._stopped.clear()
        self._calls.clear()
        self._answer_began = self._asked_at = 0
        self._floor.has_answered()
        for aggregator in self._assistants:
            drop_summaries(aggregator)

    def settle(self) -> None:
        """Nobody is there: what was begun to be said is not gone on with, and no later turn has its beginning."""
        self._began.clear()
        self._stopped.clear()
        self._answer_began = self._asked_at = 0
        self._floor.is_left()

    @property
    def calls_without_result(self) -> int:
        """How many tools have been asked, and have not answered."""
        return len(self._calls)

    async def cancel_tools(self, within: timedelta) -> None:
        """Cancel the tools that run, and wait until the bot's context has settled them."""
        if not self.use_tools:
            return
        for mind in self._minds:
            await mind.cancel_function_calls(reason="another conversation begins")
        deadline = asyncio.get_running_loop().time() + within.total_seconds()
        while self.use_tools and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110  at rest
            await asyncio.sleep(0.02)

    @property
    def use_tools(self) -> bool:
        """Whether a tool runs whose result is to come."""
        return any(aggregator.has_function_calls_in_progress for aggregator in self._assistants)

    def message_added(self, message: Any, person: str | None = None) -> None:
        """A message has come into the bot's context, or into that with one person."""
        if not isinstance(message, dict):  # a model's thought, in its own shape
            return
        role, words = message.get("role"), _words(message.get("content"))
        if role == USER and words:
            self._heard(words, person)
        elif role == ASSISTANT and (words or message.get("tool_calls")):
            self._answered(words, person, tuple(_calls(message.get("tool_calls"))))
        elif role == "tool":
            self._tool_message_added(message, words, person)

    def _heard(self, words: str, person: str | None) -> None:
        now = self._now_ms()
        began = self._began.pop((USER, person), None)
        stopped = self._stopped.pop(person, None)
        started, ended = (now, now) if began is None else (began, max(began, stopped or now))
        if not 0 < ended <= self._answer_began:  # else the answer to it has begun, or was given
            self._floor.is_asked()
            self._asked_at = started
        self._on_turn(USER, words, person=person, started_ms=started, ended_ms=ended)

    def _answered(self, words: str, person: str | None, calls: tuple[ToolCall, ...]) -> None:
        now = self._now_ms()
        started = self._began.pop((ASSISTANT, None), now) if words else now
        for call in calls:
            self._calls[call.id] = (person, now)
        is_cut_short = bool(words and self._cut_short)
        leaves_open = is_cut_short and started < self._asked_at  # what the person interrupted it with
        if words and not leaves_open:
            self._floor.has_answered()
        self._on_turn(
            ASSISTANT,
            words,
            tool_calls=calls,
            interrupted=is_cut_short,
            person=person,
            started_ms=started,
            ended_ms=now,
        )

    # Tools

    def _tool_message_added(self, message: Any, words: str, person: str | None) -> None:
        """The place of a result that is to come, or a result that the bot has put there itself."""
        call = str(message.get("tool_call_id"))
        if words != IN_PROGRESS and async_tool_messages.parse_message(message) is None:
            self._calls.setdefault(call, (person, self._now_ms()))
            self._settle(call, words, ToolStatus.COMPLETED)

    def _settle(self, call: str, result: str, status: ToolStatus) -> None:
        if call not in self._calls:  # it has a result
            return
        person, began = self._calls.pop(call)
        if len(result) > RESULT_AT_MOST:
            result = f"{result[:RESULT_AT_MOST]} ... [{len(result)} characters, of which the first are kept]"
        self._on_turn(
            "tool",
            result,
            tool_call_id=call,
            tool_status=status,
            person=person,
            started_ms=began,
            ended_ms=self._now_ms(),
        )

    # pipecat's events

    def _listen_to_user(self, aggregator: LLMUserAggregator, person: str | None = None) -> None:
        async def started(*_: Any) -> None:
            self._floor.begins(USER, person)
            self._began[USER, person] = self._now_ms()
            self._stopped.pop(person, None)

        async def stopped(_aggregator: Any, _strategy: Any, message: Any = None) -> None:
            self._floor.stops(USER, person)
            if message is not None and message.content is None:  # its words come later
                self._stopped[person] = self._now_ms()
                self._floor.is_asked()

        aggregator.add_event_handler("on_user_turn_started", started)
        aggregator.add_event_handler("on_user_turn_stopped", stopped)
        self._listen_to_context(aggregator, person)

    def _listen_to_assistant(self, aggregator: LLMAssistantAggregator) -> None:
        async def started(*_: Any) -> None:
            self._floor.begins(ASSISTANT)
            self._began[ASSISTANT, None] = self._answer_began = self._now_ms()

        async def stopped(*_: Any) -> None:
            self._floor.stops(ASSISTANT)

        async def before_frame(_aggregator: Any, frame: Frame) -> None:
            if isinstance(frame, InterruptionFrame | CancelFrame):
                self._cut_short.add(aggregator)

        async def after_frame(_aggregator: Any, frame: Frame) -> None:
            self._cut_short.discard(aggregator)
            if isinstance(frame, FunctionCallResultFrame):
                self._tool_returned(frame)
            elif isinstance(frame, FunctionCallCancelFrame):
                self._settle(frame.tool_call_id, CANCELLED, ToolStatus.CANCELLED)

        aggregator.add_event_handler("on_assistant_turn_started", started)
        aggregator.add_event_handler("on_assistant_turn_stopped", stopped)
        aggregator.add_event_handler("on_before_process_frame", before_frame)
        aggregator.add_event_handler("on_after_process_frame", after_frame)
        self._assistants.append(aggregator)
        on_summed_up(aggregator, self._on_summary)
        self._listen_to_context(aggregator, None)

    def _tool_returned(self, frame: FunctionCallResultFrame) -> None:
        if frame.properties is None or frame.properties.is_final:
            result = json.dumps(frame.result, ensure_ascii=False) if frame.result else NOTHING
            self._settle(
                frame.tool_call_id, result, ToolStatus.FAILED if frame.error else ToolStatus.COMPLETED
            )

    def _listen_to_context(self, aggregator: Any, person: str | None) -> None:
        if self._contexts.meet(person, aggregator.context):
            on_message_added(aggregator.context, partial(self.message_added, person=person))

    async def _meet(self, _: SeveralPeople, person: str, aggregator: LLMUserAggregator) -> None:
        self._on_person(person, aggregator)
        self._listen_to_user(aggregator, person)

    async def _part(self, _: SeveralPeople, person: str) -> None:
        self._floor.stops(USER, person)


def _words(content: Any) -> str:
    """The words of a message, which may have other parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(part["text"] for part in parts if isinstance(part, dict) and "text" in part)


def _calls(tool_calls: Any) -> Iterator[ToolCall]:
    """What a message asks of tools, in the shape that pipecat has from OpenAI."""
    for call in tool_calls or ():
        function = call.get("function", {})
        name = str(function.get("name"))
        # A call that is refused is on record without arguments: what those ask of memory is done by who keeps the turn
        arguments = NO_ARGUMENTS if is_refused(name) else str(function.get("arguments"))
        yield ToolCall(str(call.get("id")), name, arguments)
