"""Seats for what waits: a part of the process's threads each, so that some are always there for what does not wait.

A request that waits for a bot or for time to pass holds a thread meanwhile.  Without seats, whoever
sends enough of them stops the API for everybody.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import Enum

from flask import request

from greenroom.app.errors.limits import Busy
from greenroom.app.errors.rooms import RoomInDoubt


class Wait(Enum):
    """What a request may wait for."""

    JOIN = "a bot's being in its room"
    BOT = "a bot's answer to an offer, to candidates, to a change"
    LEAVE = "a bot's goodbye"
    DOUBT = "knowing whether a room's bot lives"
    OUTSIDE = "a room's server saying who is there, control saying what it did, or a database that is slow for a join"
    DATABASE = "the database, for what is read or changed there by itself"


# Of every 16 threads; two are left for what does not wait.
SHARES = {Wait.JOIN: 4, Wait.BOT: 5, Wait.LEAVE: 1, Wait.DOUBT: 1, Wait.OUTSIDE: 2, Wait.DATABASE: 1}
AT_ONCE = timedelta(0)
A_TURN = timedelta(
    milliseconds=200
)  # many reads come and go in it, and no thread is held for long by who waits for one


class Seats:
    """The seats of one process."""

    def __init__(self, threads: int) -> None:
        self._free = {wait: threads * share // 16 for wait, share in SHARES.items()}
        self._held: Counter[Hashable] = Counter()
        self._lock = threading.Condition()  # told when a seat is given back

    def take(
        self, wait: Wait, *, whose: Hashable = None, at_most: int = 0, within: timedelta = AT_ONCE
    ) -> Callable[[], None]:
        """Take a seat; the function that is returned gives it back.  `whose` may hold `at_most` seats.

        Raises Busy where none is free `within` that time.
        """
        holder = (wait, whose)

        def is_free() -> bool:
            return self._free[wait] > 0 and not (at_most and self._held[holder] >= at_most)

        with self._lock:
            if not self._lock.wait_for(is_free, within.total_seconds()):
                raise Busy
            self._free[wait] -= 1
            self._held[holder] += 1
        is_held = [True]

        def give_back() -> None:
            with self._lock:
                if not is_held:
                    return
                is_held.clear()
                self._free[wait] += 1
                self._held[holder] -= 1
                if not self._held[holder]:
                    del self._held[holder]
                self._lock.notify_all()

        return give_back

    @contextmanager
    def taken(
        self, wait: Wait, *, whose: Hashable = None, at_most: int = 0, within: timedelta = AT_ONCE
    ) -> Iterator[None]:
        give_back = self.take(wait, whose=whose, at_most=at_most, within=within)
        try:
            yield
        finally:
            give_back()

    def sleep(self, seconds: float) -> None:
        """Sleep until it is known whether a room's bot lives.  Raises RoomInDoubt if too many wait for that."""
        try:
            with self.taken(Wait.DOUBT):
                time.sleep(seconds)
        except Busy:
            raise RoomInDoubt from None


class Latest:
    """Knows the last request of each caller, so that earlier ones that nobody waits for can be given up."""

    def __init__(self) -> None:
        self._last: dict[Hashable, object] = {}
        self._lock = threading.Lock()

    @contextmanager
    def of(self, whose: Hashable) -> Iterator[Callable[[], bool]]:
        """Yields a function that tells whether this is still the last request of `whose`."""
        mine = object()
        with self._lock:
            self._last[whose] = mine
        try:
            yield lambda: self._last.get(whose) is mine
        finally:
            with self._lock:
                if self._last.get(whose) is mine:
                    del self._last[whose]


def still_awaited() -> Callable[[], bool]:
    """Tells whether this request's client still waits, as far as the server knows (see `app/gunicorn`)."""
    outlet = request.environ.get("gunicorn.socket")
    return lambda: getattr(outlet, "is_awaited", True)
