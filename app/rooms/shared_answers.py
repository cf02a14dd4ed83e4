"""Answers of a server that several callers share, for a server that takes few questions."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedAnswers(Generic[T]):
    """Whoever asks while a question is on its way waits for its answer, and whoever asks soon after is told the same.

    A failure is told to those who wait for it, and never again.
    """

    def __init__(self, lasts: timedelta, clock: Callable[[], float] = time.monotonic) -> None:
        self._lasts = lasts.total_seconds()
        self._clock = clock
        self._lock = Lock()
        self._asked: dict[str, tuple[float, Future[T]]] = {}  # the oldest first

    def get(self, about: str, ask: Callable[[], T]) -> T:
        """What `ask` returns or raises, asked now or within the time for which an answer lasts."""
        with self._lock:
            self._drop_old()
            _, answer = self._asked.get(about, (0, None))
            is_mine = answer is None
            if answer is None:
                answer = Future()
                self._asked[about] = self._clock(), answer
        if is_mine:
            try:
                answer.set_result(ask())
            except BaseException as error:
                with self._lock:
                    if self._asked.get(about, (0, None))[1] is answer:
                        del self._asked[about]
                answer.set_exception(error)
        return answer.result()

    def _drop_old(self) -> None:
        now = self._clock()
        while self._asked:
            about, (asked, answer) = next(iter(self._asked.items()))
            if now - asked < self._lasts or not answer.done():
                return
            del self._asked[about]
