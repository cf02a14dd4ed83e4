"""Which sessions there are: those that are on, those with whose bots nobody is, and the last one of a room."""

from dataclasses import dataclass

from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Session


@dataclass(frozen=True)
class LiveSessions(Step[list[str]]):
    """The ids of the sessions that have not ended, the oldest first."""

    limit: int = 1000


@dataclass(frozen=True)
class Page:
    """Some of the sessions that have not ended, and where to go on; None: these were the last."""

    session_ids: list[str]
    after: str | None


@dataclass(frozen=True)
class PageOfSessions(Step[Page]):
    """The next of the sessions that have not ended, the oldest first; the first page comes after ""."""

    after: str = ""  # as the page before it said
    limit: int = 100


@dataclass(frozen=True)
class ReadSessions(Step[list[Session | None]]):
    """Many sessions at once; None in the place of one that is unknown."""

    session_ids: tuple[str, ...]


@dataclass(frozen=True)
class LongAlone(Step[list[str]]):
    """The ids of sessions with whose bot nobody has been since before a moment, the longest first."""

    before_ms: int  # of the ledger's time
    limit: int


@dataclass(frozen=True)
class LastSession(Step[str | None]):
    """The session that was last begun in a room, if that is not longer ago than a session's record lives."""

    room: Room


@dataclass(frozen=True)
class Forget(Step[None]):
    """An ended session is no longer one of those that are on, or wait; nor its user's bot, where that is named."""

    session_id: str
    user_id: str | None = None
