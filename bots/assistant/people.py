"""Several people in a room, and one bot: each is heard alone, and has a conversation of their own with it.

pipecat's transport brings each person's voice as frames of their own, all in one
pipeline: one recogniser and one end-of-turn detector would hear a mixture of all.
`People` gives every person a recogniser, a detector and a context of their own.
Where several have said something at once, they are answered one after the other.

It stands where the recogniser and the user's aggregator are in a pipeline for one;
`Replies` stands where the assistant's aggregator is.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pipecat.frames.frames import (
    CancelFrame,
    DataFrame,
    EndWorkerFrame,
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
from pipecat.pipeline.pipeline import PipelineSink, PipelineSource
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

from greenroom.bots.seam.branch import AssistantAggregator, Branch

OTHERS_SPEAK_FOR = 5.0  # seconds that an answer waits for others to finish; then the bot talks over them
HEARS_US_AFTER = 0.5  # seconds from when somebody came; a greeting before that would lose its beginning
TYPED_LINES_KEPT = 16  # that wait for the frame which says whose they are
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
FRAMES_REMEMBERED = 256  # of those given to a branch, to know them again where they leave it


@dataclass
class AnsweringFrame(DataFrame):
    """The answer that follows in the pipeline is for this person."""

    person: str = field(default="")


class People(FrameProcessor):
    """The people in the room, each with a branch of the pipeline that hears them alone."""

    def __init__(
        self,
        hearing: Callable[[], FrameProcessor],
        listening: Callable[[], LLMUserAggregatorParams],
    ) -> None:
        super().__init__()
        self._hearing = hearing
        self._listening = listening
        self._contexts: dict[str, LLMContext] = {}
        self._branches: dict[str, _Branch] = {}
        self._setup_of_all: Any = None
        self._started: StartFrame | None = None
        self._typed: deque[LLMMessagesAppendFrame] = deque(maxlen=TYPED_LINES_KEPT)
        # Of typed lines: the person, and the words
        self._authors: deque[tuple[str, str]] = deque(maxlen=TYPED_LINES_KEPT)
        self._speaking: set[str] = set()
        self._waiting: deque[tuple[str, LLMContextFrame]] = deque()  # to be answered
        self._answer_timer: asyncio.TimerHandle | None = None
        self._present: set[str] = set()
        self._met: set[str] = set()  # greeted, or known from before
        self._gone: set[str] = set()  # their last audio, which comes late, opens no branch
        self._opening = asyncio.Lock()
        self._is_started = asyncio.Event()
        self._register_event_handler("on_person", sync=True)
        self._register_event_handler("on_person_left", sync=True)

    @property
    def processors(self) -> list[FrameProcessor]:
        return [branch.pipeline for branch in self._branches.values()]

    def context_of(self, person: str) -> LLMContext:
        """What this person and the bot have said to each other."""
        if person not in self._contexts:
            self._contexts[person] = LLMContext()
        return self._contexts[person]

    @property
    def present(self) -> frozenset[str]:
        """Who is in the room, as far as the bot was told."""
        return frozenset(self._present)

    async def meet(self, person: str, introduction: str | None = None) -> None:
        """Greet a person on their first arrival, answer one whose question is open, say nothing to one who returns."""
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
        messages: list[Any] = list(self.context_of(person).messages)
        if not messages and introduction:
            context = self.context_of(person)  # nobody said it, so it is not written down
            context.set_messages([{"role": "user", "content": introduction}])
        if not messages or (is_new and messages[-1].get("role") == "user"):
            await self._answer(person, LLMContextFrame(self.context_of(person)))

    async def part(self, person: str) -> None:
        """A person has left: close their branch, and keep their conversation."""
        self._present.discard(person)
        self._gone.add(person)
        await self._stopped_speaking(person)
        if branch := self._branches.pop(person, None):
            await branch.close()
        await self._call_event_handler("on_person_left", person)

    # As a processor

    async def setup(self, setup: Any) -> None:
        await super().setup(setup)
        self._setup_of_all = setup

    async def cleanup(self) -> None:
        self._present.clear()
        self._is_started.set()  # so that a `meet` that waits goes on, and finds nobody
        await super().cleanup()
        if self._answer_timer:
            self._answer_timer.cancel()
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
            self._typed.append(frame)
            await self._take_typed()
        elif isinstance(frame, RTVISendTextFrame):
            if frame.user_id is not None:
                self._authors.append((frame.user_id, frame.text))
                await self._take_typed()
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

    async def _take_typed(self) -> None:
        """A typed line comes as two frames, in either order: one for the model, and one that says whose it is."""
        for person, words in list(self._authors):
            for frame in list(self._typed):
                if [message.get("content") for message in frame.messages] == [words]:  # type: ignore[union-attr]
                    self._typed.remove(frame)
                    self._authors.remove((person, words))
                    await (await self._branch_of(person)).take(frame, FrameDirection.DOWNSTREAM)
                    break

    async def _branch_of(self, person: str) -> "_Branch":
        async with self._opening:  # of several callers at once one opens it, and the others find it open
            if branch := self._branches.get(person):
                return branch
            aggregator = LLMUserAggregator(self.context_of(person), params=self._listening())
            branch = self._branches[person] = _Branch(
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
            await self._answer(person, frame)
            return
        if isinstance(frame, InputAudioRawFrame):
            return  # nobody below needs the sound itself
        if isinstance(frame, UserStartedSpeakingFrame) and direction is FrameDirection.DOWNSTREAM:
            self._speaking.add(person)
        await self.push_frame(frame, direction)
        if isinstance(frame, UserStoppedSpeakingFrame) and direction is FrameDirection.DOWNSTREAM:
            await self._stopped_speaking(person)

    async def _answer(self, person: str, frame: LLMContextFrame) -> None:
        """Answer a person once the others have finished, or after OTHERS_SPEAK_FOR."""
        self._waiting.append((person, frame))
        if not self._speaking - {person}:
            await self._answer_all()
        elif self._answer_timer is None:
            loop = asyncio.get_running_loop()
            self._answer_timer = loop.call_later(OTHERS_SPEAK_FOR, self._waited_long_enough)

    def _waited_long_enough(self) -> None:
        self._answer_timer = None
        self.create_task(self._answer_all(), "answers")

    async def _stopped_speaking(self, person: str) -> None:
        self._speaking.discard(person)
        if not self._speaking:
            await self._answer_all()

    async def _answer_all(self) -> None:
        if self._answer_timer is not None:
            self._answer_timer.cancel()
            self._answer_timer = None
        while self._waiting:
            person, frame = self._waiting.popleft()
            await self.push_frame(AnsweringFrame(person))
            await self.push_frame(frame)


def introduction(person: str, name: str | None, metadata: str | None = None) -> str | None:
    """What is known of a person, in words that might be their own; None if it is nothing but an id.

    Strangers chose name and metadata: both stand where people's words do, not in the prompt, and are cut short.
    """
    said = []
    if name and name != person and name.isprintable():
        said.append(f"My name is {name[:64]}.")
    if preferences := _preferences(metadata):
        said.append(f"What I prefer: {preferences}.")
    return " ".join(said) or None


def _preferences(metadata: str | None) -> str:
    try:
        preferences = json.loads(metadata or "{}")["preferences"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    if not isinstance(preferences, dict):
        return ""
    words = ", ".join(f"{key}: {value}" for key, value in preferences.items())
    return words[:500] if words.isprintable() else ""


class Replies(AssistantAggregator):
    """Writes what was said to somebody into the conversation with them."""

    def __init__(self, people: People) -> None:
        super().__init__(LLMContext())
        self._people = people

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, AnsweringFrame):
            await super().process_frame(frame, direction)
            self.write_into(self._people.context_of(frame.person))
        elif isinstance(frame, EndWorkerFrame) and len(self._people.present) > 1:
            pass  # one person said goodbye, and others are still there
        else:
            await super().process_frame(frame, direction)


class _Branch:
    """One person's part of the pipeline: their recogniser, and the aggregator of what they say."""

    def __init__(
        self,
        person: str,
        processors: list[FrameProcessor],
        out: Callable[[str, Frame, FrameDirection], Any],
    ) -> None:
        async def push(frame: Frame, direction: FrameDirection) -> None:
            if frame.id not in self._taken:
                await out(person, frame, direction)

        self._taken: deque[int] = deque(maxlen=FRAMES_REMEMBERED)
        self._is_open = False
        source = PipelineSource(push, name=f"People::{person}::Source")
        sink = PipelineSink(push, name=f"People::{person}::Sink")
        self.pipeline = Branch(processors, source=source, sink=sink)

    async def open(self, setup: Any, started: StartFrame | None) -> None:
        await self.pipeline.open(setup)
        if started is not None:
            await self.take(started, FrameDirection.DOWNSTREAM)

    async def take(self, frame: Frame, direction: FrameDirection) -> None:
        """Give it a frame.  Where that leaves it again unchanged it is dropped: `People` has passed it on."""
        self._is_open = self._is_open or isinstance(frame, StartFrame)
        if not self._is_open:
            return
        if not isinstance(frame, UserAudioRawFrame):
            self._taken.append(frame.id)
        if direction is FrameDirection.DOWNSTREAM:
            await self.pipeline.queue_frame(frame, direction)
        else:
            await self.pipeline.processors[-1].queue_frame(frame, direction)

    async def close(self) -> None:
        await self.take(CancelFrame(), FrameDirection.DOWNSTREAM)
        await self.pipeline.cleanup()
