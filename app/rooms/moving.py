"""Moving: a session goes on in another room, with the bot that it has.

The other room is claimed first, by whoever is asked for the move (`transitions.py`); the bot does the rest, which is
written here once: it makes its place there before it leaves the one that it has.  One script changes everything that
says where a session is, so a bot that dies before it died in the old room, and after it in the new one.  Whoever sees
that a move cannot be made calls it off: that and the commit exclude each other by the session's record, and each of
them is safe to repeat.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

import structlog

from greenroom.app.errors.sessions import IllegalTransition, NoSuchSession
from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.leases import Adopt, Adoption, Lease, ReadRoom
from greenroom.app.rooms.ledger import AsyncLedger
from greenroom.app.rooms.moves import CommitMove, MoveFailure, Target, call_off
from greenroom.app.rooms.procedures import Procedure, follow_awaited
from greenroom.app.rooms.queues import LaunchQueue
from greenroom.app.rooms.relaunching import relaunch
from greenroom.app.rooms.sessions import Advance, Session

ASK_AGAIN_AFTER = timedelta(seconds=1)  # a Redis that did not say whether the session has moved

log = structlog.get_logger(__name__)


class CannotMove(Exception):
    """A deed of a move that the bot cannot do; NOT_TWICE has the session started anew in the other room."""

    def __init__(self, kind: MoveFailure, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


class MovingBot(Protocol):
    """What a bot does itself when it moves.  Each method but the last ones raises CannotMove."""

    async def prepare(self, there: Session, config: Mapping[str, Any]) -> None:
        """Build what the bot needs in the other room; `there` is the session as it will be."""
        ...

    async def enter(self) -> None:
        """Be in the other room, and neither be heard nor hear."""
        ...

    async def fall_silent(self) -> bool:
        """The last moment in the old room, when all that was said is written; False if the session ends instead.

        Raises RedisAway.
        """
        ...

    def writes_nothing_else(self) -> AbstractAsyncContextManager[Any]:
        """While this is open nothing else is written of the session; what waits for its end goes on behind `go_on`."""
        ...

    async def speak_again(self) -> None:
        """Go on in the old room, since it is not known yet whether the session has moved."""
        ...

    async def go_on(self, there: Session) -> None:
        """The session has moved: the other room is the bot's, and it is on stage there."""
        ...

    async def leave_old(self) -> None:
        """Leave the old room, which is not the bot's any more."""
        ...

    async def give_up(self) -> None:
        """Close what was built for the other room, and go on in the old one as before."""
        ...


@dataclass(frozen=True)
class Adopter:
    """The process that a bot runs in, as it adopts a claim."""

    owner: str
    host: str
    job_id: str


@dataclass(frozen=True)
class Moved:
    """The session is in the other room, with this bot."""

    session: Session


@dataclass(frozen=True)
class StartedAnew:
    """The session is in the other room, and gets its next bot there; this one's stay is over."""

    session: Session


@dataclass(frozen=True)
class NotMoved:
    """The session is where it was."""

    why: MoveFailure
    detail: str


