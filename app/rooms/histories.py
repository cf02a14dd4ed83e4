"""What came of a session: from Redis until a day after its end, and after that from what is kept for good."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol

from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.rooms.archive import Visit
from greenroom.app.rooms.cached import Waiting
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.conversations import CountMessages
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.session_events import Event, ReadEvents
from greenroom.app.rooms.sessions import ReadSession, Session, State
from greenroom.app.rooms.visits import account_of


@dataclass(frozen=True)
class History:
    """A session and what came of it, so far."""

    session: Session
    message_count: int  # that people and the bot have said in it
    duration_ms: int
    people: Sequence[Visit]  # who came and went, in the order in which they came


class KeptSessions(Protocol):
    """What is kept for good.  Each call raises DatabaseAway if it cannot be had in time."""

    def find(self, session_id: str) -> History | None: ...

    def events(self, session_id: str) -> Sequence[Event]:
        """What happened in it, in order; nothing for one that is not kept."""
        ...


class Histories:
    """Tells of sessions, for those who may know of all of them."""

    def __init__(self, ledger: Ledger, kept: KeptSessions, waiting: Waiting = nullcontext) -> None:
        """What is kept for good is asked for in `waiting`, which may refuse it."""
        self._ledger = ledger
        self._kept = kept
        self._waiting = waiting

    def tell(self, session_id: str) -> History:
        """Raises NoSuchSession; DatabaseAway only for a session that Redis does not know."""
        try:
            session = self._ledger.run(ReadSession(session_id))
        except NoSuchSession:
            kept = self._find(session_id) if _may_be_kept(session_id) else None
            if kept is None:
                raise
            return kept
        events, messages, now_ms = self._ledger.run_all(
            [ReadEvents(session_id), CountMessages(session.conversation_id, session_id), Now()]
        )
        until_ms = session.updated_ms if session.state is State.ENDED else now_ms
        people = account_of(events, now_ms).visits
        return History(session, messages, max(until_ms - session.created_ms, 0), people)

    def all_events(self, session_id: str) -> Sequence[Event]:
        """Raises NoSuchSession; DatabaseAway only for a session that Redis does not know."""
        return self._ledger.run(ReadEvents(session_id)) or self.events(session_id)

    def events(self, session_id: str) -> Sequence[Event]:
        """Of a session that Redis does not know any more.  Raises NoSuchSession."""
        events = self._events(session_id) if _may_be_kept(session_id) else ()
        if not events:
            raise NoSuchSession(session_id=session_id)
        return events

    def _find(self, session_id: str) -> History | None:
        with self._waiting():
            return self._kept.find(session_id)

    def _events(self, session_id: str) -> Sequence[Event]:
        with self._waiting():
            return self._kept.events(session_id)


def _may_be_kept(session_id: str) -> bool:
    """PostgreSQL has no place for a zero character, not in a question either."""
    return "\0" not in session_id
