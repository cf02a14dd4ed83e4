"""The tools with which a model remembers and forgets: who has them, and what their calls leave behind."""

import contextvars
import json

import pytest
from pipecat.frames.frames import LLMContextFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_response_universal import LLMAssistantAggregator
from pipecat.tests.utils import SleepFrame, run_test
from pipecat.utils.types import is_given

from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.memory import asked_of_memory
from greenroom.bots import personalities
from greenroom.bots.speech.demo.thinking import ScriptedMind
from greenroom.bots.tools.known import known_tools
from greenroom.bots.tools.memory import DONE
from greenroom.bots.tools.toolbox import Toolbox
from greenroom.bots.turns.following import _calls
from tests.fakes.tools import Hands

pytestmark = pytest.mark.anyio


def offered(hands, person):
    context = Toolbox(hands.here, known_tools()).context(person)
    return [tool.name for tool in context.tools.standard_tools] if is_given(context.tools) else []


def test_whoever_has_a_memory_has_tools_for_it():
    assert offered(Hands("remember", "forget"), "ann") == ["remember", "forget"]
    assert offered(Hands("remember", "forget", memory=False), "ann") == []
    assert offered(Hands("remember", "forget"), "guest-1f") == []


def test_whatever_calls_no_functions_is_left_alone():
    Toolbox(Hands().here, known_tools()).register(object())


async def test_what_is_not_kept_is_refused():
    assert "error" in await Hands(memory=False).use("remember", key="name", text="Alice")
    assert "error" in await Hands().use("forget", person="guest-1f", key="everything")


def test_a_call_that_is_refused_is_on_record_without_what_it_asks_of_memory():
    hands = Hands("write_note")
    asked = [
        {"id": "call-1", "function": {"name": "remember", "arguments": '{"key": "name", "text": "Alice"}'}}
    ]

    def recorded():
        hands.here.make_current()
        (call,) = _calls(asked)
        return call

    assert asked_of_memory(Turn("", "assistant", "", tool_calls=(contextvars.copy_context().run(recorded),)))
    Toolbox(hands.here, known_tools())  # a bot of ours, which keeps to its personality's list
    refused = contextvars.copy_context().run(recorded)
    assert (
        refused.name == "remember" and asked_of_memory(Turn("", "assistant", "", tool_calls=(refused,))) == []
    )


async def after(*said, tools_of="ann"):
    """The context of the demo after an answer to this."""
    mind = ScriptedMind(personalities.load("host"))
    toolbox = Toolbox(Hands("remember", "forget").here, known_tools())
    toolbox.register(mind)
    context = toolbox.context(tools_of, [{"role": "user", "content": words} for words in said])
    await run_test(
        Pipeline([mind, LLMAssistantAggregator(context)]),
        frames_to_send=[LLMContextFrame(context), SleepFrame(0.3)],
    )
    return context.messages


def wishes(messages):
    turns = [Turn("", "assistant", "", tool_calls=tuple(_calls(each.get("tool_calls")))) for each in messages]
    return [wish for turn in turns for wish in asked_of_memory(turn)]


async def test_the_demo_remembers_a_name_that_it_is_told_and_answers_once():
    messages = await after("My name is Alice.")

    (wish,) = wishes(messages)
    assert (wish.key, wish.text) == ("name", "Alice")
    assert [each["content"] for each in messages if each["role"] == "tool"] == [json.dumps(DONE)]
    assert sum("Nice to meet you" in str(each.get("content")) for each in messages) == 1
    assert "Nice to meet you" in messages[-1]["content"]  # what it remembers is not lost with the rest of it


async def test_the_demo_forgets_whom_it_is_asked_to_forget():
    messages = await after("My name is Alice.", "Please forget me.")

    (wish,) = wishes(messages)
    assert wish.is_everything
    assert any("I have forgotten you" in str(each.get("content")) for each in messages)


async def test_of_a_guest_the_demo_remembers_nothing_beyond_the_talk():
    messages = await after("My name is Alice.", tools_of="guest")

    assert wishes(messages) == []
    assert "Nice to meet you, Alice." in messages[-1]["content"]
