"""What happens in a session's room, as its bot tells it to `attendance.py`.

`people` are those who are there after it.
"""

from dataclasses import dataclass
from datetime import timedelta

from greenroom.app.rooms.session_events import NO_APPEARANCE, Appearance
from greenroom.app.rooms.sessions import Pause, Session


@dataclass(frozen=True)
class Started:
    """The bot's pipeline runs, and the room is its own."""

    people: frozenset[str]
    after: timedelta  # since this bot's process adopted the session


@dataclass(frozen=True)
class TookOver:
    """The room is the bot's now; another bot of its session had it until this moment.  `Started` comes after it."""

    session: Session  # as the other bot left it
    known: frozenset[str]  # whose words are in the conversation


@dataclass(frozen=True)
class Arrived:
    """A person has come into the room, or come back."""

    user_id: str
    people: frozenset[str]
    appearance: Appearance = NO_APPEARANCE


@dataclass(frozen=True)
class Departed:
    """A person has left the room."""

    user_id: str
    people: frozenset[str]


@dataclass(frozen=True)
class Paused:
    """The bot shall be silent until it is resumed; for a call of its user's, only while nobody else is with it."""

    people: frozenset[str]
    pause: Pause


@dataclass(frozen=True)
class Resumed:
    """The bot shall speak again."""

    people: frozenset[str]


@dataclass(frozen=True)
class SlotWanted:
    """The bot's slot is wanted, if nobody is there."""

    people: frozenset[str]


@dataclass(frozen=True)
class NoOtherSlot:
    """The bot's worker stops, and no other worker has a slot for the session."""


@dataclass(frozen=True)
class LeaveAsked:
    """Whoever is there leaves now, by their own word; the bot shall wait so long for somebody to come back."""

    teardown_delay: timedelta
    detail: str  # who asked
    after: timedelta = timedelta(0)  # since this bot's process adopted the session


@dataclass(frozen=True)
class PersistenceChanged:
    """How long the bot waits in an empty room was changed."""


@dataclass(frozen=True)
class Expected:
    """Somebody has asked for the room's bot, and is on their way to it."""

    people: frozenset[str]


@dataclass(frozen=True)
class Moving:
    """The bot makes ready to go to another room.  Until it has moved, or stays, the session is in neither for long."""


@dataclass(frozen=True)
class Stays:
    """The bot does not move after all."""

    people: frozenset[str]


@dataclass(frozen=True)
class Moved:
    """The session is in another room."""

    session: Session
    people: frozenset[str]
    after: timedelta  # since this bot's process adopted the session


Happening = (
    Started
    | TookOver
    | Arrived
    | Departed
    | Paused
    | Resumed
    | SlotWanted
    | NoOtherSlot
    | LeaveAsked
    | PersistenceChanged
    | Expected
    | Moving
    | Stays
    | Moved
)
