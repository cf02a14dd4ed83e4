"""How long a session may last: its people are told before, by events and in words, and then it ends."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import structlog

from greenroom.app.rooms.extending import time_limits
from greenroom.app.rooms.session_events import Happened
from greenroom.app.rooms.sessions import Reason
from greenroom.bots.stay.ending import End, Ending
from greenroom.bots.stay.in_room import Rooms
from greenroom.bots.stay.journal import Journal

log = structlog.get_logger(__name__)


class TimeLimit:
    """The clocks of one stay, which end the session whatever happens in it."""

    def __init__(
        self,
        journal: Journal,
        rooms: Rooms,
        *,
        age: timedelta,
        begin: Callable[[Coroutine[Any, Any, None]], object],
        end: End,
    ) -> None:
        """`age` is the session's, now that its bot has adopted it; `begin` does something beside what calls us."""
        self._journal = journal
        self._rooms = rooms
        self._age = age
        self._adopted_at = time.monotonic()
        self._begin = begin
        self._end = end
        self._clocks: list[asyncio.TimerHandle] = []

    def wind(self) -> None:
        """Wind the clocks as the session's record has it, anew."""
        self.stop()
        age = self._age + timedelta(seconds=time.monotonic() - self._adopted_at)
        limits = time_limits(self._journal.session, age)
        self._call_in(limits.ends_in, self._end.begin, Ending(Reason.MAX_DURATION))
        for due, left in limits.tells_in:
            self._call_in(due, self._tell, left)
        if limits.warns_in is not None:
            self._call_in(limits.warns_in, self._warn)

    def stop(self) -> None:
        for clock in self._clocks:
            clock.cancel()
        self._clocks.clear()

    def _call_in(self, due: timedelta, call: Callable[..., None], *args: Any) -> None:
        self._clocks.append(asyncio.get_running_loop().call_later(due.total_seconds(), call, *args))

    def _warn(self) -> None:
        self._begin(self._rooms.now.controls.warn_of_end())

    def _tell(self, left: timedelta) -> None:
        self._begin(self.tell_people(left.seconds))

    async def tell_people(self, seconds: int) -> None:
        if not self._journal.has_room:
            return
        self._rooms.now.stage.tell("ends_soon", seconds=seconds)
        await self._journal.note(Happened.ENDS_SOON, f"{seconds} s")
