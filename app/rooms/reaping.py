"""Reaping: looking after rooms whose time is over, and only after those."""

from collections import Counter
from datetime import timedelta

import structlog

from app.errors import NoSuchSession
from app.rooms.endings import bury, end
from app.rooms.ports import LaunchQueue, Ledger
from app.rooms.room import Room
from app.rooms.sessions import Reason, Session, State
from app.rooms.steps import (
    STALE_AFTER,
    STARTS_WITHIN,
    CountLaunch,
    Finding,
    Forget,
    Lease,
    LiveSessions,
    Mark,
    Now,
    Overdue,
    ReadRoom,
    ReadSession,
    Reap,
    Release,
    SinceLast,
    Unmark,
    Withdraw,
)

LAUNCHES_AT_MOST = 4  # the first, and three more: given up before the claim itself lapses
BENEFIT_OF_THE_DOUBT = timedelta(seconds=10)  # three beats: by then every bot that lives has been heard
ORPHANED_AFTER = timedelta(seconds=90)  # longer than any claim lasts

log = structlog.get_logger(__name__)


class Reaper:
    """Frees rooms of dead bots, and launches again what never started.  Safe to run twice at once."""

    def __init__(self, ledger: Ledger, launches: LaunchQueue) -> None:
        self._ledger = ledger
        self._launches = launches

    def reap(self) -> Counter[str]:
        """Look at every room that is overdue; says how many were found in which condition."""
        found: Counter[str] = Counter()
        if not self._has_been_looking():
            for room in self._ledger.run(Overdue()):
                self._ledger.run(Mark(room, BENEFIT_OF_THE_DOUBT))
            return found
        for room in self._ledger.run(Overdue()):
            finding, lease = self._ledger.run(Reap(room))
            found[finding] += 1
            self._act(room, finding, lease)
        return found

    def _has_been_looking(self) -> bool:
        """False if nobody has reaped for a while: then Redis may have been away, and living bots look stale."""
        ago = self._ledger.run(SinceLast("reap"))
        return ago is not None and ago < BENEFIT_OF_THE_DOUBT

    def sweep(self) -> int:
        """End the sessions whose room is nobody's, or another's, and has been for a while; says how many."""
        swept = 0
        for session_id in self._ledger.run(LiveSessions()):
            try:
                session = self._ledger.run(ReadSession(session_id))
            except NoSuchSession:
                self._ledger.run(Forget(session_id))
                continue
            if session.state is State.ENDED:  # whoever ended it died before this
                self._ledger.run(Forget(session_id))
            elif self._is_orphaned(session):
                never_started = session.state is State.PENDING
                reason = Reason.LAUNCH_FAILED if never_started else Reason.ERROR
                bury(self._ledger, session.id, reason, "its room was not its own any more")
                swept += 1
        return swept

    def lost(self, session_id: str, *, owner: str, reason: Reason) -> bool:
        """Free the room of a bot whose process is known to be dead; False if it had left before."""
        try:
            session = self._ledger.run(ReadSession(session_id))
        except NoSuchSession:
            return False
        if not self._ledger.run(Release(session.room, session.epoch, owner)):
            return False
        bury(self._ledger, session_id, reason, "its process died")
        return True

    def _is_orphaned(self, session: Session) -> bool:
        if self._ledger.run(Now()) - session.updated_ms < ORPHANED_AFTER / timedelta(milliseconds=1):
            return False
        lease = self._ledger.run(ReadRoom(session.room)).lease
        return lease is None or lease.session_id != session.id

    def _act(self, room: Room, finding: Finding, lease: Lease | None) -> None:
        if finding is Finding.ALIVE:
            self._ledger.run(Mark(room, STALE_AFTER))
        elif finding is Finding.PENDING and lease is not None:
            self._launch_again(room, lease)
        else:
            self._ledger.run(Unmark(room))
        if finding is Finding.REAPED and lease is not None:
            log.warning("room_reaped", room=str(room), session_id=lease.session_id, epoch=lease.epoch)
            bury(self._ledger, lease.session_id, Reason.ERROR, "its bot was not heard for 30 seconds")

    def _launch_again(self, room: Room, lease: Lease) -> None:
        age = timedelta(milliseconds=self._ledger.run(Now()) - lease.since_ms)
        if age < STARTS_WITHIN:  # it took over from a bot that was overdue; who claimed it is still at it
            self._ledger.run(Mark(room, STARTS_WITHIN - age))
            return
        try:
            session = self._ledger.run(ReadSession(lease.session_id))
            launches = self._ledger.run(CountLaunch(session.id))
        except NoSuchSession:  # whoever claimed the room died before it wrote the record
            self._ledger.run(Withdraw(room, lease.epoch))
            self._ledger.run(Unmark(room))
            return
        if launches <= LAUNCHES_AT_MOST and lease.token:
            log.warning("launch_repeated", session_id=session.id, room=str(room), launches=launches)
            self._ledger.run(self._launches.launch(session, lease.token))
            self._ledger.run(Mark(room, STARTS_WITHIN))
        elif self._ledger.run(Withdraw(room, lease.epoch)):
            end(self._ledger, session, Reason.LAUNCH_FAILED, "no worker started its bot")
            self._ledger.run(Unmark(room))
