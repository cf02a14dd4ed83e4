"""Methods of single objects in a bot's pipeline, answered by us: the objects, and often their classes, are the bot's.

`DIVERSIONS` names the methods.  Each object is diverted once, and for as long as it lives.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pipecat.frames.frames import InputTransportMessageFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_context_summarizer import LLMContextSummarizer
from pipecat.processors.aggregators.llm_response_universal import LLMAssistantAggregator
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport

from greenroom.bots.seam.branch import AssistantAggregator

Send = Callable[[Any], Awaitable[None]]


@dataclass(frozen=True)
class Diversion:
    """A method that we answer on single objects."""

    of: type
    method: str
    because: str  # what fails without it

    def on(self, one: Any, ours: Callable[..., Any]) -> None:
        """Let `ours` answer the method of one object; it is given the object's own first."""
        vars(one)[self.method] = partial(ours, getattr(one, self.method))


ADD_MESSAGE = Diversion(
    LLMContext,
    "add_message",
    because="what is typed is not written down: pipecat has events for what is heard alone",
)
ADD_MESSAGES = Diversion(LLMContext, "add_messages", because=ADD_MESSAGE.because)
SEND_MESSAGE = Diversion(
    BaseOutputTransport,
    "send_message",
    because="a person reads an answer that the next bot of their room knows nothing of",
)
BROADCAST_FRAME = Diversion(
    BaseInputTransport,
    "broadcast_frame",
    because="pipecat writes a message that is no RTVI into the log, a person's words and all",
)
APPLY_SUMMARY = Diversion(
    LLMContextSummarizer,
    "_apply_summary",
    because="a bot that replaces this one reads all that was said, and what is known of a person goes with the rest",
)
PROCESS_FRAME = Diversion(
    FrameProcessor,
    "process_frame",
    because="a paused or muted bot's model answers a turn that was under way, and a muted bot's own code is heard",
)
PUSH_AUDIO_FRAME = Diversion(
    BaseInputTransport,
    "push_audio_frame",
    because="a paused bot recognises the sound that was on its way, and in a room of Daily all that people say",
)
DIVERSIONS = (
    ADD_MESSAGE,
    ADD_MESSAGES,
    SEND_MESSAGE,
    BROADCAST_FRAME,
    APPLY_SUMMARY,
    PROCESS_FRAME,
    PUSH_AUDIO_FRAME,
)

Applied = Callable[[LLMContext, Sequence[Any], str, str], None]


def on_message_added(context: LLMContext, added: Callable[[Mapping[str, Any]], None]) -> None:
    """Be told of everything that is said, heard, typed or answered.  What `set_messages` sets is not said."""

    def add_message(theirs: Callable[[Any], None], message: Any) -> None:
        theirs(message)
        added(message)

    def add_messages(theirs: Callable[[Any], None], messages: Any) -> None:
        theirs(messages)
        for message in messages:
            added(message)

    ADD_MESSAGE.on(context, add_message)
    ADD_MESSAGES.on(context, add_messages)


def on_summed_up(aggregator: LLMAssistantAggregator, applied: Applied) -> None:
    """Be told when a summary has taken the place of messages in a context.

    It is told the context, the messages that are gone, the summary, which stands where they were, and the model.
    """

    def divert(summarizer: LLMContextSummarizer) -> None:
        context, chosen = summarizer._context, summarizer._auto_config.summary_config
        mind = chosen.llm

        async def apply(theirs: Callable[[str, int], Awaitable[None]], summary: str, last: int) -> None:
            gone = context.messages[: last + 1]
            await theirs(summary, last)
            applied(context, gone, summary, str(mind._settings.model) if mind else "")

        APPLY_SUMMARY.on(summarizer, apply)

    if isinstance(aggregator, AssistantAggregator):
        aggregator.on_summarizer = divert
    elif aggregator._summarizer is not None:
        divert(aggregator._summarizer)


def drop_summaries(aggregator: LLMAssistantAggregator) -> None:
    """Let no summary that is being written come into a context that has been emptied meanwhile."""
    of_several = aggregator.summarizers if isinstance(aggregator, AssistantAggregator) else []
    for summarizer in (aggregator._summarizer, *of_several):
        if summarizer is not None:
            summarizer._pending_summary_request_id = None
            summarizer._summarization_in_progress = False


def divert_outgoing(pipeline: FrameProcessor, send: Callable[[Send, Any], Awaitable[None]]) -> None:
    """Let `send` send each message of a pipeline; it is given pipecat's own way of sending it."""
    for part in _parts(pipeline):
        if isinstance(part, BaseOutputTransport):
            SEND_MESSAGE.on(part, send)


def divert_incoming(pipeline: FrameProcessor, is_taken: Callable[[Any], bool]) -> None:
    """Let no message into a pipeline as a frame that is not taken."""

    async def broadcast(theirs: Callable[..., Awaitable[None]], frame_cls: type, **facts: Any) -> None:
        if not issubclass(frame_cls, InputTransportMessageFrame) or is_taken(facts.get("message")):
            await theirs(frame_cls, **facts)

    for part in _parts(pipeline):
        if isinstance(part, BaseInputTransport):
            BROADCAST_FRAME.on(part, broadcast)


def divert_thinking(pipeline: FrameProcessor, process: Callable[..., Awaitable[None]]) -> None:
    """Let `process` process what comes to each model of a pipeline; it is given the model, and the model's own way."""
    for part in _parts(pipeline):
        if hasattr(part, "cancel_function_calls"):  # pipecat's class for it imports far more
            PROCESS_FRAME.on(part, partial(_for, process, part))


def divert_speaking(pipeline: FrameProcessor, process: Callable[..., Awaitable[None]]) -> None:
    """Let `process` process what comes to each output of a pipeline, as `divert_thinking` does for its models."""
    for part in _parts(pipeline):
        if isinstance(part, BaseOutputTransport):
            PROCESS_FRAME.on(part, partial(_for, process, part))


def divert_hearing(pipeline: FrameProcessor, is_heard: Callable[[], bool]) -> None:
    """Let no sound into a pipeline while it is not to be heard."""

    async def push(theirs: Send, frame: Any) -> None:
        if is_heard():
            await theirs(frame)

    for part in _parts(pipeline):
        if isinstance(part, BaseInputTransport):
            PUSH_AUDIO_FRAME.on(part, push)


async def _for(
    process: Callable[..., Awaitable[None]], part: FrameProcessor, theirs: Callable[..., Any], *args: Any
) -> None:
    await process(part, theirs, *args)


def _parts(part: FrameProcessor) -> Iterator[FrameProcessor]:
    yield part
    for each in part.processors:
        yield from _parts(each)