class Move:
    """One move, as the bot makes it."""

    def __init__(
        self,
        ledger: AsyncLedger,
        launches: LaunchQueue,
        bot: MovingBot,
        session: Session,
        target: Target,
        adopter: Adopter,
    ) -> None:
        self._ledger = ledger
        self._launches = launches
        self._bot = bot
        self._session = session
        self._target = target
        self._adopter = adopter
        self._stands = target.at("claimed")
        self._starts_anew = False  # another bot comes into the other room
        self._is_committed = False
        self.is_in_doubt = False  # Redis was asked to commit it, and nobody knows whether it has

    async def run(self) -> Moved | StartedAnew | NotMoved:
        """Move.  Whoever cancels it finds the session in one of the two rooms, and the bot there."""
        try:
            return await self._run()
        except asyncio.CancelledError:
            if not self._is_committed:
                await self._settle(MoveFailure.ENDED, "its bot left meanwhile")
            raise

    async def _run(self) -> Moved | StartedAnew | NotMoved:
        try:
            try:
                await self._come_in()
                moved = await self._commit()
            except CannotMove as cannot:
                if cannot.kind is not MoveFailure.NOT_TWICE:
                    raise
                return StartedAnew(await self._start_anew())
        except CannotMove as cannot:
            return await self._call_off(cannot.kind, cannot.detail)
        except RedisAway:
            return await self._call_off(MoveFailure.OURS, "Redis was away")
        except Exception:
            log.exception("session_move_failed", session_id=self._session.id, room=str(self._target.room))
            return await self._call_off(MoveFailure.OURS, "broke on our side; the worker's log says how")
        await self._bot.go_on(moved)
        self._log_moved(moved)
        await self._bot.leave_old()
        return Moved(moved)

    def _log_moved(self, moved: Session) -> None:
        log.info(
            "session_moved",
            session_id=moved.id,
            room=str(moved.room),
            left=str(self._session.room),
            epoch=moved.epoch,
        )

    async def _come_in(self) -> None:
        """Be ready in the other room: all that is left is to say so."""
        here, other = await self._ledger.run_all([ReadRoom(self._session.room), ReadRoom(self._target.room)])
        lease: Lease | None = other.lease
        if lease is None or lease.epoch != self._target.epoch:
            raise CannotMove(MoveFailure.TOO_LATE, "the room's claim had lapsed")
        there = replace(
            self._session, room=self._target.room, epoch=self._target.epoch, brief=lease.brief, procedure=None
        )
        config = {name: value for name, value in here.config.items() if name not in self._target.named}
        await self._bot.prepare(there, config)
        await self._advance("prepared")
        by = self._adopter
        adoption, _ = await self._ledger.run(
            Adopt(self._target.room, self._target.token, by.owner, by.host, by.job_id)
        )
        if adoption is not Adoption.ADOPTED:
            raise CannotMove(MoveFailure.TOO_LATE, "the room's claim had lapsed")
        await self._advance("adopted")
        await self._bot.enter()
        await self._advance("entered")

    async def _advance(self, step: str) -> None:
        after = self._target.at(step)
        if not await self._ledger.run(Advance(self._session.id, self._session.epoch, self._stands, after)):
            raise CannotMove(MoveFailure.TOO_LATE, "the move was called off")
        self._stands = after

    async def _write_commitment(self) -> Session:
        """A change of the session that reached Redis behind it would be of the old epoch, and be refused for good."""
        commitment = CommitMove(self._session, self._target, self._adopter.owner, self._starts_anew)
        async with self._bot.writes_nothing_else():
            return await self._ledger.run(commitment)

    async def _commit(self) -> Session:
        """Write down where the session is.  Until Redis has answered the bot goes on where it was."""
        while True:
            try:
                if not await self._bot.fall_silent():
                    raise CannotMove(MoveFailure.ENDED, "the session ended meanwhile")
                moved = await self._write_commitment()
            except RedisAway:
                self.is_in_doubt = True
                await self._bot.speak_again()
                await asyncio.sleep(ASK_AGAIN_AFTER.total_seconds())
            except (IllegalTransition, NoSuchSession):
                self.is_in_doubt = False
                raise CannotMove(MoveFailure.TOO_LATE, "the move was called off") from None
            else:
                self._is_committed, self.is_in_doubt = True, False
                return moved

    async def _start_anew(self) -> Session:
        """Another bot comes into the other room, and finds the session as this one leaves it."""
        await self._bot.give_up()
        self._starts_anew = True
        session = await self._commit()
        self._log_moved(session)
        await self._launch_next(session)
        return session

    async def _launch_next(self, session: Session) -> None:
        try:
            await follow_awaited(self._ledger, relaunch(session, self._target.token, self._launches))
        except RedisAway:  # the reaper does it, since the room's deadline is written with the move
            log.warning("step_write_failed", session_id=session.id, step="Push")

    async def _call_off(self, why: MoveFailure, detail: str) -> Moved | StartedAnew | NotMoved:
        if self.is_in_doubt and (moved := await self._settle(why, detail)):
            return StartedAnew(moved) if self._starts_anew else Moved(moved)
        await self._bot.give_up()  # first: nobody in the old room waits for Redis
        room, session_id = str(self._target.room), self._session.id
        log.warning("session_move_failed", session_id=session_id, room=room, kind=why, because=detail)
        try:
            await self._ledger.run(call_off(self._session, self._target, why, detail))
        except RedisAway:  # the reaper does it
            log.warning("step_write_failed", session_id=self._session.id, step="CallOffMove")
        return NotMoved(why, detail)

    async def _settle(self, why: MoveFailure, detail: str) -> Session | None:
        """End it in the middle: the bot goes on where the session is by now.  None if that is the old room."""
        try:
            await self._ledger.run(call_off(self._session, self._target, why, detail))
            moved = await self._write_commitment()
        except (RedisAway, IllegalTransition, NoSuchSession):
            await self._bot.give_up()
            return None
        if self._starts_anew:
            await self._launch_next(moved)
        else:
            await self._bot.go_on(moved)
            await self._bot.leave_old()
        return moved


def move_without_bot(session: Session, target: Target, launches: LaunchQueue) -> Procedure[Session]:
    """Move a session whose bot has not started: the next one starts in the other room.  Raises IllegalTransition."""
    moved = yield CommitMove(session, target, owner=None, starts_anew=True)
    yield from relaunch(moved, target.token, launches)
    return moved  # type: ignore[no-any-return]
