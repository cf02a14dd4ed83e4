"""When a room was last seen without any person."""

from dataclasses import dataclass

from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.room import Room


@dataclass(frozen=True)
class NoteEmptied(Step[None]):
    """Note that a room has no person in it, at a time of the ledger's clock."""

    room: Room
    at_ms: int


@dataclass(frozen=True)
class LastEmptied(Step[int | None]):
    """When a room was last seen without any person, if that was in the last day."""

    room: Room
