"""Ending a session, by whoever sees that it is over."""

import structlog

from greenroom.app.errors.sessions import IllegalTransition, NoSuchSession
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_lists import Forget, ReadSessions
from greenroom.app.rooms.sessions import ReadSession, Reason, Session, State, Transition

log = structlog.get_logger(__name__)


def end(ledger: Ledger, session: Session, reason: Reason, detail: str | None = None) -> None:
    """End a session that is known to be over.  Safe to repeat: the first reason stays.

    Nothing happens to one that has changed since it was read.
    """
    try:
        ledger.run(
            Transition(
                session.id,
                State.ENDED,
                session.epoch,
                expected=session.state,
                reason=reason,
                detail=detail,
            )
        )
    except (IllegalTransition, NoSuchSession) as refusal:
        if refusal.facts.get("state") in (None, State.ENDED):  # else somebody has gone on with it
            ledger.run(Forget(session.id, session.brief.user_id))
        return
    ledger.run(Forget(session.id, session.brief.user_id))
    log.info(
        "session_changed",
        state=State.ENDED,
        session_id=session.id,
        room=str(session.room),
        epoch=session.epoch,
        reason=reason,
        detail=detail,
    )


def end_lost(ledger: Ledger, session_id: str, reason: Reason, detail: str) -> None:
    """End a session whose bot is not there any more and cannot say so itself."""
    try:
        session = ledger.run(ReadSession(session_id))
    except NoSuchSession:
        ledger.run(Forget(session_id))
        return
    end_as_read(ledger, session, reason, detail)


def end_taken_over(ledger: Ledger, session_id: str | None, room: Room) -> None:
    """End the session, if any, whose dead bot had a room; one that was only to move there goes on where it is."""
    if session_id is None:
        return
    session = ledger.run(ReadSessions((session_id,)))[0]
    if session is None or session.room == room:
        end_lost(ledger, session_id, Reason.SUPERSEDED, "its bot was not heard any more")


def end_as_read(ledger: Ledger, session: Session, reason: Reason, detail: str) -> None:
    """End a lost session as it was read.  Nothing happens to one that has changed since: then its bot lives."""
    try:
        lost = ledger.run(
            Transition(session.id, State.LOST, session.epoch, expected=session.state, detail=detail)
        )
    except NoSuchSession:
        ledger.run(Forget(session.id))
        return
    except IllegalTransition:  # it has ended, it has changed, or a bot of a later epoch has it
        return
    log.info(
        "session_changed",
        state=State.LOST,
        session_id=session.id,
        room=str(session.room),
        epoch=session.epoch,
        detail=detail,
    )
    end(ledger, lost, reason, detail)
