"""Leaving: taking a bot out of its room, with an answer when it has gone."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from greenroom.app.errors.bots import BotSilent
from greenroom.app.errors.rooms import OthersThere
from greenroom.app.errors.sessions import NoSuchSession, SessionEnded
from greenroom.app.rooms.endings import end, end_lost
from greenroom.app.rooms.leases import STALE_AFTER, Found, LeaseStatus, ReadRoom, Supersede, Withdraw
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.messages import ask
from greenroom.app.rooms.moves import MoveFailure, Target, call_off
from greenroom.app.rooms.providers import Providers
from greenroom.app.rooms.requests.asking import ended_by
from greenroom.app.rooms.requests.leaving import Leave, LeaveLater
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import ReadSession, Reason, Session, State

BOTS_AT_MOST = 3  # that are asked: the one that was asked may have handed its session over meanwhile


@dataclass(frozen=True)
class Left:
    """What came of asking a bot to leave: `empty` if there was none, `waiting` if it leaves after a delay."""

    status: str
    session_id: str | None = None
    reason: Reason | None = None


class Leaving:
    """Takes bots out of rooms.  Doing it twice is fine."""

    def __init__(self, ledger: Ledger, providers: Providers) -> None:
        self._ledger = ledger
        self._providers = providers

    def leave_room(self, room: Room, *, teardown_delay: timedelta = timedelta(0)) -> Left:
        """As `leave_session`, of whatever session the room has."""
        lease = self._ledger.run(ReadRoom(room)).lease
        if lease is None:
            return Left("empty")
        try:
            return self.leave_session(lease.session_id, teardown_delay=teardown_delay)
        except NoSuchSession:  # claimed by a process that died before it wrote the record
            if self._ledger.run(Withdraw(room, lease.epoch)):
                return Left("empty")
            raise BotSilent(session_id=lease.session_id) from None  # Redis lost it; the bot writes it again

    def leave_session(
        self,
        session_id: str,
        *,
        by: str | None = None,
        teardown_delay: timedelta = timedelta(0),
        reason: Reason = Reason.LEFT,
    ) -> Left:
        """Raises NoSuchSession, or BotSilent if the bot has not left within the time that it has.

        Asked `by` a person of the room, it stays with whoever else is there: raises OthersThere.  With a
        `teardown_delay` the people leave and the bot waits so long for somebody to join or to come back; one that has
        not started yet waits for nobody.
        """
        wish = LeaveLater(teardown_delay.total_seconds(), by) if teardown_delay else Leave(reason, by)
        session = self._ledger.run(ReadSession(session_id))
        for _ in range(BOTS_AT_MOST):
            if session.state is State.ENDED:
                return Left("left", session.id, session.reason)
            if by is not None and self._is_pending(session):
                self._check_alone(session, by)
            if self._withdraw(session, by, reason):
                return Left("left", session.id, reason)
            try:
                ask(self._ledger, session, wish)
                if teardown_delay:
                    return Left("waiting", session.id)
            except SessionEnded:
                pass  # by itself, while we asked
            except BotSilent:
                if by is not None:
                    self._check_alone(session, by)
                self._free_if_dead(session, by, reason)
            asked, session = session, self._ledger.run(ReadSession(session_id))
            if session.epoch == asked.epoch:
                break
        return Left("left", session.id, session.reason or reason)

    def _is_pending(self, session: Session) -> bool:
        lease = self._ledger.run(ReadRoom(session.room)).lease
        return lease is not None and lease.status is LeaseStatus.PENDING

    def _check_alone(self, session: Session, by: str) -> None:
        """Without a bot that could tell who is there: whose session it is, unless others wait in the room.

        That is who asked for it, and who talked with its bot last.
        """
        there = self._providers.of_room(session.room).presence(session.room) or ()
        if by not in (session.brief.user_id, session.person) or any(
            not who.is_bot and who.identity != by for who in there
        ):
            raise OthersThere

    def _withdraw(self, session: Session, by: str | None, reason: Reason) -> bool:
        """Whether the bot had not started yet, and never will."""
        if not self._ledger.run(Withdraw(session.room, session.epoch)):
            return False
        self._stay_away(session)
        end(self._ledger, session, reason, f"{ended_by(by)}, before its bot had started")
        return True

    def _free_if_dead(self, session: Session, by: str | None, reason: Reason) -> None:
        """Raises BotSilent if the bot lives, or another of its session's may still start."""
        token = secrets.token_hex(16)
        finding, lease = self._ledger.run(
            Supersede(session.room, token, epoch=session.epoch, quiet_for=STALE_AFTER)
        )
        mine = lease is not None and lease.session_id == session.id
        if mine and finding is not Found.SUPERSEDED:
            raise BotSilent(session_id=session.id)
        if mine and lease is not None:
            self._ledger.run(Withdraw(session.room, lease.epoch))
        self._stay_away(session)
        end_lost(self._ledger, session.id, reason, f"{ended_by(by)}; its bot was not heard any more")

    def _stay_away(self, session: Session) -> None:
        """Free the room that a session was to move to."""
        if target := Target.of(session):
            self._ledger.run(call_off(session, target, MoveFailure.ENDED, "the session ended meanwhile"))
