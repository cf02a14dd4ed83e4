"""A clock that does not jump, for libraries that pace a call's sound by the wall clock.

aiortc and pipecat send the next 10 ms of sound when `time.time()` says so.
"""

import time
from types import ModuleType


class Steady(ModuleType):
    """The module `time`, whose `time()` goes on from where it is, whatever is done to the clock."""

    def __init__(self) -> None:
        super().__init__("time", self.__doc__)
        self._ahead = time.time() - time.monotonic()

    def time(self) -> float:
        return self._ahead + time.monotonic()

    def __getattr__(self, name: str) -> object:
        return getattr(time, name)


steady = Steady()
