"""Writes to Redis beside a call: nobody waits for it, and while Redis is away it tries again."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.ledger import Step
from greenroom.app.storage.async_ledger import AsyncRedisLedger

RETRY_AFTER = timedelta(seconds=1)


class BackgroundWriter:
    """Runs the step that its owner names next, until there is none.

    What is to be written stays with the owner, who may change it meanwhile: a step that failed is asked for again.
    """

    def __init__(
        self,
        ledger: AsyncRedisLedger,
        *,
        next_step: Callable[[], Step[Any] | None],
        on_reply: Callable[[Any, Any], None],
    ) -> None:
        """`on_reply` is told of a step and of Redis's reply to it."""
        self._ledger = ledger
        self._next_step = next_step
        self._on_reply = on_reply
        self._has_some = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def wake(self) -> None:
        """There is something to be written."""
        self._is_idle.clear()
        self._has_some.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._has_some.wait()
            await self.write_all()

    async def write_all(self) -> None:
        """Until nothing is left to be written, however long Redis is away."""
        while (step := self._next_step()) is not None:
            try:
                reply = await self._ledger.run(step)
            except RedisAway:
                await asyncio.sleep(RETRY_AFTER.total_seconds())
            else:
                self._on_reply(step, reply)
        self._has_some.clear()
        self._is_idle.set()

    async def idle(self) -> None:
        """Wait until everything is written."""
        await self._is_idle.wait()

    async def is_idle(self, within: timedelta) -> bool:
        """Whether everything is written within a time."""
        try:
            async with asyncio.timeout(within.total_seconds()):
                await self._is_idle.wait()
        except TimeoutError:
            return False
        return True
