"""What a caller of /join asks for."""

from dataclasses import dataclass

from greenroom.app.rooms.brief import Brief
from greenroom.app.rooms.room import Room


@dataclass(frozen=True)
class Order:
    """What a caller asks for: a bot with this brief in this room."""

    room: Room
    brief: Brief
    link: str | None = None  # the link by which the caller came, if any
    recording: bool = False  # whether the room may be recorded, where it is a voice room
    fell_back_from: tuple[str, ...] = ()  # providers that would have had its room, and do not answer
    named: frozenset[str] = frozenset()  # facts of the brief that the caller decided
    may_move: bool = True  # whether the bot that the user has elsewhere may come
