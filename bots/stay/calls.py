"""Pauses the own sessions of people who are in this bot's call, in whichever rooms those are, and resumes them."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.pausing import follow_call
from greenroom.app.rooms.procedures import follow_awaited
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.bots.stay.journal import Journal

TRY_AGAIN_AFTER = timedelta(seconds=1)  # while Redis is away


class Calls:
    """What one bot's call does to the sessions of who comes and goes."""

    def __init__(
        self,
        ledger: AsyncRedisLedger,
        journal: Journal,
        *,
        begin: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        """`begin` does something beside what calls us."""
        self._ledger = ledger
        self._journal = journal
        self._begin = begin
        self._is_there: dict[str, bool] = {}  # whoever came, and whether they are there still
        self._one_by_one = asyncio.Lock()

    def came(self, person: str) -> None:
        """A person is in this call: their own session elsewhere is paused."""
        self._is_there[person] = True
        self._begin(self._follow(person))

    def went(self, person: str) -> None:
        """They have left: what was paused for this call goes on."""
        self._is_there[person] = False
        self._begin(self._follow(person))

    async def _follow(self, person: str) -> None:
        async with self._one_by_one:
            while person in self._is_there:
                is_there, call = self._is_there[person], self._journal.session
                try:
                    await follow_awaited(self._ledger, follow_call(person, call, is_there=is_there))
                except RedisAway:
                    await asyncio.sleep(TRY_AGAIN_AFTER.total_seconds())
                    continue
                if is_there is self._is_there.get(person):
                    return
