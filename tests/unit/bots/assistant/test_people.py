"""Several people and one bot: who is heard by which ears, who is answered when, and what stays with whom."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    EndWorkerFrame,
    Frame,
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMMessagesAppendFrame,
    LLMTextFrame,
    TranscriptionFrame,
    UserAudioRawFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.processors.frameworks.rtvi.frames import RTVISendTextFrame

from greenroom.bots.assistant import people as people_module
from greenroom.bots.assistant.bounded_context import MESSAGES_AT_MOST, MESSAGES_KEPT, bounds
from greenroom.bots.assistant.people import People
from greenroom.bots.assistant.replies import AnsweringFrame, Replies
from greenroom.bots.seam.diversions import on_summed_up
from tests.fakes.talk import Call, running
from tests.fakes.talk import Mind as ScriptedMind

pytestmark = pytest.mark.anyio


class Ears(FrameProcessor):
    """Hears its person's sound and says nothing of it."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []
        self.took: list[Frame] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.took.append(frame)
        if isinstance(frame, UserAudioRawFrame):
            self.heard.append(frame.user_id)
        await self.push_frame(frame, direction)


class Mind(FrameProcessor):
    """Says how often it has been asked in this very talk, and by whom first."""

    def __init__(self) -> None:
        super().__init__()
        self.passed: list[Frame] = []
        self.is_thinking = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.passed.append(frame)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
        elif self.is_thinking:
            pass
        elif direction is FrameDirection.DOWNSTREAM:
            asked = [m["content"] for m in frame.context.messages if m["role"] == "user"]
            for each in (
                LLMFullResponseStartFrame(),
                LLMTextFrame(f"To {asked}"),
                LLMFullResponseEndFrame(),
            ):
                await self.push_frame(each)


class Below(FrameProcessor):
    """What is behind everything."""

    def __init__(self) -> None:
        super().__init__()
        self.reached: list[Frame] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.reached.append(frame)
        await self.push_frame(frame, direction)


class Room:
    """A running pipeline for several, and what came of it."""

    def __init__(
        self,
        *,
        has_rtvi: bool = False,
        mind: FrameProcessor | None = None,
        params=None,
        follow=lambda _: None,
    ) -> None:
        self.ears: list[Ears] = []
        self.mind = mind or Mind()
        self.people = People(self._another, LLMUserAggregatorParams)
        self.below = Below()
        replies = Replies(self.people, params)
        follow(replies)
        parts = [self.people, self.mind, replies, self.below]
        self.worker = PipelineWorker(Pipeline(parts), enable_rtvi=has_rtvi)

    def _another(self) -> Ears:
        self.ears.append(Ears())
        return self.ears[-1]

    async def send(self, *frames: Frame) -> None:
        await self.worker.queue_frames(list(frames))

    async def type(self, person: str, words: str, *, author_first: bool) -> None:
        line = LLMMessagesAppendFrame([{"role": "user", "content": words}], run_llm=True)
        author = RTVISendTextFrame(msg_id="1", text=words, user_id=person)
        await self.send(*((author, line) if author_first else (line, author)))

    def said_to(self, person: str) -> list[str]:
        said = [m for m in self.people.context_of(person).messages if m["role"] == "assistant"]
        return [m["content"] for m in said if "content" in m]

    def answered(self) -> list[str]:
        return [frame.person for frame in self.mind.passed if isinstance(frame, AnsweringFrame)]


def room(**facts):
    return running(Room(**facts))


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(people_module, "HEARS_US_AFTER", 0)


async def eventually(condition, within: float = 10) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def sound(person: str) -> UserAudioRawFrame:
    return UserAudioRawFrame(user_id=person, audio=bytes(320), sample_rate=16_000, num_channels=1)


async def test_each_is_heard_by_ears_of_their_own_and_by_nothing_below():
    async with room() as here:
        await here.people.meet("ann")
        await here.people.meet("ben")
        await here.send(sound("ann"), sound("ben"), sound("ann"))
        await eventually(lambda: sum(len(ears.heard) for ears in here.ears) == 3)

        assert [ears.heard for ears in here.ears] == [["ann", "ann"], ["ben"]]
        assert not [frame for frame in here.mind.passed if isinstance(frame, InputAudioRawFrame)]


