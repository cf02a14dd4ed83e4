"""Reaping that somebody asks for: control does it, and says what it found and what it did."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.rooms.deadlines import OverdueRooms
from greenroom.app.rooms.leases import Found, ReadRoom
from greenroom.app.rooms.ledger import Ledger, Step
from greenroom.app.rooms.queues import ReapQueue
from greenroom.app.rooms.reaping import Reaper
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_lists import LastSession
from greenroom.app.rooms.sessions import ReadSession, Session, State
from greenroom.app.rooms.sliced_wait import slices

TOLD_FOR = timedelta(minutes=1)  # how long an account waits for whoever asked
ROOMS_AT_MOST = 1000  # in one account


class Deed(StrEnum):
    """What was done in a room."""

    NOTHING = "nothing"
    WAITS = "waits"  # its bot has a few seconds more to be heard
    RELAUNCHED = "relaunched"  # its session goes on with another bot
    LAUNCH_REPEATED = "launch_repeated"
    ENDED = "ended"  # its session


@dataclass(frozen=True)
class Reaped:
    """What was found in a room, and done there."""

    room_url: str
    found: Found
    done: Deed
    session_id: str | None = None  # of the session that has the room, or had it last
    state: State | None = None  # its state now
    reason: str | None = None  # why it has ended


@dataclass(frozen=True)
class TellReaped(Step[None]):
    """Say to whoever asked what came of it."""

    request_id: str
    told: Sequence[Reaped]


@dataclass(frozen=True)
class AwaitReaped(Step[Sequence[Reaped] | None]):
    """What came of a reaping, or None if nobody has said so in time.  Asking twice gets the same answer."""

    request_id: str
    wait: timedelta


class AskedReaping:
    """Asks for a reaping, and waits for its account."""

    def __init__(self, ledger: Ledger, queue: ReapQueue) -> None:
        self._ledger = ledger
        self._queue = queue

    def ask(self, room: Room | None = None) -> str:
        """Have control look after a room, or after all that are overdue; returns the request's id."""
        request_id = secrets.token_hex(8)
        self._ledger.run(self._queue.reap(request_id, room))
        return request_id

    def wait(
        self, request_id: str, within: timedelta, is_awaited: Callable[[], bool] = lambda: True
    ) -> Sequence[Reaped] | None:
        """What was found and done; None if that is not known in time."""
        for wait in slices(within):
            told = self._ledger.run(AwaitReaped(request_id, wait))
            if told is not None:
                return told
            if not is_awaited():
                break
        return None


def reap_as_asked(ledger: Ledger, reaper: Reaper, room: Room | None) -> list[Reaped]:
    """Look after a room, or after all that are overdue.  Doing it twice is doing it once."""
    if room is not None:
        return [_reap(ledger, reaper, room)]
    overdue = ledger.run(OverdueRooms())
    return [_reap(ledger, reaper, each) for each in overdue[:ROOMS_AT_MOST]]


def _reap(ledger: Ledger, reaper: Reaper, room: Room) -> Reaped:
    before = _session_of(ledger, room)
    found = reaper.look_after(room)
    after = _session_of(ledger, room)
    told = Reaped(str(room), found, _deed(found, before, after))
    return replace(told, session_id=after.id, state=after.state, reason=after.reason) if after else told


def _session_of(ledger: Ledger, room: Room) -> Session | None:
    view, last = ledger.run_all([ReadRoom(room), LastSession(room)])
    session_id = view.lease.session_id if view.lease else last
    try:
        return ledger.run(ReadSession(session_id)) if session_id else None
    except NoSuchSession:
        return None


def _deed(found: Found, before: Session | None, after: Session | None) -> Deed:
    if before is not None and after is not None and before.id == after.id:
        if after.state is State.ENDED and before.state is not State.ENDED:
            return Deed.ENDED
        if after.epoch == before.epoch and after.launches > before.launches:
            return Deed.LAUNCH_REPEATED
        if after.epoch > before.epoch:
            return Deed.RELAUNCHED
    return Deed.WAITS if found is Found.DOUBTED else Deed.NOTHING
