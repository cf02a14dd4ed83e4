"""What is kept of conversations and sessions for good, and by whom: a port, behind which our SQL is the default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.session_events import Event
from greenroom.app.rooms.sessions import Session


@dataclass(frozen=True)
class Delivery:
    """One turn on its way to the archive."""

    turn: Turn
    session_id: str | None  # in which it was said
    written_epoch: int  # of the bot that wrote it


@dataclass(frozen=True)
class Batch:
    """Turns of one conversation, in the order in which they were written."""

    conversation_id: str
    tenant: str
    user_id: str  # whose conversation it is; "" where nobody knows it any more
    deliveries: tuple[Delivery, ...]


class Unkept(StrEnum):
    """Why a turn was not kept; the first two never will be."""

    LATE = "late"  # a bot wrote it that another had replaced
    UNSTORABLE = "unstorable"  # the archive cannot hold what is in it
    # These wait, with all that comes after them in their conversation
    NOT_NOW = "not_now"  # the archive stumbles over this conversation; others may go on
    NOT_TRIED = "not_tried"  # it has stumbled over too many others


@dataclass(frozen=True)
class Refusal:
    """A turn that was not kept."""

    conversation_id: str
    turn_id: str
    why: Unkept
    because: str = ""  # in the archive's words, without a word of what was said


@dataclass(frozen=True)
class Visit:
    """A person's being in a session's room, from one coming to the next going."""

    identity: str
    joined_ms: int
    left_ms: int | None = None  # None while they are there
    name: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Departure:
    """That a person has gone whose coming is not known any more: Redis had lost it."""

    identity: str
    at_ms: int


@dataclass(frozen=True)
class Report:
    """All that is to be kept of a session, as it stands now."""

    session: Session
    events: tuple[Event, ...]
    visits: tuple[Visit, ...] = ()
    messages: int = 0  # that were said in it, once it has ended
    departures: tuple[Departure, ...] = ()


class NotNow(Exception):
    """The archive cannot keep this session now; others it may.  Says why, without a word of what was said."""


class Archive(Protocol):
    """Keeps what was said and what has happened.  Each call may be repeated, and does then what it did the first time.

    Raises a GreenroomError if it cannot keep anything now: then it may have kept all, some or nothing, and is asked
    again for the same.
    """

    def keep_turns(self, batches: Sequence[Batch]) -> Sequence[Refusal]:
        """Keep every turn, once; returns those that it refuses for good, and where it stopped in a conversation."""
        ...

    def keep_session(self, report: Report) -> str | None:
        """Keep a session as it stands now, unless a later state of it is kept already; why it never can, if so.

        Raises NotNow as well.
        """
        ...
