"""The tools with which a model remembers and forgets: who has them, and what their calls leave behind."""

import json

import pytest
from pipecat.frames.frames import LLMContextFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMAssistantAggregator
from pipecat.tests.utils import SleepFrame, run_test

from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.memory import asked_of_memory
from greenroom.bots import personalities
from greenroom.bots.assistant.remembering import DONE, answer_calls, offers_memory, tools_for
from greenroom.bots.speech.demo.thinking import ScriptedMind
from greenroom.bots.turns.following import _calls

pytestmark = pytest.mark.anyio


def test_whoever_has_a_memory_has_tools_for_it():
    assert offers_memory({"memory": True})
    assert not offers_memory({"memory": False})
    assert not offers_memory({})  # in pipecat's own runner
    assert [tool.name for tool in tools_for("ann").standard_tools] == ["remember", "forget"]
    assert tools_for("guest-1f") is None


def test_whatever_calls_no_functions_is_left_alone():
    answer_calls(object())


async def after(*said, tools_of="ann"):
    """The context of the demo after an answer to this."""
    mind = ScriptedMind(personalities.load("host"))
    answer_calls(mind)
    tools = tools_for(tools_of)
    context = LLMContext(
        [{"role": "user", "content": words} for words in said], **({"tools": tools} if tools else {})
    )
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