async def test_whoever_comes_is_greeted_once_and_by_what_is_known_of_them():
    async with room() as here:
        await here.people.meet("ann", "My name is Ann.")
        await eventually(lambda: here.said_to("ann"))
        await here.people.part("ann")
        await here.people.meet("ann", "My name is Ann.")
        await here.type("ann", "Hello?", author_first=True)
        await eventually(lambda: len(here.said_to("ann")) == 2)

        assert here.said_to("ann")[0] == "To ['My name is Ann.']"
        assert here.answered() == ["ann", "ann"]


SAID = [{"role": "user", "content": "A story!"}, {"role": "assistant", "content": "Once upon"}]


async def test_whoever_heard_half_an_answer_before_the_bot_moved_hears_the_rest_once_and_no_greeting():
    async with room() as here:
        for person in ("ann", "ben"):
            here.people.context_of(person).set_messages(list(SAID))
            await here.people.meet(
                person, f"My name is {person}.", is_cut_short=lambda person=person: person == "ann"
            )
        await eventually(lambda: here.said_to("ann"))
        await here.people.part("ann")
        await here.people.meet("ann", is_cut_short=lambda: True)
        await here.type("ben", "Go on.", author_first=True)
        await eventually(lambda: "ben" in here.answered())

        assert here.answered() == ["ann", "ben"]


async def test_whoever_is_gone_for_a_moment_is_not_answered_twice():
    async with room() as here:
        await here.people.meet("ann")
        await eventually(lambda: here.said_to("ann"))
        here.mind.is_thinking = True
        await here.type("ann", "Well?", author_first=True)
        await eventually(lambda: here.answered() == ["ann", "ann"])
        await here.people.part("ann")
        await here.people.meet("ann")
        await here.type("ann", "Still there?", author_first=True)
        await eventually(lambda: "Still there?" in str(here.people.context_of("ann").messages))

        await eventually(lambda: len(here.answered()) > 2)
        assert here.answered() == ["ann", "ann", "ann"]


@pytest.mark.parametrize("author_first", [True, False])
async def test_a_typed_line_is_its_authors_in_whichever_order_it_comes(author_first):
    async with room() as here:
        for person in ("ann", "ben"):
            await here.people.meet(person)
        await eventually(lambda: here.said_to("ann") and here.said_to("ben"))
        await here.type("ben", "And I?", author_first=author_first)
        await eventually(lambda: len(here.said_to("ben")) == 2)

        assert here.said_to("ben")[1] == "To ['And I?']"
        assert len(here.said_to("ann")) == 1


async def test_an_answer_waits_until_the_others_have_finished():
    async with room() as here:
        for person in ("ann", "ben"):
            await here.people.meet(person)
        await eventually(lambda: here.answered() == ["ann", "ben"])
        await here.ears[1].push_frame(UserStartedSpeakingFrame())
        await eventually(
            lambda: any(isinstance(frame, UserStartedSpeakingFrame) for frame in here.mind.passed)
        )
        await here.type("ann", "Well?", author_first=True)
        await eventually(lambda: "Well?" in str(here.people.context_of("ann").messages))
        assert here.answered() == ["ann", "ben"]
        await here.ears[1].push_frame(UserStoppedSpeakingFrame())

        await eventually(lambda: here.answered() == ["ann", "ben", "ann"])


async def test_who_leaves_while_speaking_keeps_nobody_from_an_answer():
    async with room() as here:
        await here.people.meet("ann")
        await here.people.meet("ben")
        await here.ears[1].push_frame(UserStartedSpeakingFrame())
        await eventually(
            lambda: any(isinstance(frame, UserStartedSpeakingFrame) for frame in here.mind.passed)
        )
        await here.people.part("ben")
        await here.type("ann", "Well?", author_first=True)

        await eventually(lambda: here.answered().count("ann") == 2, within=3)


async def test_a_goodbye_ends_the_call_of_the_last_one_only():
    async with room() as here:
        await here.people.meet("ann")
        await here.people.meet("ben")
        await here.people.push_frame(EndWorkerFrame())
        await here.type("ann", "Still there?", author_first=True)
        await eventually(lambda: len(here.said_to("ann")) == 2)
        assert not [frame for frame in here.below.reached if isinstance(frame, EndWorkerFrame)]
        await here.people.part("ben")
        await here.people.push_frame(EndWorkerFrame())

        await eventually(here.worker.has_finished)


