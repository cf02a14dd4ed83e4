"""For a person's look at the whole; nothing of the product depends on these."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.room import Room


@dataclass(frozen=True)
class Condition:
    """How the keeper of the ledger is."""

    version: str
    up: timedelta
    used_bytes: int
    limit_bytes: int  # 0: as much as the machine has
    machine_bytes: int
    drops: str  # what it drops when its memory is full; "noeviction" is nothing
    is_kept: bool  # an append-only file is written
    trouble: tuple[str, ...] = ()  # with writing, in its own words
    refused: Mapping[str, int] = field(default_factory=dict)  # commands since its start, by its word for why


@dataclass(frozen=True)
class ReadCondition(Step[Condition]):
    """How the keeper of the ledger is."""


@dataclass(frozen=True)
class LastRun(Step[timedelta | None]):
    """How long ago a worker last came for a periodic piece of work; None if that is more than a day, or unknown."""

    work: str


@dataclass(frozen=True)
class LeasedRooms(Step[tuple[int, list[Room]]]):
    """Some of the rooms that have a lease, and the cursor to go on from; 0 says that these were the last.

    This walks over all that is kept, a batch at a time, and so is for people who look.
    """

    cursor: int = 0
    batch: int = 1000


@dataclass(frozen=True)
class KeptNames(Step[tuple[int, list[str]]]):
    """Some of the names of ours under which something is kept, and the cursor to go on from; 0: these were the last.

    Those that are kept for good are left out.  A walk over everything, as LeasedRooms is.
    """

    cursor: int = 0
    batch: int = 1000


@dataclass(frozen=True)
class HaveLifetimes(Step[list[bool]]):
    """For each name, whether what is kept there goes away by itself; what has gone already did."""

    names: tuple[str, ...]
