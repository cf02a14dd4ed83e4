"""The tools of one bot: those that its personality names are offered to its model, and every other one is refused.

Which those are may be changed while it talks: its model is offered with each answer what it may use then.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.pipeline.llm_switcher import LLMSwitcher
from pipecat.processors.aggregators.llm_context import NOT_GIVEN, LLMContext, NotGiven
from pipecat.services.llm_service import FunctionCallParams, LLMService

from greenroom.app.rooms.memory import FORGET, REMEMBER
from greenroom.app.rooms.providers import is_guest
from greenroom.bots.at_hand import AtHand
from greenroom.bots.tools.tool import Call, Tool

NOT_ALLOWED = "You may not use that here."

log = structlog.get_logger(__name__)


class OfferingContext(LLMContext):
    """A context whose tools are those that may be used at the moment, besides those that it was given."""

    def __init__(self, messages: list[Any], offered: Callable[[], list[Any]]) -> None:
        self._offered = offered
        super().__init__(messages)

    @property
    def tools(self) -> ToolsSchema | NotGiven:
        given = super().tools
        others, custom = (
            (given.standard_tools, given.custom_tools) if isinstance(given, ToolsSchema) else ([], None)
        )
        offered = self._offered()
        names = {each.name for each in offered}
        tools = [*offered, *(each for each in others if getattr(each, "name", None) not in names)]
        return ToolsSchema(tools, custom) if tools or custom else NOT_GIVEN


class Toolbox:
    """Offers tools in contexts with people, and answers the calls that a model makes there."""

    def __init__(self, here: AtHand, known: Mapping[str, Tool]) -> None:
        """`known` are all that there are here; a process does not start with a personality that names another."""
        here.keeps_to_list = True
        self._here = here
        self._tools = list(known.values())
        self._people: WeakKeyDictionary[LLMContext, str] = WeakKeyDictionary()

    def register(self, mind: Any) -> None:
        """Have a model's calls answered, if it can call functions."""
        if isinstance(mind, LLMService | LLMSwitcher):
            for tool in self._tools:
                mind.register_function(tool.name, partial(self._answer, tool), timeout_secs=tool.within)

    def context(self, person: str, messages: Collection[Any] = ()) -> LLMContext:
        """A context with this person, in which a model may call what is theirs to have done."""
        context = OfferingContext(list(messages), partial(self._offered, person))
        self._people[context] = person
        return context

    def _offered(self, person: str) -> list[Any]:
        return [each.schema for each in self._tools if self._is_for(each, person)]

    def _is_for(self, tool: Tool, person: str) -> bool:
        """What the personality has; and nothing is remembered of a guest, or where nothing shall be."""
        if not self._here.may_use(tool.name):
            return False
        of_memory = tool.name in (REMEMBER, FORGET)
        return not of_memory or (self._here.remembers and not is_guest(person))

    async def _answer(self, tool: Tool, params: FunctionCallParams) -> None:
        person = self._people.get(params.context)
        if person is None or not self._here.may_use(tool.name):
            log.warning("tool_refused", tool=tool.name)
            await params.result_callback({"error": NOT_ALLOWED})
            return
        await tool.answer(Call(person, self._here, params))
