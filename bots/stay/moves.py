"""A session moves while its bot goes on reading what it is asked for: one move at a time, beside all else."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog

from greenroom.app.errors.sessions import NotMovable
from greenroom.app.rooms.ledger import AsyncLedger
from greenroom.app.rooms.moves import MOVABLE, MoveFailure, Target, call_off
from greenroom.app.rooms.moving import Adopter, Move, NotMoved, StartedAnew
from greenroom.app.rooms.queues import LaunchQueue
from greenroom.app.rooms.sessions import ReadSession
from greenroom.bots.stay.background import first_of
from greenroom.bots.stay.ending import REPLACED, End, Ending
from greenroom.bots.stay.journal import Journal
from greenroom.bots.stay.listener import RoomListener
from greenroom.bots.stay.moving import Moving

SETTLED_WITHIN = timedelta(seconds=6)  # a move that is cut off, in one room or the other
LEFT_WITHIN = timedelta(seconds=4)  # an old room, where the stay ends meanwhile

log = structlog.get_logger(__name__)


class Moves:
    """The moves of one stay."""

    def __init__(
        self,
        ledger: AsyncLedger,
        launches: LaunchQueue,
        deeds: Moving,
        *,
        adopter: Adopter,
        journal: Journal,
        listener: RoomListener,
        is_free: Callable[[], bool],
        tell_stays: Callable[[MoveFailure], object],
        end: End,
    ) -> None:
        """`is_free` says whether the session is not about to go elsewhere already.

        `tell_stays` tells the people's clients why their bot stays, who were told that it goes.
        """
        self._ledger = ledger
        self._launches = launches
        self._deeds = deeds
        self._adopter = adopter
        self._journal = journal
        self._listener = listener
        self._is_free = is_free
        self._tell_stays = tell_stays
        self._end = end
        self._target: Target | None = None
        self._move: Move | None = None  # the last one
        self._task: asyncio.Task[None] | None = None

    async def recorded(self, epoch: int) -> Target:
        """Where the session's record says that it moves, to the claim of that epoch.  Raises NotMovable."""
        session = await self._ledger.run(ReadSession(self._journal.session.id))
        target = Target.of(session)
        if target is None or target.epoch != epoch:
            raise NotMovable(session_id=session.id)
        return target

    def begin(self, target: Target) -> bool:
        """Begin to move; asking twice for one claim is asking once.  False if the session cannot move now."""
        if self._target is not None and self._target.epoch == target.epoch:
            return True
        is_movable = self._journal.has_room and self._journal.state in MOVABLE
        if self.is_under_way or self._end.has_begun or not (is_movable and self._is_free()):
            return False
        self._target = target
        self._task = asyncio.create_task(self._run(target))
        return True

    @property
    def is_under_way(self) -> bool:
        return self._task is not None and not self._task.done()

    def is_on_its_way_to_another(self, epoch: int) -> bool:
        """Whether a move is under way that is not to the claim of that epoch."""
        return self.is_under_way and self._target is not None and self._target.epoch != epoch

    @property
    def are_in_doubt(self) -> bool:
        """Whether the session may be in the other room, and this bot has not been told."""
        return self.is_under_way and self._move is not None and self._move.is_in_doubt

    async def over(self) -> None:
        """Wait until no move is under way."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def cancel(self) -> None:
        """Cut a move off: the bot stays where it is, or is where it goes if that is written down already."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=SETTLED_WITHIN.total_seconds())
        session, target = self._journal.session, self._target
        if target is not None and session.room != target.room:  # whoever comes next finds that room free
            left = call_off(session, target, MoveFailure.ENDED, "its bot left meanwhile")
            await self._journal.attempt(left)
        await self.left()

    async def left(self) -> None:
        """Wait, for so long at most, until the bot has left the rooms that its session has left."""
        await first_of(self._deeds.left(), within=LEFT_WITHIN)

    async def _run(self, target: Target) -> None:
        try:
            await self._listener.moves()
            session = self._journal.session
            self._move = Move(self._ledger, self._launches, self._deeds, session, target, self._adopter)
            outcome = await self._move.run()
        except asyncio.CancelledError:
            await self._deeds.leave_old()
            raise
        except Exception:
            log.exception("session_move_failed", session_id=self._journal.session.id, room=str(target.room))
            self._end.begin(Ending.by_our_fault("could not go on in the room to which it moved"))
            await self._deeds.leave_old()
            return
        if isinstance(outcome, StartedAnew):
            self._journal.has_room = False
            self._end.begin(REPLACED)
        elif isinstance(outcome, NotMoved):
            self._tell_stays(outcome.why)
            await self._listener.stays()
