"""Reviving: a session whose bot is gone gets another one, and its conversation goes on."""

import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog

from greenroom.app.errors.rooms import NotOurRoom, ProviderAway
from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.rooms.endings import end
from greenroom.app.rooms.failures import BotFailure, FailureKind
from greenroom.app.rooms.leases import Found, Lease, Supersede, Withdraw
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.line import FindPlace
from greenroom.app.rooms.moves import MoveFailure, Target, call_off
from greenroom.app.rooms.parking import PARKING, finish_parking
from greenroom.app.rooms.procedures import Procedure, follow
from greenroom.app.rooms.providers import Providers
from greenroom.app.rooms.queues import LaunchQueue
from greenroom.app.rooms.relaunching import relaunch
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import ReadSession, Reason, Session, State, Succeed

CRASHES_AT_MOST = 3  # within ten minutes: the last of them ends the session

# How a procedure is finished that a bot began and died in: for the session as it was read, under the epoch and the
# token of its next claim.  It returns the session as it goes on, or None if that is over, and the room is free.
FINISHES: Mapping[str, Callable[[Session, int, str, LaunchQueue], Procedure[Session | None]]] = {
    PARKING.kind: finish_parking,
}

log = structlog.get_logger(__name__)


class Reviving:
    """Relaunches sessions.  Each step is safe to repeat; who dies between two leaves it to the reaper.

    With providers it asks the room first, where nobody has seen the bot die, and puts out one that is still there.
    """

    def __init__(self, ledger: Ledger, launches: LaunchQueue, providers: Providers | None = None) -> None:
        self._ledger = ledger
        self._launches = launches
        self._providers = providers

    def revive(
        self,
        room: Room,
        failure: BotFailure,
        *,
        owner: str | None = None,
        epoch: int | None = None,
        quiet_for: timedelta = timedelta(0),
        raises_doubt: bool = False,
    ) -> tuple[Found, Lease | None]:
        """Give the session of a room a new bot, if its bot is dead; says in which condition the room was found."""
        token = secrets.token_hex(16)
        finding, lease = self._ledger.run(
            Supersede(room, token, owner=owner, epoch=epoch, quiet_for=quiet_for, raises_doubt=raises_doubt)
        )
        if finding is Found.SUPERSEDED and lease is not None:
            log.warning(
                "bot_lost",
                room=str(room),
                session_id=lease.session_id,
                epoch=lease.epoch,
                kind=failure.kind,
                because=str(failure),
            )
            self.go_on(room, lease.session_id, lease.epoch, token, failure)
        return finding, lease

    def go_on(
        self, room: Room, session_id: str, epoch: int, token: str, failure: BotFailure
    ) -> Session | None:
        """Launch a session's next bot under its claim.  None, and the room is free, if the session is not here.

        A procedure that the bot had begun is finished: that is no crash.  A move that it had begun is called off.
        """
        try:
            session = self._ledger.run(ReadSession(session_id))
            if target := Target.of(session):
                self._ledger.run(call_off(session, target, MoveFailure.BOT_DIED, f"its bot {failure}"))
            if session.room != room:  # it was to move here
                self._ledger.run(Withdraw(room, epoch))
                return None
            kind = session.procedure.kind if session.procedure else ""
            is_over = session.state in (State.LEAVING, State.ENDED)
            if (finish := FINISHES.get(kind)) and not is_over:
                return follow(self._ledger, finish(session, epoch, token, self._launches))
            succession = self._ledger.run(
                Succeed(
                    session_id,
                    epoch,
                    State.LOST,
                    State.PENDING,
                    reason=failure.kind,
                    detail=str(failure),
                    is_crash=True,
                )
            )
        except NoSuchSession:
            self._ledger.run(Withdraw(room, epoch))
            return None
        session = succession.session
        if session.epoch != epoch:
            self._ledger.run(Withdraw(room, epoch))
            self._put_out(room, epoch)
            if session.state is State.LEAVING:  # now it has left
                end(self._ledger, session, session.reason or Reason.LEFT, f"its bot {failure}")
            return None
        if succession.crashes >= CRASHES_AT_MOST:
            self._ledger.run(Withdraw(room, epoch))
            self._put_out(room, epoch)
            detail = f"its bot died {succession.crashes} times in ten minutes; the last time {failure}"
            end(self._ledger, session, _reason_after(failure), detail)
            return None
        if (
            self._providers and self._ledger.run(FindPlace()).free
        ):  # else it talks on until the one that follows throws it out
            self._put_out(room, epoch)
        follow(self._ledger, relaunch(session, token, self._launches))
        return session

    def _put_out(self, room: Room, epoch: int) -> None:
        """Put out a bot of ours that is still in its room, under an earlier epoch, as far as can be told."""
        if self._providers is None:
            return
        try:
            provider = self._providers.of_room(room)
            for who in provider.presence(room) or ():
                if who.session_id is not None and who.epoch is not None and who.epoch < epoch:
                    provider.evict(room, who)
                    log.warning("bot_evicted", room=str(room), session_id=who.session_id, epoch=who.epoch)
        except ProviderAway:
            log.warning("presence_check_failed", room=str(room))
        except NotOurRoom:
            pass


def _reason_after(last: BotFailure) -> Reason:
    """Why a session ends whose bots failed too often.

    A server that lets no bot in is no fault of the bot's: people who get in again later are given another bot.
    """
    return Reason.ROOM_GONE if last.kind is FailureKind.NOT_LET_IN else Reason.CRASHED_TOO_OFTEN
