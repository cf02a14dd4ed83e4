"""Which tools there are: our own, and those of the modules that `TOOLS` names."""

from collections.abc import Mapping
from types import ModuleType

from greenroom.bots.loading import load_module
from greenroom.bots.tools import memory, notes, screen, session
from greenroom.bots.tools.tool import Tool

OURS = (memory, notes, screen, session)


def known_tools(sources: tuple[str, ...] = ()) -> Mapping[str, Tool]:
    """Each by its name; of two with one name that of whoever runs this installation counts.  Raises BotUnfit."""
    return {tool.name: tool for module in (*OURS, *map(load_module, sources)) for tool in _tools_in(module)}


def _tools_in(module: ModuleType) -> list[Tool]:
    return [each for each in vars(module).values() if isinstance(each, Tool)]
