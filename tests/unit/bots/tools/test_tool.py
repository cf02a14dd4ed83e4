"""A tool is a function: what a model sends it is checked, and whatever goes wrong is the call's result."""

import asyncio
from typing import Annotated, Literal

import pytest
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.utils.types import NOT_GIVEN
from pydantic import Field

from greenroom.app.errors.rooms import NoForum
from greenroom.bots.tools import Call, Refused, tool
from greenroom.bots.tools.toolbox import Toolbox
from tests.fakes.tools import Hands

pytestmark = pytest.mark.anyio
done = []


@tool
async def paint(call: Call, colour: Literal["red", "blue"], coats: Annotated[int, Field(le=3)] = 1) -> dict:
    """Paint the door."""
    done.append((call.person, colour, coats))
    return {"painted": colour}


@pytest.fixture(autouse=True)
def nothing_done():
    done.clear()


async def use(it, hands=None, **arguments):
    return await (hands or Hands(it.name)).send(it.name, arguments, known={it.name: it})


def test_a_model_is_told_what_a_tool_takes_and_nothing_of_the_call():
    told = paint.schema.to_default_dict()

    assert (told["name"], told["description"]) == ("paint", "Paint the door.")
    assert told["parameters"]["required"] == ["colour"]
    assert told["parameters"]["properties"]["colour"]["enum"] == ["red", "blue"]
    assert told["parameters"]["properties"]["coats"]["maximum"] == 3
    assert "call" not in told["parameters"]["properties"]


async def test_what_it_returns_is_the_result_and_it_knows_whom_it_is_for():
    assert await use(paint, colour="red") == {"painted": "red"}
    assert done == [("ann", "red", 1)]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"colour": "green"},
        {"colour": ["red"]},
        {"colour": None},
        {"colour": "red", "coats": 4},
        {"colour": "red", "coats": "2"},
        {"colour": "red", "coats": True},
        {"colour": "red", "coats": float("nan")},
        {"colour": "red", "call": {"person": "ben"}},
        {"colour": "red", "person": "ben"},
        {"colour": "red", "__class__": "x" * 5000},
        {"colour": "red", "x" * 5000: 1},
    ],
)
async def test_hostile_arguments_reach_no_function_and_are_not_repeated(arguments):
    result = await use(paint, **arguments)

    assert done == []
    assert set(result) == {"error"} and len(result["error"]) <= 300
    assert "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" not in result["error"]


async def test_arguments_that_are_no_object_are_refused():
    hands = Hands("paint")

    assert "error" in await hands.send("paint", ["red"], known={"paint": paint})
    assert done == []


@pytest.mark.parametrize("error", [Refused("The door is locked."), NoForum("The door is locked.")])
async def test_a_model_is_told_why_a_tool_refuses(error):
    @tool
    async def refuse(call: Call) -> None:
        """Refuse."""
        raise error

    assert await use(refuse) == {"error": "The door is locked."}


async def test_a_tool_that_fails_says_nothing_of_its_insides():
    @tool
    async def fail(call: Call) -> None:
        """Fail."""
        raise ValueError("the password is swordfish")

    assert await use(fail) == {"error": "It did not work."}


async def test_a_tool_that_takes_too_long_is_cancelled():
    @tool(within=0.05)
    async def sleep(call: Call) -> None:
        """Sleep."""
        try:
            await asyncio.sleep(30)
        finally:
            done.append("cancelled")

    assert "CANCELLED" in await use(sleep)
    assert done == ["cancelled"]


async def test_a_tool_that_is_not_the_personality_s_is_refused_and_not_offered():
    hands = Hands("remember")

    result = await hands.send("paint", {"colour": "red"}, known={"paint": paint})

    assert done == [] and result == {"error": "You may not use that here."}
    assert hands.context.tools is NOT_GIVEN


async def test_a_tool_that_a_personality_has_lost_meanwhile_is_refused():
    hands = Hands("remember", "paint")
    toolbox = Toolbox(hands.here, {"paint": paint})
    context = toolbox.context("ann")
    assert [each.name for each in context.tools.standard_tools] == ["paint"]

    hands.allowed.remove("paint")

    assert context.tools is NOT_GIVEN
    assert await hands.use("paint", known={"paint": paint}, colour="red") == {
        "error": "You may not use that here."
    }
    assert done == []


async def test_a_tool_that_a_personality_has_gained_meanwhile_is_offered_at_once_and_done():
    hands = Hands("remember")
    context = Toolbox(hands.here, {"paint": paint}).context("ann")
    assert context.tools is NOT_GIVEN

    hands.allowed.append("paint")

    assert [each.name for each in context.tools.standard_tools] == ["paint"]
    assert "error" not in await hands.use("paint", known={"paint": paint}, colour="red")


def test_tools_that_somebody_else_has_put_into_a_context_are_offered_beside_them():
    """pipecat's flows set those of a node so."""
    hands = Hands("paint")
    context = Toolbox(hands.here, {"paint": paint}).context("ann")
    context.set_tools([paint.schema, FunctionSchema("next_node", "Go on.", {}, [])])

    assert [each.name for each in context.tools.standard_tools] == ["paint", "next_node"]


def test_what_can_be_no_tool_is_said():
    async def no_docstring(call: Call) -> None:
        pass

    async def no_type(call: Call, it) -> None:
        """Do it."""

    async def any_number(call: Call, *them: int) -> None:
        """Do it."""

    def waits_for_nothing(call: Call) -> None:
        """Do it."""

    for function, why in (
        (no_docstring, "docstring"),
        (no_type, "type its it"),
        (any_number, "type its them"),
        (waits_for_nothing, "async"),
    ):
        with pytest.raises(TypeError, match=why):
            tool(function)
