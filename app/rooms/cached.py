"""Values that are read elsewhere and kept for a few seconds, so that who needs them is neither slow nor stopped."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from greenroom.app.errors.storage import DatabaseAway

READERS = 4  # threads; as many reads may hang at once, and no caller hangs with them
A_MOMENT = timedelta(milliseconds=100)  # far more than a read takes

Value = TypeVar("Value")
Waiting = Callable[[], AbstractContextManager[object]]  # what whoever waits longer than a moment waits in


def in_time(answer: "Future[Value]", within: timedelta, waiting: Waiting = nullcontext) -> Value:
    """The database's answer.  Raises DatabaseAway if it does not come in time, and what `waiting` raises."""
    try:
        return answer.result(A_MOMENT.total_seconds())
    except NotYet:
        pass
    with waiting():
        try:
            return answer.result((within - A_MOMENT).total_seconds())
        except NotYet:
            raise DatabaseAway(because="it was late") from None


@dataclass
class _Kept(Generic[Value]):
    value: Value
    good_until: float
    is_asked_for: bool = False  # since it was read
    is_renewed: bool = False  # whether it has been read anew before it was old


class Cached(Generic[Value]):
    """Reads each value once for all who ask for it at a time, and keeps it for a while.

    A value that is asked for in the second half of its time is read anew beside that: what is asked for all the time is
    not waited for.  All others that are asked for are read with it: a read for each would slow down who asks.  One that
    cannot be read anew goes on being used, however old it is.  Nothing is kept of what does not exist.
    """

    def __init__(
        self,
        read: Callable[[Sequence[str]], Mapping[str, Value]],
        *,
        lasts: timedelta,
        at_most: int,
        within: timedelta,
        waiting: Waiting = nullcontext,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`read` gets some keys, and returns the values of those that exist; it may raise DatabaseAway.

        `at_most` values are kept, and so many read at once.

        No caller waits longer than `within`, and none longer than a moment where an earlier value can be used.
        """
        self._read = read
        self._lasts, self._within = lasts.total_seconds(), within
        self._waiting = waiting
        self._at_most = at_most
        self._clock = clock
        self._lock = threading.RLock()  # a read that is done at once ends where it began
        self._kept: OrderedDict[str, _Kept[Value]] = OrderedDict()  # the one asked for last is at the end
        self._reading: dict[str, Future[Mapping[str, Value]]] = {}
        # It has no thread before the first read, so that a process may be forked from this one.
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="cached")

    def get(self, key: str) -> Value | None:
        """The value, as it was so long ago at the most; None if there is none.

        Raises DatabaseAway, and what `waiting` raises, if nothing was known of it before.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                kept.is_asked_for = True
                left = kept.good_until - self._clock()
                if left > 0:
                    if left < self._lasts / 2 and not kept.is_renewed:
                        self._renew()
                    return kept.value
            reading = self._reading.get(key) or self._begin([key])
        try:
            if kept is None:
                return in_time(reading, self._within, self._waiting).get(key)
            return reading.result(A_MOMENT.total_seconds()).get(key)
        except (DatabaseAway, NotYet):
            if kept is None:
                raise
        with self._lock:
            if self._kept.get(key) is kept:  # the next callers need not wait for what is away
                self._kept[key] = _Kept(kept.value, self._clock() + self._lasts)
        return kept.value

    def forget(self, is_old: Callable[[Value], bool]) -> None:
        """Read anew, from now on, what is old; what is just being read may be old as well."""
        with self._lock:
            self._reading.clear()
            for kept in self._kept.values():
                kept.is_renewed = False  # what was just read for it counts no more
            for key in [key for key, kept in self._kept.items() if is_old(kept.value)]:
                del self._kept[key]

    def _renew(self) -> None:
        wanted = [key for key, kept in self._kept.items() if kept.is_asked_for and not kept.is_renewed]
        for key in wanted:
            self._kept[key].is_renewed = True  # once, however long the database is away
        self._begin(wanted)

    def _begin(self, keys: Sequence[str]) -> "Future[Mapping[str, Value]]":
        reading = self._readers.submit(self._read, keys)
        self._reading.update(dict.fromkeys(keys, reading))
        reading.add_done_callback(lambda done: self._end(keys, done))
        return reading

    def _end(self, keys: Sequence[str], done: "Future[Mapping[str, Value]]") -> None:
        with self._lock:
            expected = [key for key in keys if self._reading.get(key) is done]  # the others are forgotten
            for key in expected:
                del self._reading[key]
            if done.exception() is not None:
                return
            values, good_until = done.result(), self._clock() + self._lasts
            for key in expected:
                if key in values:
                    self._kept[key] = _Kept(values[key], good_until)
                else:
                    self._kept.pop(key, None)
            while len(self._kept) > self._at_most:
                self._kept.popitem(last=False)
