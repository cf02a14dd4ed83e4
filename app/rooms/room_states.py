"""What is open in a room: a note, a card, an applet, a page, the desktop; whose it is, and that it is small."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from greenroom.app.errors.rooms import TooMuchState
from greenroom.app.rooms.leases import ACTIVE_FOR
from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.room import Room

VALUE_HOLDS = 1000  # bytes as JSON, of what is not shown as a whole; all clients are sent all of it
SHOWN_HOLDS = 5000  # of what is: a note's text, a card; both and the rest fit into a message of LiveKit's


class Open(StrEnum):
    """What can be open in a room, one of each."""

    NOTE = "active_note"
    APPLET = "active_applet"
    DESKTOP = "desktop_mode"
    CARD = "active_card"
    PAGE = "active_page"


SHOWN = (Open.NOTE, Open.CARD)


@dataclass(frozen=True)
class Opened:
    """Something that is open, and who opened it."""

    value: Any  # JSON
    owner: str


def opened(name: Open, value: Any, owner: str) -> Opened:
    """Raises TooMuchState for what clients cannot be sent each time."""
    try:
        size = len(json.dumps({"value": value, "owner": owner}, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise TooMuchState("What is open in a room is told as JSON.") from error
    if size > (SHOWN_HOLDS if name in SHOWN else VALUE_HOLDS):
        raise TooMuchState
    return Opened(value, owner)


def as_told(state: Mapping[Open, Opened]) -> dict[str, Any]:
    """A room's state as clients are sent it: each name, with null for what is closed."""
    return {
        name: {"value": it.value, "owner": it.owner} if (it := state.get(name)) else None for name in Open
    }


@dataclass(frozen=True)
class WriteState(Step[bool]):
    """Open or close things in a room; False, and nothing happens, if the room is not this owner's at this epoch."""

    room: Room
    epoch: int
    owner: str
    changes: Mapping[Open, Opened | None]  # None: closed
    session_id: str = ""  # whose bot it is, for those who are told of it
    lasts: timedelta = ACTIVE_FOR


@dataclass(frozen=True)
class ReadState(Step[Mapping[Open, Opened]]):
    """What is open in a room."""

    room: Room
