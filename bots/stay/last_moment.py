"""The last moment of a bot in a room, before the session goes on elsewhere: nobody speaks, and all is written."""

import asyncio
from datetime import timedelta

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.sessions import State
from greenroom.bots.room_state import RoomState
from greenroom.bots.stay.carrying_out import WRITTEN_WITHIN
from greenroom.bots.stay.ending import End
from greenroom.bots.stay.in_room import Rooms
from greenroom.bots.stay.journal import Journal
from greenroom.bots.turns import Turns


class LastMoment:
    """How the bot of a room falls silent, and speaks again where the session stays after all."""

    def __init__(
        self,
        *,
        rooms: Rooms,
        journal: Journal,
        turns: Turns,
        open_things: RoomState,
        end: End,
        quiet_within: timedelta,
    ) -> None:
        """It is waited so long for a moment in which nobody speaks; then the room is given up all the same."""
        self._rooms = rooms
        self._journal = journal
        self._turns = turns
        self._open_things = open_things
        self._end = end
        self._quiet_within = quiet_within

    async def comes(self) -> State | None:
        """In a quiet moment, with everything that was said written down; None if the session ends meanwhile.

        Raises RedisAway.
        """
        await self._quiet_moment()
        await self._see_all_written()
        bot_run = self._rooms.now.bot_run
        if bot_run.is_over and not bot_run.has_failed:  # it said goodbye meanwhile
            self._end.begin(bot_run.ended_by_itself())
        return None if self._end.has_begun else self._journal.state

    async def fall_silent(self) -> State | None:
        """The last moment, from which on the bot takes nothing in and writes nothing to anybody.

        What it answered then would be refused when it is written down: under the next epoch, or by it.
        """
        deadline = asyncio.get_running_loop().time() + self._quiet_within.total_seconds()
        while True:
            state = await self.comes()
            self._rooms.now.stage.listen(to_people=False)
            self._rooms.now.outbox.hold()
            await self._see_all_written()  # an answer that has left by now is to a line that is among them
            if state is None or self._turns.floor.is_quiet or asyncio.get_running_loop().time() > deadline:
                return state
            await self.speak_again()  # somebody was quicker: they get their answer first

    async def speak_again(self) -> None:
        """The session stays here."""
        self._rooms.now.stage.listen(to_people=True)
        await self._rooms.now.outbox.release()

    async def _quiet_moment(self) -> None:
        deadline = asyncio.get_running_loop().time() + self._quiet_within.total_seconds()
        while not self._turns.floor.is_quiet and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110  at rest
            await asyncio.sleep(0.05)

    async def _see_all_written(self) -> None:
        """Raises RedisAway: what is not written now would be refused under the next epoch."""
        is_written = await self._open_things.written(WRITTEN_WITHIN)
        if not (is_written and await self._turns.written(WRITTEN_WITHIN)):
            raise RedisAway
