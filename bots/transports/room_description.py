"""Our facts in a LiveKit room's metadata: added to what is found there, and again when somebody has replaced it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from greenroom.app.errors.rooms import ProviderAway
from greenroom.app.providers.room_metadata import with_facts
from greenroom.app.rooms.room import Room

WRITES_AT_MOST = 20  # in a stay: another program may remove our facts each time

log = structlog.get_logger(__name__)


class RoomDescription:
    """What a room's metadata is to say of its session."""

    def __init__(
        self,
        room: Room,
        facts: dict[str, Any],
        *,
        write: Callable[[str], None],
        begin: Callable[[Awaitable[None]], asyncio.Future[None]],
    ) -> None:
        """`write` replaces the room's metadata, and may block; `begin` makes a task that its owner ends."""
        self._room = room
        self._facts = facts
        self._write = write
        self._begin = begin
        self._wanted: str | None = None  # the metadata that is written next
        self._writes = 0
        self._writing: asyncio.Future[None] | None = None

    def change(self, **facts: Any) -> None:
        """Say this from the next `found` on."""
        self._facts = {**self._facts, **facts}

    def found(self, metadata: str) -> None:
        """Add our facts to the metadata that was found, unless they are there.

        Each change of the metadata leads here, in the order in which the server made them.  So a text that somebody
        wrote between our reading and our writing is not lost: it is found a moment later, and ours is added to it.
        """
        wanted = with_facts(metadata, self._facts)
        if wanted is None:
            return
        self._wanted = wanted
        if self._writing is None or self._writing.done():
            self._writing = self._begin(self._write_wanted())

    async def _write_wanted(self) -> None:
        while (wanted := self._wanted) is not None:
            self._wanted = None
            self._writes += 1
            if self._writes > WRITES_AT_MOST:
                return
            try:
                await asyncio.to_thread(self._write, wanted)
            except ProviderAway:
                log.warning("room_metadata_failed", room=str(self._room))
