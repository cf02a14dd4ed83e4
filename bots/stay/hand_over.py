"""A worker stops: its bot hands the session over to another worker, or lets it wait for a slot (parks it).

The bot has the room, and is heard, until the moment in which another one is ready.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.queues import LaunchQueue
from greenroom.app.rooms.session_events import Happened
from greenroom.app.rooms.sessions import Succeed
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.bots.stay import succession
from greenroom.bots.stay.background import cancel, first_of
from greenroom.bots.stay.ending import REPLACED, End, Ending
from greenroom.bots.stay.in_room import Rooms
from greenroom.bots.stay.journal import Journal
from greenroom.bots.stay.last_moment import LastMoment
from greenroom.bots.stay.listener import RoomListener

QUIET_WITHIN = timedelta(seconds=6)  # a moment in which nobody speaks
AWAY_WITHIN = timedelta(seconds=5)  # a word before the bot is gone for a moment
TRY_AGAIN_AFTER = timedelta(seconds=1)  # a session that could be neither handed over nor parked
TOLD_WITHIN = timedelta(milliseconds=100)  # a message on its way to the page, before the line is closed

Park = Callable[[], Awaitable[bool]]

log = structlog.get_logger(__name__)


class HandOver:
    """How one bot gives its session up, to another worker's bot."""

    def __init__(
        self,
        ledger: AsyncRedisLedger,
        launches: LaunchQueue,
        *,
        owner: str,
        park: Park,
        journal: Journal,
        rooms: Rooms,
        listener: RoomListener,
        last_moment: LastMoment,
        moved: Callable[[], Awaitable[None]],
        end: End,
    ) -> None:
        """`park` lets the session wait for a slot, and says whether it does; `moved` waits for the end of a move."""
        self._ledger = ledger
        self._launches = launches
        self._owner = owner
        self._park_session = park
        self._journal = journal
        self._rooms = rooms
        self._listener = listener
        self._last = last_moment
        self._moved = moved
        self._end = end
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Give the session up.  Asking twice is asking once."""
        if self._task is None:
            self._listener.gives_room_up = True
            self._task = asyncio.create_task(self.run())

    @property
    def has_begun(self) -> bool:
        return self._task is not None

    async def over(self) -> None:
        """Wait until it is done, however it ends."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def cancel(self) -> None:
        if self._task is not None:
            await cancel([self._task])

    async def run(self) -> None:
        """Until the stay ends, by this or by something else."""
        await self._moved()
        while not self._end.has_begun:
            try:
                is_live = self._rooms.now.bot_run.started.is_set() and self._journal.has_room
                if is_live and await self.hand_over():
                    self._leave_room_to_others("handed_over")
                elif (not is_live or self._listener.waits_for_slot()) and await self._park():
                    self._leave_room_to_others("parked")
                if not self._journal.has_room:
                    await asyncio.sleep(TOLD_WITHIN.total_seconds())
                    self._end.begin(REPLACED)
                elif not self._end.has_begun:  # something else was under way; the call goes on meanwhile
                    await asyncio.sleep(TRY_AGAIN_AFTER.total_seconds())
            except RedisAway:
                await asyncio.sleep(
                    TRY_AGAIN_AFTER.total_seconds()
                )  # the call goes on until somebody can take it
            except Exception:
                log.exception("session_handover_failed", session_id=self._journal.session.id)
                self._end.begin(Ending.by_our_fault("could not be handed over to another worker"))

    async def hand_over(self) -> bool:
        """Give the room to a bot on another worker; False if there is none.  Raises RedisAway."""
        epoch = None
        try:
            epoch = await succession.hand_over(
                self._ledger,
                self._launches,
                self._journal.session,
                owner=self._owner,
                before_yielding=self._last.fall_silent,
            )
        finally:
            if epoch is None:
                await self._last.speak_again()
        if epoch is None:
            return False
        self._journal.has_room = False
        # Before the page makes its next offer
        await self._journal.attempt(Succeed(self._journal.session.id, epoch, Happened.HANDED_OVER))
        return True

    async def _park(self) -> bool:
        """No slot is free: tell the person, and let the session wait for one."""
        if await self._last.comes() is None:
            return False
        here = self._rooms.now
        here.bot_run.fell_silent.clear()
        if here.bot_run.started.is_set() and await here.controls.say_that_it_goes_away():
            await first_of(here.bot_run.fell_silent.wait(), here.bot_run.over(), within=AWAY_WITHIN)
        is_parked = False
        try:
            if await self._last.fall_silent() is not None:
                is_parked = await self._park_session()
        finally:
            if not is_parked:
                await self._last.speak_again()
        return is_parked

    def _leave_room_to_others(self, event: str) -> None:
        self._journal.has_room = False
        self._rooms.now.stage.silence()  # whoever is quick is with the next bot before this one has gone
        self._rooms.now.stage.tell(event)
        session = self._journal.session
        log.info("room_given_up", because=event, session_id=session.id, room=str(session.room))