async def test_words_of_one_are_not_in_the_talk_with_another():
    async with room() as here:
        for person in ("ann", "ben"):
            await here.people.meet(person)
        await here.send(TranscriptionFrame("for nobody", "", ""))
        await here.type("ann", "My name is Ann.", author_first=True)
        await eventually(lambda: len(here.said_to("ann")) == 2)

        assert "Ann" not in str(here.people.context_of("ben").messages)


# Tools


def of_tools(context):
    """The calls of tools in a conversation, and their results."""
    calls = [call["id"] for message in context.messages for call in message.get("tool_calls", ())]
    results = [(m["tool_call_id"], m["content"]) for m in context.messages if m["role"] == "tool"]
    return calls, results


@asynccontextmanager
async def a_tool_runs_for_ann(**how):
    """A room in which Ann has asked for something that takes a while, and Ben is answered meanwhile."""
    may_return = asyncio.Event()

    async def look(params):
        await may_return.wait()
        await params.result_callback("a secret")

    mind = ScriptedMind()
    mind.register_function("look", look, **how)
    async with room(mind=mind) as here:
        for person in ("ann", "ben"):
            mind.script.append([f"Hello, {person}."])
            await here.people.meet(person)
            await eventually(lambda person=person: here.said_to(person))
        mind.script += [[Call("look", {})], ["Not much."], ["It is a secret."]]
        await here.type("ann", "Look for me.", author_first=True)
        await eventually(lambda: of_tools(here.people.context_of("ann"))[0])
        await here.type("ben", "What is new?", author_first=True)
        await eventually(lambda: here.said_to("ben") == ["Hello, ben.", "Not much."])
        yield here, may_return.set


async def assert_only_ann_is_told(here):
    await eventually(lambda: "It is a secret." in here.said_to("ann"))
    assert of_tools(here.people.context_of("ann")) == (["call-1"], [("call-1", '"a secret"')])
    assert "secret" not in str(here.people.context_of("ben").messages)


@pytest.mark.parametrize("outlives_interruptions", [False, True])
async def test_what_a_tool_returns_is_told_to_who_asked_whoever_is_answered_meanwhile(outlives_interruptions):
    async with a_tool_runs_for_ann(cancel_on_interruption=not outlives_interruptions) as (here, returns):
        returns()

        await assert_only_ann_is_told(here)


@pytest.mark.parametrize("speaks", [BotStartedSpeakingFrame, UserStartedSpeakingFrame])
async def test_a_tool_that_returns_while_somebody_speaks_is_told_to_who_asked(speaks):
    async with a_tool_runs_for_ann() as (here, returns):
        await here.send(speaks())
        await eventually(lambda: any(isinstance(frame, speaks) for frame in here.below.reached))
        returns()

        await assert_only_ann_is_told(here)


async def test_each_conversation_is_summed_up_by_itself():
    """One summariser would take what somebody else is answered for the context that it has summed up."""
    mind = ScriptedMind()
    summed_up = []

    def follow(replies):
        on_summed_up(replies, lambda context, gone, text, model: summed_up.append((context, len(gone), text)))

    async with room(mind=mind, follow=follow, params=bounds(mind)) as it:
        for person, words in (("ann", "ann's"), ("bob", "bob's")):
            lines = [{"role": "user", "content": f"{words} {number}"} for number in range(MESSAGES_AT_MOST)]
            it.people.context_of(person).set_messages(lines)
        for person in ("ann", "bob"):
            await it.people.meet(person)
            mind.script.append([f"Hello {person}."])
            await it.type(person, "hello", author_first=True)
            await eventually(lambda person=person: f"Hello {person}." in str(it.said_to(person)))
        await eventually(lambda: len(summed_up) == 2)

        contexts = [it.people.context_of(person) for person in ("ann", "bob")]
        assert [context for context, _, _ in summed_up] == contexts
        assert all(MESSAGES_KEPT <= len(context.messages) < MESSAGES_AT_MOST for context in contexts)
    of_ann, of_bob = mind.summed_up
    assert "ann's 0" in of_ann and "bob" not in of_ann
    assert "bob's 0" in of_bob and "ann" not in of_bob
