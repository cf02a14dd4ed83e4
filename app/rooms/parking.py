"""Parking: a session whose worker stops while no other has a slot waits for one, in front of all others.

Its bot begins it, and the reaper finishes it where the bot died between two steps.  The record says that it has begun,
before anything else is done: from then on a bot that dies has not crashed.  What the record calls parked, and has no
launch, is launched again as any other.
"""

import secrets

from greenroom.app.rooms.leases import PARKED_FOR, Found, Hold, Supersede, Withdraw
from greenroom.app.rooms.moves import MoveFailure, Target, call_off
from greenroom.app.rooms.procedures import Procedure, Underway
from greenroom.app.rooms.queues import LaunchQueue
from greenroom.app.rooms.relaunching import relaunch
from greenroom.app.rooms.session_events import Happened
from greenroom.app.rooms.sessions import Advance, ReadSession, Session, State, Succeed

PARKING = Underway("parking", "begun")  # one step: what follows it ends with the record's own change


def park(session: Session, *, owner: str, launches: LaunchQueue) -> Procedure[bool]:
    """False if the room is not the asker's any more, or the session is over.  Raises NoSuchSession."""
    begin = Advance(session.id, session.epoch, None, PARKING)
    if not (yield begin):
        yield from _call_off_move(session)
        if not (yield begin):
            return False
    token = secrets.token_hex(16)
    finding, lease = yield Supersede(session.room, token, owner=owner, epoch=session.epoch, lasts=PARKED_FOR)
    if finding is not Found.SUPERSEDED or lease is None:
        return False
    return (yield from finish_parking(session, lease.epoch, token, launches)) is not None


def finish_parking(
    session: Session, epoch: int, token: str, launches: LaunchQueue
) -> Procedure[Session | None]:
    """Write down that a session is parked, and launch it under its next claim.

    None, and the room is free, if it is over.
    """
    yield Hold(session.room, epoch, lasts=PARKED_FOR)
    parked = (yield Succeed(session.id, epoch, Happened.PARKED, State.PENDING)).session
    if parked.epoch != epoch:  # it leaves, or has ended, in this very moment
        yield Withdraw(session.room, epoch)
        return None
    yield from relaunch(parked, token, launches)
    return parked  # type: ignore[no-any-return]


def _call_off_move(session: Session) -> Procedure[None]:
    """A move that was asked for, and that the bot has not begun, is not made: its worker stops."""
    if target := Target.of((yield ReadSession(session.id))):
        yield call_off(session, target, MoveFailure.NOT_MOVABLE, "its bot's worker stops")
