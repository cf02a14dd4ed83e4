"""The tools by which our bot's model remembers and forgets: the call itself, which is written down, is what is done."""

from collections.abc import Mapping
from typing import Any

from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import FunctionCallResultProperties
from pipecat.services.llm_service import FunctionCallParams, LLMService

from greenroom.app.rooms.memory import EVERYTHING, FORGET, REMEMBER
from greenroom.app.rooms.providers import is_guest

DONE = {"done": True}

_KEY = {"type": "string", "description": "A short name for it, as in name, dog or favourite colour"}
_TOOLS = (
    FunctionSchema(
        name=REMEMBER,
        description="Remember a lasting fact about the person you talk with, for later conversations with them. "
        "It takes the place of what you remembered under the same key. Do not tell them that you call this.",
        properties={"key": _KEY, "text": {"type": "string", "description": "The fact, in a few words"}},
        required=["key", "text"],
    ),
    FunctionSchema(
        name=FORGET,
        description="Forget a fact about the person, because they ask for it.",
        properties={"key": {"type": "string", "description": f"Its key, or {EVERYTHING}"}},
        required=["key"],
    ),
)


def offers_memory(about: Mapping[str, Any]) -> bool:
    """Whether what the model remembers is kept, by what a bot is told of its session."""
    return bool(about.get("memory"))


def tools_for(person: str) -> ToolsSchema | None:
    """Those with which a model may remember a person; nobody remembers a guest."""
    return None if is_guest(person) else ToolsSchema(standard_tools=list(_TOOLS))


def answer_calls(mind: Any) -> None:
    """Let a model's calls be answered, if it can call functions; at once, since nobody waits for what is kept."""
    if isinstance(mind, LLMService):
        for name in (REMEMBER, FORGET):
            mind.register_function(name, _done)


async def _done(params: FunctionCallParams) -> None:
    speaks_besides = getattr(params.llm, "speaks_besides_its_calls", False)
    properties = FunctionCallResultProperties(run_llm=False) if speaks_besides else None
    await params.result_callback(DONE, properties=properties)
