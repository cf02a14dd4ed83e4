"""What is said in a bot's pipeline becomes turns: pipecat's own parts, a scripted mind, and a person."""

import asyncio
from datetime import timedelta

import pytest
from pipecat.frames.frames import (
    FunctionCallResultProperties,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMMessagesAppendFrame,
    LLMThoughtEndFrame,
    LLMThoughtStartFrame,
    LLMThoughtTextFrame,
    TranscriptionFrame,
    TTSTextFrame,
)
from pipecat.utils.text.base_text_aggregator import TextType
from pipecat.utils.time import time_now_iso8601

from greenroom.app.rooms.conversations import ToolCall, ToolStatus, Turn
from greenroom.app.rooms.resuming import as_messages, in_order_of_talk
from greenroom.bots.turns.contexts import Contexts
from greenroom.bots.turns.floor import Floor
from greenroom.bots.turns.following import Follower
from tests.fakes.talk import Call, talk

pytestmark = pytest.mark.anyio
LOOK = Call("look", {"at": "the sky"})


class Heard:
    """What a follower makes of a bot."""

    def __init__(self):
        self.turns = []
        self.floor = Floor()
        self._ms = 1000
        self._follower = Follower(
            self.floor,
            Contexts(),
            on_turn=lambda *said, **facts: self.turns.append(Turn("", *said, **facts)),
            on_person=lambda *_: None,
            now_ms=self._now_ms,
        )
        self.follow = self._follower.follow
        self.forget = self._follower.forget
        self.cancel_tools = self._follower.cancel_tools

    def _now_ms(self):
        self._ms += 1
        return self._ms

    def said(self, role=None):
        return [turn.content for turn in self.turns if role in (None, turn.role)]

    def of_tools(self):
        return [
            (turn.tool_call_id, turn.content, turn.tool_status) for turn in self.turns if turn.role == "tool"
        ]


@pytest.fixture
def heard():
    return Heard()


async def eventually(condition, within=10):
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_what_is_said_and_answered_is_written_with_the_time_that_it_took(heard):
    async with talk(heard.follow) as it:
        it.mind.script.append(["It is noon. ", "Or so."])
        await it.say("what time is it?")
        await eventually(lambda: heard.said("assistant"))

    asked, answered = heard.turns
    assert (asked.role, asked.content, asked.interrupted) == ("user", "what time is it?", False)
    assert (answered.role, answered.content, answered.interrupted) == (
        "assistant",
        "It is noon. Or so.",
        False,
    )
    assert 0 < asked.started_ms < asked.ended_ms < answered.started_ms < answered.ended_ms


async def test_an_interrupted_answer_is_written_as_far_as_it_was_heard(heard):
    async with talk(heard.follow) as it:
        it.loudspeaker.stops_after = 1.5  # in the second sentence
        it.mind.script.append(["One. ", "Two. ", "Three."])
        await it.say("count")
        await eventually(lambda: it.loudspeaker.is_stopped)
        await it.say("stop")
        await eventually(lambda: heard.said("assistant") and len(heard.said("user")) == 2)

    answer = next(turn for turn in heard.turns if turn.role == "assistant")
    assert (answer.content, answer.interrupted) == ("One.", True)
    assert [turn.content for turn in in_order_of_talk(heard.turns)] == ["count", "One.", "stop"]
    assert not heard.floor.is_quiet  # who interrupted waits for an answer


async def test_an_answer_of_which_nothing_was_heard_is_no_turn(heard):
    async with talk(heard.follow) as it:
        it.loudspeaker.stops_after = 0.5  # in the first sentence
        it.mind.script += [["One. ", "Two."], ["Well."]]
        await it.say("count")
        await eventually(lambda: it.loudspeaker.is_stopped)
        it.loudspeaker.stops_after = 100
        await it.say("stop")
        await eventually(lambda: heard.said("assistant"))

    assert heard.said() == ["count", "stop", "Well."]


async def test_an_answer_in_which_the_bot_is_stopped_is_written_as_far_as_it_was_heard(heard):
    async with talk(heard.follow) as it:
        it.loudspeaker.stops_after = 1.5
        it.mind.script.append(["One. ", "Two."])
        await it.say("count")
        await eventually(lambda: it.loudspeaker.is_stopped)

    assert [(turn.content, turn.interrupted) for turn in heard.turns] == [("count", False), ("One.", True)]


