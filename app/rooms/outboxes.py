"""What is still to be put into the archive: turns in their conversations' outboxes, and sessions that have changed."""

from dataclasses import dataclass
from datetime import timedelta

from greenroom.app.rooms.archive import Delivery
from greenroom.app.rooms.ledger import Step

UNSTORABLE_KEPT_FOR = timedelta(days=30)  # for somebody to look at


@dataclass(frozen=True)
class Lying:
    """One entry of an outbox."""

    mark: str  # tells it from all others
    delivery: Delivery | None  # None: it cannot be read


@dataclass(frozen=True)
class Outbox:
    """The first entries of a conversation's outbox, in order."""

    conversation_id: str
    owner: str  # the tenant and the person; "" if that is forgotten
    entries: tuple[Lying, ...]


@dataclass(frozen=True)
class WaitingOutboxes(Step[list[str]]):
    """The conversations that have turns in their outboxes; first those to which nothing was added for longest."""

    limit: int = 100


@dataclass(frozen=True)
class ReadOutbox(Step[Outbox]):
    """The first entries of an outbox.  They stay there."""

    conversation_id: str
    limit: int = 200


@dataclass(frozen=True)
class Settle(Step[int]):
    """Take entries out of an outbox, once they are kept for good; returns how many there were.

    They are the first ones, in order, as ReadOutbox has told them.  What somebody else has taken out meanwhile is
    passed over.  Those that are to be put aside lie in a list of their own for UNSTORABLE_KEPT_FOR.
    """

    conversation_id: str
    marks: tuple[str, ...]
    aside: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Changed:
    """A session that has changed since it was kept."""

    session_id: str
    mark: str  # of this change


@dataclass(frozen=True)
class ChangedSessions(Step[list[Changed]]):
    """The sessions that have changed since they were kept, first the one whose last change is longest ago."""

    limit: int = 100


@dataclass(frozen=True)
class SessionKept(Step[None]):
    """A session is kept as it was at a change: it is no longer listed, unless it has changed again."""

    changed: Changed


@dataclass(frozen=True)
class PutSessionAside(Step[None]):
    """A session is never kept for good: what is known of it stays for UNSTORABLE_KEPT_FOR, for somebody to look at."""

    session_id: str


@dataclass(frozen=True)
class Waiting:
    """How much waits to be kept, and for how long."""

    conversations: int
    turns: int  # of those conversations that were looked at
    fullest: int  # turns in the fullest outbox
    oldest_ms: int  # since when the first of them waits; 0 if none does
    sessions: int
    unstorable: int  # conversations of which a turn could not be kept
    sessions_unstorable: int  # sessions that could not be kept
    dropped: int  # turns that had no room in their outbox, in the last days


@dataclass(frozen=True)
class ReadWaiting(Step[Waiting]):
    """How much waits to be kept."""

    conversations: tuple[str, ...]  # those whose turns are counted


def owner_of(text: str) -> tuple[str, str]:
    """The tenant and the person of a conversation's owner."""
    tenant, _, person = text.partition("/")
    return tenant or "main", person
