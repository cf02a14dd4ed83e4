"""Reaping: looks after the rooms whose deadline has passed, and reads no others."""

from collections import Counter
from datetime import timedelta

import structlog

from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.deadlines import ClearDeadline, OverdueRooms, SetDeadline
from greenroom.app.rooms.endings import end_lost
from greenroom.app.rooms.failures import BotFailure, FailureKind
from greenroom.app.rooms.leases import (
    BEAT_EVERY,
    DOUBT_LASTS,
    STALE_AFTER,
    Found,
    Lease,
    ReadRoom,
    Release,
)
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.providers import Providers
from greenroom.app.rooms.queues import SessionQueues
from greenroom.app.rooms.reviving import Reviving
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_lists import ReadSessions
from greenroom.app.rooms.sessions import STARTS_WITHIN, ReadSession, Reason
from greenroom.app.rooms.unstarted import UnstartedLaunches
from greenroom.app.rooms.workers import ReadHeld

MISSED_A_BEAT = BEAT_EVERY * 1.2  # a bot that is not heard for longer is dead, if its worker has died
NOT_HEARD = BotFailure(FailureKind.NOT_HEARD, f"was not heard for {STALE_AFTER.seconds} seconds")

log = structlog.get_logger(__name__)


class Reaper:
    """Revives the sessions of dead bots, and launches again what never started.  Safe to run twice at once."""

    def __init__(self, ledger: Ledger, launches: SessionQueues, providers: Providers | None = None) -> None:
        self._ledger = ledger
        self._launches = launches
        self._reviving = Reviving(ledger, launches, providers)

    def reap(self) -> Counter[str]:
        """Look at every room that is overdue; says how many were found in which condition."""
        found: Counter[str] = Counter()
        unstarted = UnstartedLaunches(self._ledger, self._launches, self._reviving)
        for room in self._ledger.run(OverdueRooms()):
            try:
                found[self._look_after(room, unstarted)] += 1
            except RedisAway:
                raise
            except Exception:  # a room that fails must not keep the others from being looked after
                log.exception("room_check_failed", room=str(room))
                self._ledger.run(SetDeadline(room, STARTS_WITHIN))
        return found

    def look_after(self, room: Room) -> Found:
        """Look at one room, overdue or not; says in which condition it was found.  A bot that lives is left alone."""
        return self._look_after(room, UnstartedLaunches(self._ledger, self._launches, self._reviving))

    def lost(self, session_id: str, *, owner: str, failure: BotFailure, over: Reason | None = None) -> bool:
        """Revive the session of a bot whose process is known to be dead, or end it where it is `over` for a reason.

        False, and nothing is changed, if the room was not that bot's any more.
        """
        try:
            session = self._ledger.run(ReadSession(session_id))
        except NoSuchSession:
            return False
        if over is not None:
            if not self._ledger.run(Release(session.room, session.epoch, owner)):
                return False
            end_lost(self._ledger, session_id, over, f"its bot {failure}")
            return True
        finding, _ = self._reviving.revive(session.room, failure, owner=owner)
        return finding is Found.SUPERSEDED

    def inherit(self, host_id: str, held: dict[str, str]) -> dict[str, str]:
        """Revive the sessions that the last worker of this name held; returns those whose bots may still be alive.

        Such a bot is dead once it has missed a beat: the kernel ends the bots of a worker that dies.
        """
        undecided = {}
        found = self._ledger.run(ReadSessions(tuple(held)))
        sessions = [session for session in found if session is not None]
        rooms = self._ledger.run_all([ReadRoom(session.room) for session in sessions])
        for session, view in zip(sessions, rooms, strict=True):
            owner, failure = held[session.id], _died_with(host_id, view.age)
            finding, _ = self._reviving.revive(session.room, failure, owner=owner, quiet_for=MISSED_A_BEAT)
            if finding is Found.ALIVE:
                undecided[session.id] = owner
        return undecided

    def held_by(self, host_id: str) -> dict[str, str]:
        """The sessions that a worker of this name last reported, each with the owner of its lease."""
        held = self._ledger.run(ReadHeld(host_id))
        return dict(held)

    def _look_after(self, room: Room, unstarted: UnstartedLaunches) -> Found:
        finding, lease = self._reviving.revive(room, NOT_HEARD, quiet_for=STALE_AFTER, raises_doubt=True)
        self._act(room, finding, lease, unstarted)
        return finding

    def _act(self, room: Room, finding: Found, lease: Lease | None, unstarted: UnstartedLaunches) -> None:
        if finding is Found.ALIVE:
            age = self._ledger.run(ReadRoom(room)).age or timedelta(0)
            self._ledger.run(SetDeadline(room, max(BEAT_EVERY, STALE_AFTER - age)))
        elif finding is Found.DOUBTED:
            self._ledger.run(SetDeadline(room, DOUBT_LASTS))
        elif finding is Found.PENDING and lease is not None:
            unstarted.look_after(room, lease)
        elif finding is Found.FREE:
            unstarted.end_lapsed(room)
            self._ledger.run(ClearDeadline(room))


def _died_with(host_id: str, age: timedelta | None) -> BotFailure:
    """It is noticed when another worker comes; how long nobody had heard the bot by then is told with it."""
    detail = f"died with its worker {host_id}"
    if age is not None:
        detail += f", and was last heard {max(age, timedelta(0)).seconds} seconds before"
    return BotFailure(FailureKind.WORKER_DIED, detail)
