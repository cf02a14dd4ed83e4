"""Looks whether a call is quiet for too long, and has its bot ask, or its session end (`app/rooms/quiet.py`).

pipecat's own detection of idle users (`UserIdleController`) belongs to the aggregator of a bot's own pipeline, and
waits for the bot to speak first.  This one is of the session: it holds for bots of others, and knows of pauses.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import structlog

from greenroom.app.rooms.quiet import Follows, Quiet
from greenroom.app.rooms.session_events import Happened
from greenroom.app.rooms.sessions import Reason
from greenroom.bots.stay.ending import End, Ending
from greenroom.bots.stay.in_room import Rooms
from greenroom.bots.stay.journal import Journal

LOOK_EVERY = timedelta(seconds=1)  # one timer of a bot costs nothing, and nobody minds a second more

log = structlog.get_logger(__name__)


class QuietCall:
    """Watches one stay's call."""

    def __init__(
        self,
        *,
        rooms: Callable[[], Rooms],
        journal: Journal,
        may_be_talked_with: Callable[[], bool],
        end: End,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`rooms` are where the bot is; it may not be talked with while it is paused, muted, alone, or moves."""
        self._rooms = rooms
        self._journal = journal
        self._may_be_talked_with = may_be_talked_with
        self._end = end
        self._now = now
        self._quiet = Quiet(now())

    def somebody_is_there(self) -> None:
        """A person said or did something."""
        self._quiet.begin_anew(self._now())

    def heard(self, *, bot: bool) -> None:
        """Somebody spoke: the bot, or a person."""
        if bot:
            self._quiet.bot_spoke(self._now())
        else:
            self._quiet.begin_anew(self._now())

    async def run(self) -> None:
        """Look until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY.total_seconds())
            await self.look()

    async def look(self) -> None:
        """Look once, and do what follows."""
        here = self._rooms().now
        floor = here.hearing.floor
        if not self._may_be_talked_with() or floor.people_speak or here.hearing.calls_without_result:
            self._quiet.begin_anew(self._now())
        elif floor.is_answering or here.voices.bot_speaks:
            self._quiet.bot_spoke(self._now())
        limit = here.controls.silence
        match self._quiet.look(self._now(), limit):
            case Follows.ASK:
                await self._ask(limit)
            case Follows.END:
                seconds = f"{2 * limit.total_seconds():g}"
                detail = f"people were there, and nobody had said anything for {seconds} s"
                self._end.begin(Ending(Reason.IDLE, detail=detail))

    async def _ask(self, limit: timedelta) -> None:
        here, seconds = self._rooms().now, limit.total_seconds()
        log.info("silence_noticed", session_id=self._journal.session.id, seconds=seconds)
        here.stage.tell("still_there", seconds=seconds)
        await here.controls.ask_whether_anybody_is_there()
        await self._journal.note(Happened.QUIET, f"{seconds:g} s")
