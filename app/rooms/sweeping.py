"""Sessions that no deadline of a room leads to, since their room is nobody's, or another session's."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.endings import end_as_read
from greenroom.app.rooms.leases import ReadRoom
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.session_lists import Forget, PageOfSessions, ReadSessions
from greenroom.app.rooms.sessions import Reason, Session, State

ORPHANED_AFTER = timedelta(seconds=90)  # longer than a claim lasts, unless it is a parked session's
SWEPT_AT_ONCE = 100  # sessions, whose rooms are read in one transaction: Redis does nothing else in that time


def sweep(ledger: Ledger) -> int:
    """End the sessions that are unchanged for ORPHANED_AFTER and have not got their room's lease; says how many."""
    swept = 0
    for now_ms, page in _those_that_are_on(ledger):
        unchanged = []
        for session_id, session in page:
            if session is None or session.state is State.ENDED:  # whoever ended it died before this
                ledger.run(Forget(session_id, session.brief.user_id if session else None))
            elif now_ms - session.updated_ms >= ORPHANED_AFTER // timedelta(milliseconds=1):
                unchanged.append(session)
        for session in _orphans_of(ledger, unchanged):
            never_started = session.state is State.PENDING
            reason = Reason.LAUNCH_FAILED if never_started else Reason.ERROR
            end_as_read(ledger, session, reason, "its room was not its own any more")
            swept += 1
    return swept


def _those_that_are_on(ledger: Ledger) -> Iterator[tuple[int, list[tuple[str, Session | None]]]]:
    """All sessions, so many at once, each with its id; and the ledger's time when they were read, in ms."""
    after: str | None = ""
    while after is not None:
        page = ledger.run(PageOfSessions(after, SWEPT_AT_ONCE))
        now_ms, found = ledger.run_all([Now(), ReadSessions(tuple(page.session_ids))])
        yield now_ms, list(zip(page.session_ids, found, strict=True))
        after = page.after


def _orphans_of(ledger: Ledger, sessions: Sequence[Session]) -> list[Session]:
    """Those of these sessions that have not got their room's lease."""
    views = ledger.run_all([ReadRoom(session.room) for session in sessions])
    return [
        session
        for session, view in zip(sessions, views, strict=True)
        if view.lease is None or view.lease.session_id != session.id
    ]
