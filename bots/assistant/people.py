"""Several people in a room, and one bot: each is heard alone, and has a conversation of their own with it.

pipecat's transport brings each person's voice as frames of their own, all in one
pipeline: one recogniser and one end-of-turn detector would hear a mixture of all.
`People` gives every person a recogniser, a detector and a context of their own.
Where several have said something at once, they are answered one after the other.

It stands where the recogniser and the user's aggregator are in a pipeline for one;
`Replies` (`replies.py`) stands where the assistant's aggregator is.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pipecat.frames.frames import (
    DataFrame,
    Frame,
    FunctionCallResultFrame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InputFileRawFrame,
    InputImageRawFrame,
    InputTextRawFrame,
    InterimTranscriptionFrame,
    LLMContextFrame,
    LLMMessagesAppendFrame,
    LLMMessagesUpdateFrame,
    LLMRunFrame,
    StartFrame,
    TranscriptionFrame,
    UserAudioRawFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMUserAggregator,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.processors.frameworks.rtvi.frames import (
    RTVIClientMessageFrame,
    RTVISendTextFrame,
    RTVIUICancelJobGroupFrame,
    RTVIUIEventFrame,
    RTVIUISnapshotFrame,
)

from greenroom.app.rooms.memory import without_memory
from greenroom.bots.assistant.answer_order import AnswerOrder
from greenroom.bots.assistant.greeting import is_unanswered
from greenroom.bots.assistant.person_branch import PersonBranch
from greenroom.bots.assistant.typed_lines import TypedLines
from greenroom.bots.several_people import SeveralPeople

HEARS_US_AFTER = 0.5  # seconds from when somebody came; a greeting before that would lose its beginning
WITHOUT_A_SENDER = (  # frames that people send, and that do not say who did
    FunctionCallResultFrame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InputFileRawFrame,
    InputImageRawFrame,
    InputTextRawFrame,
    InterimTranscriptionFrame,
    RTVIClientMessageFrame,
    RTVIUICancelJobGroupFrame,
    RTVIUIEventFrame,
    RTVIUISnapshotFrame,
    TranscriptionFrame,
)


@dataclass
class AnsweringFrame(DataFrame):
    """The answer that follows in the pipeline is for this person."""

    person: str = field(default="")


class People(SeveralPeople):
    """The people in the room, each with a branch of the pipeline that hears them alone."""

    def __init__(
        self,
        hearing: Callable[[], FrameProcessor],
        listening: Callable[[], LLMUserAggregatorParams],
        context_with: Callable[[str], LLMContext] = lambda _: LLMContext(),
    ) -> None:
        """`hearing` makes a recogniser, `listening` says how turns end, `context_with` begins a person's context."""
        super().__init__()
        self._context_with = context_with
        self._hearing = hearing
        self._listening = listening
        self._contexts: dict[str, LLMContext] = {}
        self._branches: dict[str, PersonBranch] = {}
        self._setup_of_all: Any = None
        self._started: StartFrame | None = None
        self._typed: TypedLines[LLMMessagesAppendFrame] = TypedLines()
        self._order: AnswerOrder[LLMContextFrame] = AnswerOrder(self._answer, self.create_task)
        self._present: set[str] = set()
        self._met: set[str] = set()  # greeted, or known from before
        self._gone: set[str] = set()  # their last audio, which comes late, opens no branch
        self._opening = asyncio.Lock()
        self._is_started = asyncio.Event()

    @property
    def processors(self) -> list[FrameProcessor]:
        return [branch.pipeline for branch in self._branches.values()]

    def context_of(self, person: str) -> LLMContext:
        """What this person and the bot have said to each other."""
        if person not in self._contexts:
            self._contexts[person] = self._context_with(person)
        return self._contexts[person]

    @property
    def present(self) -> frozenset[str]:
        """Who is in the room, as far as the bot was told."""
        return frozenset(self._present)

    async def meet(
        self,
        person: str,
        introduction: str | None = None,
        *,
        is_cut_short: Callable[[], bool] = lambda: False,
    ) -> None:
        """Greet a person on their first arrival, answer one whose question is open, say nothing to one who returns.

        One to whom an answer was cut short, where the bot was before, is answered as well.
        """
        self._present.add(person)
        self._gone.discard(person)
        await self._is_started.wait()
        if person not in self._present:
            return
        await self._branch_of(person)
        await asyncio.sleep(HEARS_US_AFTER)
        if person not in self._present:
            return
        is_new = person not in self._met
        self._met.add(person)
        messages = without_memory(self.context_of(person).messages)
        if not messages and introduction:
            context = self.context_of(person)  # nobody said it, so it is not written down
            context.set_messages([*context.messages, {"role": "user", "content": introduction}])
        if not messages or (is_new and (is_unanswered(messages) or is_cut_short())):
            await self._order.asked(person, LLMContextFrame(self.context_of(person)))

    async def part(self, person: str) -> None:
        """A person has left: close their branch, and keep their conversation."""
        self._present.discard(person)
        self._gone.add(person)
        await self._order.stopped_speaking(person)
        if branch := self._branches.pop(person, None):
            await branch.close()
        await self._call_event_handler("on_person_left", person)

    async def answer_in(self, context: LLMContext) -> None:
        """Answer the person whose conversation this is, in their turn."""
        for person, known in self._contexts.items():
            if known is context:
                await self._order.asked(person, LLMContextFrame(context))

    # As a processor

    async def setup(self, setup: Any) -> None:
        await super().setup(setup)
        self._setup_of_all = setup

    async def cleanup(self) -> None:
        self._present.clear()
        self._is_started.set()  # so that a `meet` that waits goes on, and finds nobody
        await super().cleanup()
        self._order.stop()
        for branch in list(self._branches.values()):
            await branch.pipeline.cleanup()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if direction is FrameDirection.UPSTREAM:
            await self._give_to_all(frame, direction)
            await self.push_frame(frame, direction)
        elif isinstance(frame, UserAudioRawFrame):
            if frame.user_id and frame.user_id not in self._gone:
                await (await self._branch_of(frame.user_id)).take(frame, direction)
        elif isinstance(frame, LLMMessagesAppendFrame):
            await self._give_typed(self._typed.author_of(_words(frame), frame), frame)
        elif isinstance(frame, RTVISendTextFrame):
            if frame.user_id is not None:
                await self._give_typed(frame.user_id, self._typed.line_of(frame.user_id, frame.text))
            await self.push_frame(frame, direction)
        elif isinstance(frame, LLMMessagesUpdateFrame):
            for person in self._contexts:
                self._contexts[person].set_messages(list(frame.messages))
        elif isinstance(frame, LLMRunFrame):
            pass  # it does not say who is to be answered; `meet` greets people
        elif isinstance(frame, WITHOUT_A_SENDER):
            pass  # it would be taken for words of whoever was answered last, or of everybody
        else:
            if isinstance(frame, StartFrame):
                self._started = frame
            await self._give_to_all(frame, direction)
            await self.push_frame(frame, direction)
            if isinstance(frame, StartFrame):
                self._is_started.set()

    async def _give_to_all(self, frame: Frame, direction: FrameDirection) -> None:
        """Give a frame to every branch.  The caller passes it on itself; what leaves a branch of it is dropped."""
        for branch in list(self._branches.values()):
            await branch.take(frame, direction)

    async def _give_typed(self, person: str | None, line: LLMMessagesAppendFrame | None) -> None:
        """Give a typed line to its author, as soon as both are known."""
        if person is not None and line is not None:
            await (await self._branch_of(person)).take(line, FrameDirection.DOWNSTREAM)

    async def _branch_of(self, person: str) -> PersonBranch:
        async with self._opening:  # of several callers at once one opens it, and the others find it open
            if branch := self._branches.get(person):
                return branch
            aggregator = LLMUserAggregator(self.context_of(person), params=self._listening())
            branch = self._branches[person] = PersonBranch(
                person, [self._hearing(), aggregator], self._from_branch
            )
            try:
                await self._call_event_handler("on_person", person, aggregator)
                if self._setup_of_all is not None:
                    await branch.open(self._setup_of_all, self._started)
            except BaseException:  # a cancellation too: a branch that is half open hears nobody
                del self._branches[person]
                raise
            return branch

    # What comes out of a branch

    async def _from_branch(self, person: str, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, LLMContextFrame) and direction is FrameDirection.DOWNSTREAM:
            await self._order.asked(person, frame)
            return
        if isinstance(frame, InputAudioRawFrame):
            return  # nobody below needs the sound itself
        if isinstance(frame, UserStartedSpeakingFrame) and direction is FrameDirection.DOWNSTREAM:
            self._order.started_speaking(person)
        await self.push_frame(frame, direction)
        if isinstance(frame, UserStoppedSpeakingFrame) and direction is FrameDirection.DOWNSTREAM:
            await self._order.stopped_speaking(person)

    async def _answer(self, person: str, frame: LLMContextFrame) -> None:
        await self.push_frame(AnsweringFrame(person))
        await self.push_frame(frame)


def _words(frame: LLMMessagesAppendFrame) -> Any:
    """What a typed line says; None if the frame is no single line."""
    contents = [message.get("content") for message in frame.messages]  # type: ignore[union-attr]
    return contents[0] if len(contents) == 1 else None
