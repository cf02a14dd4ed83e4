"""Who decides how a bot is, where several say something: one order, for every fact.

docs/assistants.md has the same order as a table for people.
"""

from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]
NOTHING: Facts = {}

MERGED = frozenset(
    {"prompts", "voice_parameters"}
)  # facts of several entries: each entry is decided by itself
LISTS = frozenset({"tools", "app_events"})  # facts that are a list, which may be empty


def decide(
    *,
    config: Facts = NOTHING,
    call: Facts = NOTHING,
    assistant: Facts = NOTHING,
    personality: Facts = NOTHING,
    installation: Facts = NOTHING,
) -> dict[str, Any]:
    """Each fact as the first of these has it who names it.  None and an empty text name nothing."""
    decided: dict[str, Any] = {}
    for facts in (installation, personality, assistant, call, config):
        for name, fact in facts.items():
            if fact is not None and fact != "":
                decided[name] = {**decided.get(name, {}), **fact} if name in MERGED else fact
    return decided
