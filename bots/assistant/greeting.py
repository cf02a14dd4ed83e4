"""When our bot speaks first: to somebody whom it has said nothing to, and to somebody who waits for an answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from greenroom.app.rooms.memory import without_memory

SAID = ("user", "assistant", "tool")  # the roles of what is said; a developer's or the system's words are not


def is_unanswered(messages: Sequence[Any]) -> bool:
    """Whether the last thing that was said is the person's, or what came of a tool that they have not been told."""
    said = [each for each in messages if isinstance(each, Mapping) and each.get("role") in SAID]
    return bool(said) and (said[-1]["role"] != "assistant" or bool(said[-1].get("tool_calls")))


def speaks_first(messages: Sequence[Any], about: Mapping[str, Any]) -> bool:
    """Whether our bot has something to say to a person who has just come, before they say anything.

    A replacement says nothing to somebody who was answered in full, and finishes an answer that was cut short.
    """
    conversation = without_memory(messages)
    is_as_found = conversation == list(about.get("conversation") or [])
    is_cut_short = is_as_found and bool(about.get("owes_an_answer"))
    return not conversation or is_unanswered(conversation) or is_cut_short
