"""How long processes were ready to run and had no processor: what a busy machine takes is not the product's doing.

The kernel counts it for each thread.  A promise in seconds is judged by what is left without it, so that it is as
strict as it reads on a quiet machine, and says nothing of who else is at work on this one.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path

LOOK_EVERY = 0.1  # seconds
A_TICK = 0.02  # seconds: an event loop that is so late is busy, or starves
NANO = 1e-9


def waited(pid: int) -> dict[int, float]:
    """Seconds that each thread of a process has waited for a processor so far; none of one that has gone."""
    found = {}
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found[int(thread.name)] = int((thread / "schedstat").read_text().split()[1]) * NANO
    except (OSError, ValueError, IndexError):  # it has just gone, or this kernel does not count
        pass
    return found


class Starving:
    """What the hungriest thread of some processes has waited since this was made."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._before = {pid: waited(pid) for pid in pids}

    def seconds(self) -> float:
        return max(
            (
                now - before.get(thread, 0.0)
                for pid, before in self._before.items()
                for thread, now in waited(pid).items()
            ),
            default=0.0,
        )


class Lateness:
    """When the event loop of this process came late, and when the bots that it listens to had no processor."""

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        self._pids = pids
        self.spans: list[tuple[float, float, float]] = []  # (from, to, seconds of it)

    async def watch(self) -> None:
        """Until it is cancelled."""
        looked, starving = time.monotonic(), Starving(self._pids())
        while True:
            asked = time.monotonic()
            await asyncio.sleep(A_TICK)
            now = time.monotonic()
            if (late := now - asked - A_TICK) > A_TICK:
                self.spans.append((asked, now, late))
            if now - looked > LOOK_EVERY:
                if (hungry := min(starving.seconds(), now - looked - self.within(looked, now))) > A_TICK:
                    self.spans.append((looked, now, hungry))
                looked, starving = now, Starving(self._pids())

    def within(self, since: float, until: float) -> float:
        """Seconds of a stretch of time that it was late."""
        return sum(
            seconds * (min(end, until) - max(start, since)) / (end - start)
            for start, end, seconds in self.spans
            if end > since and start < until
        )
