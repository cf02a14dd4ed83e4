"""What is on, read from the ledger for people and machines that ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.leases import ReadRoom, RoomView
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.line import FindPlace
from greenroom.app.rooms.outboxes import ReadWaiting, WaitingOutboxes
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.room_states import Open, Opened, ReadState
from greenroom.app.rooms.serving import LIMITS
from greenroom.app.rooms.session_events import Event, ReadEvents
from greenroom.app.rooms.session_lists import Forget, PageOfSessions, ReadSessions
from greenroom.app.rooms.sessions import ReadSession, Session, State
from greenroom.app.rooms.timings import WORKER_GONE_AFTER
from greenroom.app.rooms.workers import Host, ReadHosts

PAGE = 100  # sessions
STORED_WITHIN = timedelta(seconds=30)  # it is tried every 3 s


@dataclass(frozen=True)
class Readiness:
    """Whether a join would find its bot, and what is missing if not.

    A full line leaves it ready: who waits, or has a bot, is served as ever.
    """

    ready: bool
    checks: dict[str, str]


class Overview:
    """Reads sessions, rooms and workers; all that it changes is to forget sessions that have ended."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def session(self, session_id: str) -> Session:
        return self._ledger.run(ReadSession(session_id))

    def position(self, session: Session) -> int | None:
        """Where a session stands in the line, if it waits for a slot."""
        if session.state is not State.PENDING:
            return None
        return self._ledger.run(FindPlace(session.id)).position

    def sessions(self, after: str = "", limit: int = PAGE) -> tuple[list[Session], str | None]:
        """Those that have not ended, the oldest first, a page at a time; and what the next page comes after, if any."""
        page = self._ledger.run(PageOfSessions(after, limit))
        sessions = []
        found = self._ledger.run(ReadSessions(tuple(page.session_ids)))
        for session_id, session in zip(page.session_ids, found, strict=True):
            if session is None or session.state is State.ENDED:  # whoever ended it died before this
                self._ledger.run(Forget(session_id, session.brief.user_id if session else None))
            else:
                sessions.append(session)
        return sessions, page.after

    def events(self, session_id: str, *, after: str = "0", wait: timedelta = timedelta(0)) -> list[Event]:
        """Raises NoSuchSession."""
        session = self.session(session_id)
        return self._ledger.run(ReadEvents(session.id, after=after, wait=wait))

    def room(self, room: Room) -> RoomView:
        return self._ledger.run(ReadRoom(room))

    def config(self, session: Session) -> Mapping[str, object]:
        """What was changed of the session's bot while it is on."""
        if session.state is State.ENDED:
            return {}
        view = self.room(session.room)
        return view.config if view.lease and view.lease.session_id == session.id else {}

    def state(self, room: Room) -> Mapping[Open, Opened]:
        """What is open in a room."""
        return self._ledger.run(ReadState(room))

    def hosts(self) -> list[Host]:
        return self._ledger.run(ReadHosts())

    def readiness(self) -> Readiness:
        try:
            kinds = {host.kind for host in self.hosts()}
        except RedisAway as error:
            return Readiness(False, {"redis": str(error)})
        unheard = f"has been heard in the last {WORKER_GONE_AFTER.seconds} seconds"
        bots = "ok" if "bots" in kinds else f"no worker for bots {unheard}"
        control = "ok" if "control" in kinds else f"no control worker {unheard}"
        place, outboxes, now_ms = self._ledger.run_all([FindPlace(), WaitingOutboxes(), Now()])
        line = (
            "ok"
            if place.waiting < LIMITS.line
            else f"full: {place.waiting} wait for a slot, and no further join is taken"
        )
        stored = self._stored(tuple(outboxes), now_ms)
        checks = {"redis": "ok", "bots": bots, "control": control, "line": line, "stored": stored}
        return Readiness(bots == "ok", checks)

    def _stored(self, outboxes: tuple[str, ...], now_ms: int) -> str:
        """Whether what is said is stored soon.  While it is not, joins and calls go on."""
        oldest_ms = self._ledger.run(ReadWaiting(outboxes)).oldest_ms if outboxes else 0
        waits = timedelta(milliseconds=now_ms - oldest_ms) if oldest_ms else timedelta(0)
        if waits < STORED_WITHIN:
            return "ok"
        return f"turns have waited for {waits.seconds} seconds: the database may be away"
