"""Ends a process whose event loop stands still: its slot would be taken until the session's last minute.

The interpreter cannot help: a loop is blocked for good where nothing of Python runs any more.
"""

import asyncio
import faulthandler
from collections.abc import Callable
from datetime import timedelta

from greenroom.app.rooms.timings import LOOP_BLOCKED_AT_MOST
from greenroom.bots.stay.ending import End

WATCHED_EVERY = timedelta(seconds=3)  # how often a loop that runs puts the timer off
BLOCKED_AT_END = timedelta(seconds=10)  # the same as LOOP_BLOCKED_AT_MOST, for a stay that ends
ENDS_WITHIN = timedelta(seconds=20)  # all that a bot does once nobody hears it; then its process is ended
STDERR = 2  # the descriptor: what Python calls so may be something else by then


class Watchdog:
    """faulthandler's timer, put off as long as the event loop runs."""

    def __init__(
        self, end: End, set_timer: Callable[..., object] = faulthandler.dump_traceback_later
    ) -> None:
        self._end = end
        self._set_timer = set_timer
        self._next: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        blocked_at_most = BLOCKED_AT_END if self._end.has_begun else LOOP_BLOCKED_AT_MOST
        self._set_timer(blocked_at_most.total_seconds(), exit=True, file=STDERR)
        self._next = asyncio.get_running_loop().call_later(WATCHED_EVERY.total_seconds(), self.watch)

    def watch_end(self) -> None:
        """Set the timer for the last time; `leftovers` stops it, when nothing of the bot is left."""
        if self._next is not None:
            self._next.cancel()
        self._set_timer(ENDS_WITHIN.total_seconds(), exit=True, file=STDERR)
