"""What happens to all sessions, told to those who listen: two streams, of which the ledger keeps the last day.

What is *told* is written by the step that does it, so none of it gets lost: changes of state, people, turns, what is
open.  What is *heard*, who speaks and how loudly, comes often and is worth something at once or never: it has a stream
of its own, and a bot writes there what it can.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from greenroom.app.rooms.ledger import Step

BEGINNING = "0-0"


@dataclass(frozen=True)
class Entry:
    """One entry of a stream."""

    id: str  # of the stream: the ms by the ledger's clock, and a number
    is_heard: bool  # rather than told
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Place:
    """Up to where both streams have been read."""

    told: str = BEGINNING
    heard: str = BEGINNING


@dataclass(frozen=True)
class ReadTold(Step[list[Entry]]):
    """The entries after a place, of each stream in order, waiting for one if there is none yet."""

    after: Place
    wait: timedelta = timedelta(0)
    limit: int = 1000  # of each


@dataclass(frozen=True)
class EndOfTold(Step[Place]):
    """Where both streams end now."""


@dataclass(frozen=True)
class Sound:
    """Something that is heard in a room."""

    type: str  # as app/events/schema.py has it
    sequence: int
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hear(Step[None]):
    """Tell of what is heard in a session's room; nothing happens if a bot of a later epoch has it."""

    session_id: str
    epoch: int
    sounds: Sequence[Sound]
