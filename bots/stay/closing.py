"""How a stay ends: goodbye, where there is time for it, the pipeline's end, and the room is given up."""

import asyncio
from datetime import timedelta

import structlog

from greenroom.app.rooms.leases import Release
from greenroom.app.rooms.sessions import State
from greenroom.bots.stay.background import first_of
from greenroom.bots.stay.bot_run import CLOSES_WITHIN
from greenroom.bots.stay.ending import Ending
from greenroom.bots.stay.in_room import Rooms
from greenroom.bots.stay.inbox import Inbox
from greenroom.bots.stay.journal import Journal

GOODBYE_WITHIN = timedelta(seconds=8)
CRASHED_CLOSES_WITHIN = timedelta(seconds=0.5)  # after a failure: the session's next bot waits for the room

log = structlog.get_logger(__name__)


class Closing:
    """How one bot leaves its room."""

    def __init__(
        self,
        *,
        owner: str,
        journal: Journal,
        inbox: Inbox,
        rooms: Rooms,
    ) -> None:
        self._owner = owner
        self._journal = journal
        self._inbox = inbox
        self._rooms = rooms

    async def end_bot_run(self, ending: Ending) -> None:
        """End the bot's run, if it has not ended by itself."""
        if ending.goes_on:
            self._rooms.silence()  # before the pipeline ends: a client that hears "peer left" does not come back
        else:
            await self._journal.enter(State.LEAVING, reason=ending.reason)
        if ending.politely and not ending.goes_on and await self._rooms.now.controls.say_goodbye():
            await first_of(self._rooms.now.bot_run.over(), within=GOODBYE_WITHIN)
        await self._rooms.now.bot_run.stop(ending.reason)

    async def leave_room(self, ending: Ending) -> bool:
        """Leave the room, then give it up.  Neither may keep the other from happening.

        False if Redis was away: who sees a room without a bot then would send it another.
        """
        within = CLOSES_WITHIN if ending.failure is None else CRASHED_CLOSES_WITHIN
        session_id = self._journal.session.id
        try:
            async with asyncio.timeout(within.total_seconds()):
                try:
                    if ending.goes_on:
                        self._rooms.silence()
                finally:
                    await self._rooms.now.stage.disconnect()
        except TimeoutError:
            log.warning("room_close_failed", session_id=session_id)
        except Exception:
            log.exception("room_close_failed", session_id=session_id)
        return ending.goes_on or await self.write_end(ending)

    async def write_end(self, ending: Ending) -> bool:
        """Give the room up, and answer those who asked for it.  False if Redis was away."""
        session = self._journal.session
        release = Release(session.room, session.epoch, self._owner)
        is_written = await self._journal.enter(
            State.ENDED, reason=ending.reason, detail=ending.detail, afterwards=[release]
        )
        if is_written:
            await self._inbox.answer_rest()
        return is_written
