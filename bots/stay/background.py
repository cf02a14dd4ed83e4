"""Work of a stay that runs beside the rest: short chores, waiting for the first of several things, an end to all."""

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable
from datetime import timedelta
from typing import Any

CANCELLED_WITHIN = timedelta(
    seconds=1
)  # how long a cancelled task may take; one that does not end is left to `leftovers`


class Chores:
    """Short work that something else began and does not wait for; it is cancelled with the stay."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def done(self) -> None:
        """Wait for those that have begun."""
        await asyncio.gather(*self._tasks)

    async def cancel(self) -> None:
        await cancel(self._tasks)


async def first_of(*things: Awaitable[Any], within: timedelta | None = None) -> None:
    """Wait for the first of these.  Tasks go on; what was begun here, to be waited for, is cancelled."""
    waited = [asyncio.ensure_future(thing) for thing in things]
    try:
        timeout = None if within is None else within.total_seconds()
        await asyncio.wait(waited, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task, thing in zip(waited, things, strict=True):
            if task is not thing:
                task.cancel()


async def cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CANCELLED_WITHIN.total_seconds())
