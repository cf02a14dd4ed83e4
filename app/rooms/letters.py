"""Letters: what was told, on its way to a receiver of webhooks.

Each receiver has a queue a session, so that a session's letters arrive in order and no session waits for another.  A
letter that its receiver does not take is sent again, later each time, for a day; then it is dead, and kept for somebody
to look at.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from greenroom.app.rooms.ledger import Step

TRIED_FOR = timedelta(
    days=1
)  # after what it tells of; one that is older, and sent again by hand, is tried once
QUEUED_AT_MOST = 10_000  # sessions of a receiver, and letters of a session
DEAD_AT_MOST = 10_000  # letters of one receiver that are kept
CLAIMED_FOR = timedelta(seconds=30)  # longer than a receiver is waited for


def receiver_of(url: str) -> str:
    """What the ledger calls a receiver."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Letter:
    """One event for one receiver."""

    session: str
    text: str  # what is sent: the event, as JSON
    tries: int = 0  # so far


@dataclass(frozen=True)
class DeadLetter:
    """One that its receiver has not taken."""

    id: str  # the event's
    session: str
    text: str
    tries: int
    because: str  # of the last try
    died_ms: int


@dataclass(frozen=True)
class Waiting:
    """How a receiver's letters stand."""

    sessions: int  # that have letters for it
    due_ms: int  # since when the first of them could be sent; later than now where all wait for another try
    dead: int
    dropped: int  # that had no room
    gaps: int = 0  # how often events were gone before they were put into its queues


@dataclass(frozen=True)
class ReadCursor(Step[str]):
    """Up to where a receiver's queues go in the stream of what is told; "" for a new one."""

    receiver: str


@dataclass(frozen=True)
class PutLetters(Step[bool]):
    """Put what was told into a receiver's queues; False, and nothing happens, if somebody else has done that."""

    receiver: str
    before: str
    upto: str
    letters: Sequence[Letter] = ()
    after_gap: bool = False  # between before and the first of these events are gone


@dataclass(frozen=True)
class ClaimLetters(Step[list[Letter]]):
    """Take the first letters of sessions whose time has come; they are others' to take after a while."""

    receiver: str
    limit: int


@dataclass(frozen=True)
class SettleLetter(Step[None]):
    """What became of a letter: taken, to be sent again, or dead."""

    receiver: str
    letter: Letter
    again: timedelta | None = None
    dead: DeadLetter | None = None


@dataclass(frozen=True)
class ReadDead(Step[list[DeadLetter]]):
    """A receiver's dead letters, the oldest first."""

    receiver: str


@dataclass(frozen=True)
class SendAgain(Step[bool]):
    """Send a dead letter again, behind those that its session has; False if there is none of that id."""

    receiver: str
    id: str


@dataclass(frozen=True)
class DropLetter(Step[bool]):
    """Forget a dead letter; False if there is none of that id."""

    receiver: str
    id: str


@dataclass(frozen=True)
class ReadWaitingLetters(Step[Waiting]):
    """How a receiver's letters stand."""

    receiver: str
