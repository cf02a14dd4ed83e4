"""Several people in a room, and one bot: each is heard alone, and has a conversation of their own with it.

pipecat's room gives each person's voice as a stream of its own, all of them in one
pipeline; one recogniser, and one judge of whose turn it is, would hear a mixture of
all.  `People` gives every person both for themselves, and a context.  Where several
have said something at once, they are answered one after the other.

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

FLOOR_WAITS = 5.0  # seconds that an answer waits for others to finish what they say
HEARS_US_AFTER = 0.5  # seconds, from when somebody came until our voice reaches them
UNCLAIMED = 16  # typed lines that wait to be known as somebody's
FROM_NOBODY_KNOWN = (  # what people send, in frames that do not say who did
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
HANDED_OVER = 256  # frames that are remembered, since they come out of a branch as they went in


@dataclass
class AnsweringFrame(DataFrame):
    """What follows is said to this person."""

    person: str = field(default="")


class People(FrameProcessor):
    """Who is in the room, each with their own ears of ours."""

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
        self._typed: deque[LLMMessagesAppendFrame] = deque(maxlen=UNCLAIMED)
        self._authors: deque[tuple[str, str]] = deque(maxlen=UNCLAIMED)  # of lines: the person, the words
        self._speaking: set[str] = set()
        self._waiting: deque[tuple[str, LLMContextFrame]] = deque()  # to be answered
        self._floor_timer: asyncio.TimerHandle | None = None
        self._present: set[str] = set()
        self._met: set[str] = set()  # greeted, or known from before
        self._gone: set[str] = set()  # what is still heard of them opens no branch
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
            context = self.context_of(person)  # it is not said, and so not written down
            context.set_messages([{"role": "user", "content": introduction}])
        if not messages or (is_new and messages[-1].get("role") == "user"):
            await self._answer(person, LLMContextFrame(self.context_of(person)))

    async def part(self, person: str) -> None:
        """They have left; what was said stays."""
        self._present.discard(person)
        self._gone.add(person)
        await self._fall_silent(person)
        if branch := self._branches.pop(person, None):
            await branch.close()
        await self._call_event_handler("on_person_left", person)

    # As a processor

    async def setup(self, setup: Any) -> None:
        await super().setup(setup)
        self._setup_of_all = setup

    async def cleanup(self) -> None:
        self._present.clear()
        self._is_started.set()  # for whoever was to be met
        await super().cleanup()
        if self._floor_timer:
            self._floor_timer.cancel()
        for branch in list(self._branches.values()):
            await branch.pipeline.cleanup()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if direction is FrameDirection.UPSTREAM:
            await self._show_all(frame, direction)
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
            pass  # to whom?  `meet` greets
        elif isinstance(frame, FROM_NOBODY_KNOWN):
            pass  # it would come into the talk of whoever was answered last, or into everybody's
        else:
            if isinstance(frame, StartFrame):
                self._started = frame
            await self._show_all(frame, direction)
            await self.push_frame(frame, direction)
            if isinstance(frame, StartFrame):
                self._is_started.set()

    async def _show_all(self, frame: Frame, direction: FrameDirection) -> None:
        """What concerns all; what goes on from here is this very frame, and not what comes out of a branch."""
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
        async with self._opening:  # of several that ask at once, each finds it open
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
            except BaseException:  # an interruption as well
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
            await self._fall_silent(person)

    async def _answer(self, person: str, frame: LLMContextFrame) -> None:
        """Once the others have finished, or after a while."""
        self._waiting.append((person, frame))
        if not self._speaking - {person}:
            await self._give_floor()
        elif self._floor_timer is None:
            loop = asyncio.get_running_loop()
            self._floor_timer = loop.call_later(FLOOR_WAITS, self._lose_patience)

    def _lose_patience(self) -> None:
        self._floor_timer = None
        self.create_task(self._give_floor(), "floor")

    async def _fall_silent(self, person: str) -> None:
        self._speaking.discard(person)
        if not self._speaking:
            await self._give_floor()

    async def _give_floor(self) -> None:
        if self._floor_timer is not None:
            self._floor_timer.cancel()
            self._floor_timer = None
        while self._waiting:
            person, frame = self._waiting.popleft()
            await self.push_frame(AnsweringFrame(person))
            await self.push_frame(frame)


def introduction(person: str, name: str | None, metadata: str | None = None) -> str | None:
    """What is known of somebody, in words that might be their own; None if it is nothing but an id.

    Both are of a stranger's choice: they stay with what people say, and short.
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
            pass  # one says goodbye, and others are there
        else:
            await super().process_frame(frame, direction)


class _Branch:
    """One person's way into the pipeline."""

    def __init__(
        self,
        person: str,
        processors: list[FrameProcessor],
        out: Callable[[str, Frame, FrameDirection], Any],
    ) -> None:
        async def push(frame: Frame, direction: FrameDirection) -> None:
            if frame.id not in self._taken:
                await out(person, frame, direction)

        self._taken: deque[int] = deque(maxlen=HANDED_OVER)
        self._is_open = False
        source = PipelineSource(push, name=f"People::{person}::Source")
        sink = PipelineSink(push, name=f"People::{person}::Sink")
        self.pipeline = Branch(processors, source=source, sink=sink)

    async def open(self, setup: Any, started: StartFrame | None) -> None:
        await self.pipeline.open(setup)
        if started is not None:
            await self.take(started, FrameDirection.DOWNSTREAM)

    async def take(self, frame: Frame, direction: FrameDirection) -> None:
        """Give it a frame; what comes out again as it went in has been passed on already."""
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
