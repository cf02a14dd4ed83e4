"""A bot gives its room to a bot of another worker: the successor is named, gets ready, and is yielded to."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from greenroom.app.rooms.leases import ACTIVE_FOR
from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import State


@dataclass(frozen=True)
class HandOver(Step[int | None]):
    """Name the claim of whoever shall have the room next; returns its epoch, or None if the room is not the asker's."""

    room: Room
    owner: str
    epoch: int
    token: str


class HandoverTurn(StrEnum):
    """What a successor learns."""

    WAIT = "wait"
    YOURS = "yours"
    LAPSED = "lapsed"


@dataclass(frozen=True)
class Ready(Step[HandoverTurn]):
    """Say that the successor is prepared, and learn whether the room is its own by now."""

    room: Room
    token: str
    owner: str


@dataclass(frozen=True)
class Yield(Step[int | None]):
    """Give the room to its successor, who is ready; returns the new epoch, or None if it is not, or not the asker's."""

    room: Room
    owner: str
    epoch: int
    state: State
    lasts: timedelta = ACTIVE_FOR
