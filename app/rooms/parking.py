"""Parking: a session whose worker stops while no other has a slot waits for one, in front of all others.

Its bot begins it, and the reaper finishes it where the bot died between two steps.  Where it stands is read from the
room: a lease that lasts as long as a parked one's, and is ahead of the session's record, says that the session is to be
parked and is not yet.  A record without a launch is launched again as any other.
"""

import secrets

import structlog

from greenroom.app.rooms.deadlines import SetDeadline
from greenroom.app.rooms.leases import PARKED_FOR, Finding, Lease, Supersede, Withdraw
from greenroom.app.rooms.procedures import Procedure
from greenroom.app.rooms.queues import LaunchQueue
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import STARTS_WITHIN, Happened, Session, State, Succeed

log = structlog.get_logger(__name__)


def park(session: Session, *, owner: str, launches: LaunchQueue) -> Procedure[bool]:
    """False if the room is not the asker's any more, or the session is over.  Raises NoSuchSession."""
    token = secrets.token_hex(16)
    finding, lease = yield Supersede(session.room, token, owner=owner, epoch=session.epoch, lasts=PARKED_FOR)
    if finding is not Finding.SUPERSEDED or lease is None:
        return False
    return (yield from finish_parking(session.room, session.id, lease.epoch, token, launches))


def is_to_be_parked(lease: Lease, session: Session) -> bool:
    """Whether somebody began to park the session of a lease, and has not written it down."""
    return session.epoch < lease.epoch and lease.lasts == PARKED_FOR


def finish_parking(
    room: Room, session_id: str, epoch: int, token: str, launches: LaunchQueue
) -> Procedure[bool]:
    """Write down that the session of a room is parked, and launch it.  False, and the room is free, if it is over."""
    parked = (yield Succeed(session_id, epoch, Happened.PARKED, State.PENDING)).session
    if parked.epoch != epoch:  # it leaves, or has ended, in this very moment
        yield Withdraw(room, epoch)
        return False
    yield from relaunch(parked, token, launches)
    return True


def relaunch(session: Session, token: str, launches: LaunchQueue) -> Procedure[None]:
    """Launch a session's next bot, in front of the line.  Its deadline comes first: a launch that got lost is seen."""
    yield SetDeadline(session.room, STARTS_WITHIN)
    yield launches.launch(session, token, in_front=True)
    log.info("session_relaunched", session_id=session.id, room=str(session.room), epoch=session.epoch)