async def test_a_typed_line_is_a_turn_of_its_own(heard):
    async with talk(heard.follow) as it:
        it.mind.script.append(["Hello."])
        await it.send(LLMMessagesAppendFrame([{"role": "user", "content": "hi"}], run_llm=True))
        await eventually(lambda: heard.said("assistant"))

    assert heard.said() == ["hi", "Hello."]
    assert heard.turns[0].started_ms == heard.turns[0].ended_ms > 0


async def test_a_thought_of_the_model_is_no_turn(heard):
    """It comes into the context in a shape of its own, and broke what listened there."""
    async with talk(heard.follow) as it:
        it.mind.script.append(["Hello."])
        await it.worker.queue_frames(
            [
                LLMThoughtStartFrame(append_to_context=True, llm="scripted"),
                LLMThoughtTextFrame("hm"),
                LLMThoughtEndFrame(),
            ]
        )
        await it.say("hi")
        await eventually(lambda: heard.said("assistant"))

    assert heard.said() == ["hi", "Hello."]


# Tools


async def test_the_call_of_a_tool_and_its_result_are_turns(heard):
    async def look(params):
        await params.result_callback({"seen": "ä star"})

    async with talk(heard.follow) as it:
        it.mind.register_function("look", look)
        it.mind.script += [[LOOK], ["A star."]]
        await it.say("what is there?")
        await eventually(lambda: heard.said("assistant") == ["", "A star."])

    _, asked, result, _ = heard.turns
    assert asked.tool_calls == (ToolCall("call-1", "look", '{"at": "the sky"}'),)
    assert (result.role, result.tool_call_id, result.tool_status) == ("tool", "call-1", ToolStatus.COMPLETED)
    assert result.content == '{"seen": "ä star"}'
    assert result.started_ms <= asked.ended_ms < result.ended_ms
    assert as_messages(heard.turns) == it.context.messages


async def test_what_a_tool_raises_is_its_result(heard):
    async def look(_params):
        raise ValueError("it is cloudy")

    async with talk(heard.follow) as it:
        it.mind.register_function("look", look)
        it.mind.script += [[LOOK], ["I cannot see."]]
        await it.say("what is there?")
        await eventually(lambda: "I cannot see." in heard.said())

    ((call, content, status),) = heard.of_tools()
    assert (call, status) == ("call-1", ToolStatus.FAILED)
    assert content == next(m["content"] for m in it.context.messages if m["role"] == "tool")


async def test_a_tool_in_which_the_person_interrupts_is_cancelled(heard):
    async def look(_params):
        await asyncio.sleep(60)

    async with talk(heard.follow) as it:
        it.mind.register_function("look", look)
        it.mind.script += [[LOOK], ["All right."]]
        await it.say("what is there?")
        await eventually(lambda: any(turn.tool_calls for turn in heard.turns))
        assert not heard.floor.is_quiet
        await it.say("never mind")
        await eventually(lambda: heard.of_tools() and "All right." in heard.said())

    assert heard.of_tools() == [("call-1", "CANCELLED", ToolStatus.CANCELLED)]


async def test_a_tool_that_the_talk_does_not_wait_for_is_a_turn_when_its_result_is_there(heard):
    may_return = asyncio.Event()

    async def look(params):
        await params.result_callback("50 %", properties=FunctionCallResultProperties(is_final=False))
        await may_return.wait()
        await params.result_callback("a star")

    async with talk(heard.follow) as it:
        it.mind.register_function("look", look, cancel_on_interruption=False)
        it.mind.script += [[LOOK], ["I look."], ["Hello."], ["A star."]]
        await it.say("what is there?")
        await eventually(lambda: "I look." in heard.said())
        await it.say("and hello")
        await eventually(lambda: "Hello." in heard.said())
        assert heard.of_tools() == []
        may_return.set()
        await eventually(lambda: heard.of_tools() and "A star." in heard.said())

    assert heard.of_tools() == [("call-1", '"a star"', ToolStatus.COMPLETED)]
    roles = [message["role"] for message in as_messages(heard.turns)]
    assert roles[roles.index("assistant") + 1] == "tool"


