"""How long something that failed is left alone: longer each time, until it works."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=30)
FORGOTTEN_AFTER = 3600.0  # seconds in which nobody has tried it again


@dataclass(frozen=True)
class _Pause:
    length: timedelta
    until: float


class Pauses:
    """Of several things, by their names."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pauses: dict[str, _Pause] = {}

    def __len__(self) -> int:
        return len(self._pauses)

    def begin(self, name: str) -> timedelta:
        """Leave it alone, for twice as long as the last time; returns for how long."""
        self._forget_old_ones()
        before = self._pauses[name].length if name in self._pauses else timedelta(0)
        length = min(max(before * 2, FIRST_PAUSE), LONGEST_PAUSE)
        self._pauses[name] = _Pause(length, self._clock() + length.total_seconds())
        return length

    def end(self, name: str) -> None:
        """It works: the next pause is a short one again."""
        self._pauses.pop(name, None)

    def is_on(self, name: str) -> bool:
        return name in self._pauses and self._clock() < self._pauses[name].until

    def _forget_old_ones(self) -> None:
        now = self._clock()
        old = [name for name, pause in self._pauses.items() if now > pause.until + FORGOTTEN_AFTER]
        for name in old:
            del self._pauses[name]
