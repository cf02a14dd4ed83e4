"""When a room must be looked at again, unless its bot beats before."""

from dataclasses import dataclass
from datetime import timedelta

from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.room import Room


@dataclass(frozen=True)
class SetDeadline(Step[None]):
    """Say when a room must be looked at again, unless its bot beats before."""

    room: Room
    within: timedelta
    unless_set: bool = False


@dataclass(frozen=True)
class ClearDeadline(Step[None]):
    """The room need not be looked at any more, unless it has been marked anew since it was overdue."""

    room: Room


@dataclass(frozen=True)
class OverdueRooms(Step[list[Room]]):
    """The rooms whose time is over, the longest overdue first."""

    limit: int = 500
