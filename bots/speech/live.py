"""What of a change reaches the services that a live bot has, and what comes with its next bot.

A pipeline keeps the services that it was made with: one of them can be put first, and the model that thinks can be
another.  A service that was not made, and whatever only its making decides, comes with the session's next bot.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from greenroom.app.speech import Choice, Part
from greenroom.app.speech.choosing import Choices

MODEL, SERVICES = "model", "services"


@dataclass(frozen=True)
class Live:
    """How a live bot's services are to be."""

    first: Mapping[Part, Choice]  # as they were made: the one that does each part
    model: str  # of the one that thinks; empty: its own
    later: frozenset[str]  # what of a change comes with the next bot


def live(made: Choices, wanted: Choices) -> Live:
    """How the services that were made can come nearest to those that are wanted; of each part there is at least one."""
    first: dict[Part, Choice] = {}
    later: set[str] = set()
    for part, choices in wanted.items():
        there = [next((it for it in made[part] if _is_of(part, each, it)), None) for each in choices]
        first[part] = next(filter(None, there), made[part][0])
        if None in there:
            later.add(SERVICES)
    mind = first[Part.THINKING]
    named = next((it for it in wanted[Part.THINKING] if _is_of(Part.THINKING, it, mind)), mind).model
    if mind.model and not named:  # nobody knows what its own is called
        later.add(MODEL)
    return Live(first, named or mind.model, frozenset(later))


def _is_of(part: Part, wanted: Choice, made: Choice) -> bool:
    """Whether this is that service; a mind may have been made with another model, and takes this one while it runs."""
    return wanted.service == made.service and (part is Part.THINKING or wanted.model == made.model)
