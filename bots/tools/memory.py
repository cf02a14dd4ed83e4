"""Remembering and forgetting: the call itself, which is written down, is what is done (`app/rooms/memory.py`)."""

from typing import Annotated, Any

from pydantic import Field

from greenroom.app.rooms.memory import EVERYTHING
from greenroom.app.rooms.providers import is_guest
from greenroom.bots.tools.tool import Call, Refused, tool

DONE = {"done": True}
NOT_KEPT = "Nothing is remembered of this person."

Key = Annotated[
    str, Field(min_length=1, max_length=200, description="A short name, as in name, dog or favourite colour")
]
Fact = Annotated[str, Field(min_length=1, max_length=1000, description="The fact, in a few words")]
Known = Annotated[str, Field(min_length=1, max_length=200, description=f"Its key, or {EVERYTHING}")]


@tool
async def remember(call: Call, key: Key, text: Fact) -> dict[str, Any]:
    """Remember a lasting fact about the person you talk with, for later conversations with them.

    It takes the place of what you remembered under the same key. Do not tell them that you call this.
    """
    return _done(call)


@tool
async def forget(call: Call, key: Known) -> dict[str, Any]:
    """Forget a fact about the person, because they ask for it."""
    return _done(call)


def _done(call: Call) -> dict[str, Any]:
    """At once, since nobody waits for what is kept."""
    if is_guest(call.person) or not call.here.remembers:
        raise Refused(NOT_KEPT)
    return DONE
