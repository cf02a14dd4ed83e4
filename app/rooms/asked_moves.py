"""Moves that are asked for by name: `POST /sessions/{id}/move` sends a session's bot to another room.

A move that follows from a join is decided in `joining.py`; both begin in `Transitions.begin`.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from greenroom.app.errors.families import Forbidden
from greenroom.app.errors.rooms import NoForum, OthersThere, RoomHasBot, RoomInDoubt
from greenroom.app.errors.sessions import NotMovable, SessionEnded
from greenroom.app.rooms.joined import Joined, wait_for_move
from greenroom.app.rooms.leases import DOUBT_AT_MOST, Held
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.providers import Providers
from greenroom.app.rooms.queues import SessionQueues
from greenroom.app.rooms.room import FORUM, LOCAL, Room
from greenroom.app.rooms.sessions import Session, State
from greenroom.app.rooms.transitions import Choice, Transitions
from greenroom.app.rooms.voice_rooms import check_voice_room, is_voice_room


class AskedMoves:
    """Sends sessions to other rooms."""

    def __init__(
        self, ledger: Ledger, queues: SessionQueues, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._ledger = ledger
        self._transitions = Transitions(ledger, queues)
        self._sleep = sleep

    def move(
        self, session: Session, room: Room, named: Mapping[str, Any], *, by: str | None = None
    ) -> Joined:
        """Have a session's bot move to a free room, as it was but for what is named.

        Asked `by` its user it stays with whoever else is there: raises OthersThere.  Nor does it let them into rooms
        whose people they may not hear: raises Forbidden.  Raises SessionEnded, NotMovable, RoomHasBot, RoomInDoubt.
        """
        check_voice_room(room, session.brief.user_id)
        if session.state in (State.LEAVING, State.ENDED):
            raise SessionEnded(session_id=session.id, reason=session.reason)
        if session.room == room:
            return Joined.of(session, reused=True)
        brief = replace(session.brief, **named)
        elsewhere = self._transitions.choose(session.id, room, session.brief, ())
        if elsewhere is None:
            raise NotMovable(session_id=session.id)
        if by is not None and elsewhere.choice is Choice.BESIDE:
            raise OthersThere(session_id=session.id)
        if by is not None and not _may_take_it_to(room, session):
            raise Forbidden(
                "With its token a session goes to the forum, to its user's own voice room, and back; "
                "to any other room with the API key."
            )
        waited = timedelta(0)
        while waited <= DOUBT_AT_MOST:
            begun = self._transitions.begin(elsewhere, room, brief, named.keys(), alone_with=by)
            match begun:
                case Joined():
                    return begun
                case Held():
                    raise RoomHasBot(session_id=begun.lease.session_id)
            self._sleep(begun.wait.total_seconds())
            waited += begun.wait
        raise RoomInDoubt

    def move_and_wait(
        self,
        session: Session,
        room: Room,
        named: Mapping[str, Any],
        within: timedelta,
        *,
        by: str | None = None,
    ) -> Joined:
        """Move as `move` does, and wait until the bot is there.  Raises MoveFailed, LaunchFailed as well."""
        joined = self.move(session, room, named, by=by)
        return wait_for_move(self._ledger, joined, within) if joined.epoch else joined


def _may_take_it_to(room: Room, session: Session) -> bool:
    """Whether a session's user may, without the API key.

    The answer lets them into the room, and the bot that they bring there is the one whom others find: it is
    theirs to choose only among rooms that are open to everybody, their own, and those that they came from.
    """
    # Of voice rooms only the user's own gets this far
    return is_voice_room(room) or room.name == FORUM or room in session.came_from


def forum_of(rooms: Providers) -> Room:
    """The room for several people.  Raises NoForum where each room is for one."""
    for provider in rooms.by_name.values():
        if provider.name != LOCAL:
            return Room(provider.name, FORUM, provider.server)
    raise NoForum


def home_of(session: Session) -> Room:
    """The room from which a session came to the forum; where it is, if it is not there or began there."""
    earlier = [room for room in session.came_from if room.name != FORUM]
    return earlier[-1] if earlier and session.room.name == FORUM else session.room
