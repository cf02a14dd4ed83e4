"""Relaunching: a session that was on stage gets its next bot, in front of all that wait for their first."""

import structlog

from greenroom.app.rooms.deadlines import SetDeadline
from greenroom.app.rooms.procedures import Procedure
from greenroom.app.rooms.queues import LaunchQueue
from greenroom.app.rooms.sessions import STARTS_WITHIN, Session

log = structlog.get_logger(__name__)


def relaunch(session: Session, token: str, launches: LaunchQueue) -> Procedure[None]:
    """Launch a session's next bot, in front of the line.  Its deadline comes first: a launch that got lost is seen."""
    yield SetDeadline(session.room, STARTS_WITHIN)
    yield launches.launch(session, token, in_front=True)
    log.info("session_relaunched", session_id=session.id, room=str(session.room), epoch=session.epoch)
