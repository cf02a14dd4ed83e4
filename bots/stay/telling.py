"""Tells servers what is heard, in passing: a few at a time, and not at all while Redis is away."""

import asyncio
from collections import deque
from datetime import timedelta

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.told import Hear, Sound
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.bots.stay.journal import Journal

TOGETHER = timedelta(milliseconds=100)  # what is heard in this time is written in one step
UNTOLD_AT_MOST = 100  # the oldest go


class Telling:
    """The way of what one bot hears to the ledger."""

    def __init__(self, ledger: AsyncRedisLedger, journal: Journal) -> None:
        self._ledger = ledger
        self._journal = journal
        self._sequence = 0
        self._untold: deque[Sound] = deque(maxlen=UNTOLD_AT_MOST)
        self._has_some = asyncio.Event()

    def tell(self, event: str, **facts: str) -> None:
        self._sequence += 1
        self._untold.append(Sound(event, self._sequence, facts))
        self._has_some.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._has_some.wait()
            await asyncio.sleep(TOGETHER.total_seconds())
            self._has_some.clear()
            sounds = tuple(self._untold)
            self._untold.clear()
            session = self._journal.session
            try:
                await self._ledger.run(Hear(session.id, session.epoch, sounds))
            except RedisAway:
                pass  # it is worth something now or never