async def test_of_a_result_without_end_the_beginning_is_kept(heard):
    async def look(params):
        await params.result_callback("star " * 100_000)

    async with talk(heard.follow) as it:
        it.mind.register_function("look", look)
        it.mind.script += [[LOOK], ["Stars."]]
        await it.say("what is there?")
        await eventually(lambda: "Stars." in heard.said())

    ((_, content, _),) = heard.of_tools()
    assert content.startswith('"star star') and "500002 characters" in content
    assert len(content) < 51_000


async def test_a_result_that_a_bot_writes_into_its_context_itself_is_a_turn(heard):
    async with talk(heard.follow) as it:
        function = {"name": "look", "arguments": "{}"}
        it.context.add_messages(
            [
                {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": function}]},
                {"role": "tool", "tool_call_id": "c", "content": "a star"},
            ]
        )

    assert heard.of_tools() == [("c", "a star", ToolStatus.COMPLETED)]


async def test_no_tool_returns_into_another_conversation(heard):
    async def look(_params):
        await asyncio.sleep(60)

    async with talk(heard.follow) as it:
        it.mind.register_function("look", look, cancel_on_interruption=False)
        it.mind.script.append([LOOK])
        await it.say("what is there?")
        await eventually(lambda: any(turn.tool_calls for turn in heard.turns))
        await heard.cancel_tools(timedelta(seconds=10))

        assert heard.of_tools() == [("call-1", "CANCELLED", ToolStatus.CANCELLED)]
        assert not it.bot.has_function_calls_in_progress


async def test_a_result_that_comes_late_all_the_same_is_not_of_the_next_conversation(heard):
    may_return = asyncio.Event()

    async def look(params):
        await may_return.wait()
        await params.result_callback("a secret")

    async with talk(heard.follow) as it:
        it.mind.register_function("look", look, cancel_on_interruption=False)
        it.mind.script += [[LOOK], ["Hello."]]
        await it.say("what is there?")
        await eventually(lambda: any(turn.tool_calls for turn in heard.turns))
        heard.forget()
        may_return.set()
        await eventually(lambda: "Hello." in heard.said())

    assert heard.of_tools() == []


# Speech-to-speech models


def spoken(text):
    return TTSTextFrame(text, text_type=TextType.SENTENCE)


async def test_words_that_come_behind_the_answer_to_them_stand_before_it(heard):
    async with talk(heard.follow, is_realtime=True) as it:
        await it.is_heard()
        await it.send(LLMFullResponseStartFrame(), spoken("It is noon."), LLMFullResponseEndFrame())
        await eventually(lambda: heard.said("assistant"))
        await it.send(TranscriptionFrame("what time is it?", "", time_now_iso8601(), finalized=True))
        await it.send(LLMFullResponseStartFrame(), LLMFullResponseEndFrame())
        await eventually(lambda: heard.said("user"))

        assert heard.said() == ["It is noon.", "what time is it?"]
        assert [turn.content for turn in in_order_of_talk(heard.turns)] == ["what time is it?", "It is noon."]
        await eventually(lambda: heard.floor.is_quiet)


async def test_who_was_heard_by_such_a_model_waits_for_an_answer_before_there_are_words(heard):
    async with talk(heard.follow, is_realtime=True) as it:
        await it.is_heard()
        await eventually(lambda: not heard.floor.is_answering)
        assert not heard.floor.is_quiet

        await it.send(LLMFullResponseStartFrame(), spoken("It is noon."), LLMFullResponseEndFrame())
        await eventually(lambda: heard.floor.is_quiet)


async def test_an_answer_of_such_a_model_that_is_interrupted_is_marked(heard):
    async with talk(heard.follow, is_realtime=True) as it:
        await it.send(LLMFullResponseStartFrame(), spoken("It is"))
        await eventually(it.bot.aggregation_string)
        await it.send(InterruptionFrame())
        await eventually(heard.said)

    assert [(turn.content, turn.interrupted) for turn in heard.turns] == [("It is", True)]
