"""One tool: an async function, whose signature says what a model may send it, and whose docstring says what it is for.

What a model sends is as untrusted as what people say to it: it is checked against the signature before the function
is called, and whatever goes wrong is told to the model as the call's result.  Registering, running, cancelling and
recording of calls is pipecat's.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_type_hints, overload

import structlog
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.frames.frames import FunctionCallResultProperties
from pipecat.processors.frameworks.rtvi.frames import RTVIUICommandFrame
from pipecat.services.llm_service import FunctionCallParams
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from greenroom.app.errors.families import GreenroomError
from greenroom.bots.at_hand import AtHand

RETURNS_WITHIN = 5.0  # seconds; a person waits for what a tool returns
LONGEST_REASON = 300  # characters of what is wrong with arguments; a model may have sent very much

Function = Callable[..., Awaitable[Any]]

log = structlog.get_logger(__name__)


class Refused(Exception):
    """A tool does not do what it is asked; the model is told why, in these words."""


@dataclass
class Call:
    """One call of a tool: for whom, in which session, and what it may tell the room's clients."""

    person: str  # in the conversation with whom the model calls it
    here: AtHand
    params: FunctionCallParams
    afterwards: Callable[[], Awaitable[None]] | None = None  # done once the result is in the conversation
    is_last_word: bool = False  # the model says nothing more to the result

    async def show(self, command: str, **payload: Any) -> None:
        """Have the room's clients do something: an RTVI `ui-command`, which pipecat's clients hand to the app."""
        await self.params.llm.push_frame(RTVIUICommandFrame(command=command, payload=payload))


@dataclass(frozen=True)
class Tool:
    """A tool as a model is told of it, and how it is called."""

    name: str
    about: str
    arguments: type[BaseModel]
    function: Function
    within: float  # seconds

    @cached_property
    def schema(self) -> FunctionSchema:
        """It in pipecat's form."""
        told = self.arguments.model_json_schema()
        properties = {name: _without_title(each) for name, each in told.get("properties", {}).items()}
        return FunctionSchema(self.name, self.about, properties, told.get("required", []))

    async def answer(self, call: Call) -> None:
        """Do what is asked, and give the model the result, or why there is none."""
        result = await self._result(call)
        properties = FunctionCallResultProperties(
            run_llm=False if call.is_last_word or _speaks_besides(call.params.llm) else None,
            on_context_updated=call.afterwards,
        )
        await call.params.result_callback(result, properties=properties)

    async def _result(self, call: Call) -> Any:
        try:
            arguments = self.arguments.model_validate(dict(call.params.arguments), strict=True)
        except (ValidationError, TypeError, ValueError) as wrong:
            return {"error": _reason(wrong)}
        try:
            named = {name: getattr(arguments, name) for name in type(arguments).model_fields}
            return await self.function(call, **named)
        except (Refused, GreenroomError) as why:
            return {"error": str(why)}
        except Exception:  # of whoever has written it; a call is no reason to end the conversation
            log.exception("tool_failed", tool=self.name)
            return {"error": "It did not work."}


@overload
def tool(function: Function) -> Tool: ...


@overload
def tool(*, within: float = RETURNS_WITHIN) -> Callable[[Function], Tool]: ...


def tool(function: Function | None = None, *, within: float = RETURNS_WITHIN) -> Any:
    """Make a tool of an async function, whose first parameter is the `Call`; cancel it after so many seconds.

    Raises TypeError for a function that can be none.
    """
    return _made(function, within) if function is not None else lambda each: _made(each, within)


def _made(function: Function, within: float) -> Tool:
    name = function.__name__
    about = inspect.cleandoc(function.__doc__ or "")
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"the tool {name} must be an async function")
    if not about:
        raise TypeError(f"the tool {name} needs a docstring: a model is told what it is for")
    hints = get_type_hints(function, include_extras=True)
    _, *parameters = inspect.signature(function).parameters.values()
    fields: dict[str, Any] = {}
    for each in parameters:
        if each.name not in hints or each.kind not in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY):
            raise TypeError(f"the tool {name} must say of what type its {each.name} is")
        fields[each.name] = (hints[each.name], ... if each.default is each.empty else each.default)
    arguments = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
    return Tool(name, about, arguments, function, within)


def _reason(wrong: Exception) -> str:
    """What is wrong with arguments, without repeating them."""
    if not isinstance(wrong, ValidationError):
        return "The arguments are no JSON object."
    said = [
        f"{'.'.join(str(part)[:40] for part in each['loc']) or 'arguments'}: {each['msg']}"
        for each in wrong.errors(include_input=False, include_url=False, include_context=False)
    ]
    return "; ".join(said)[:LONGEST_REASON]


def _speaks_besides(mind: Any) -> bool:
    """Whether a mind says by itself what came of a call, and need not be asked again."""
    return bool(getattr(mind, "speaks_besides_its_calls", False))


def _without_title(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "title"}
