"""Has the bot leave, once this one is on stage, that this one's user had in another room until they named another."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.procedures import follow_awaited
from greenroom.app.rooms.replacing import ASKED_AGAIN_AFTER, have_it_leave
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.bots.stay.journal import Journal


class Replaced:
    """The session, if any, that one stay's session comes instead of."""

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

    def leaves(self) -> None:
        """Ask its bot to leave, until it has; each bot of this session does, should the one before have died."""
        if (replaced := self._journal.session.instead_of) is not None:
            self._begin(self._until_it_leaves(replaced))

    async def _until_it_leaves(self, session_id: str) -> None:
        while True:
            try:
                if await follow_awaited(self._ledger, have_it_leave(session_id, self._journal.session)):
                    return
            except RedisAway:
                pass
            await asyncio.sleep(ASKED_AGAIN_AFTER.total_seconds())
