"""Between a stage and its session: what happens in a room concerns the session only while its bot is there."""

import asyncio
from collections.abc import Callable
from typing import Any

from greenroom.app.rooms.app_messages import ToSession
from greenroom.app.rooms.session_events import NO_APPEARANCE, Appearance
from greenroom.bots.transports.stage import Listener, PutOut


class Doorway(Listener):
    """Passes on what a stage tells while it is open, and who is there when it opens."""

    def __init__(self, listener: Listener, *, is_open: bool) -> None:
        self._listener = listener
        self._is_open = is_open
        self._is_closed = False
        self._there: dict[str, Appearance] = {}  # who came before it was opened
        self.put_out_by: PutOut | None = None  # before it was opened
        self._was_put_out = asyncio.Event()

    async def arrived(self, user_id: str, appearance: Appearance = NO_APPEARANCE) -> None:
        if self._is_open:
            await self._listener.arrived(user_id, appearance)
        else:
            self._there[user_id] = appearance

    async def departed(self, user_id: str) -> None:
        if self._is_open:
            await self._listener.departed(user_id)
        else:
            self._there.pop(user_id, None)

    def app_sent(self, person: str, message: ToSession, answer: Callable[[dict[str, Any]], object]) -> None:
        if self._is_open:
            self._listener.app_sent(person, message, answer)

    def put_out(self, why: PutOut) -> None:
        if self._is_open:
            self._listener.put_out(why)
        elif not self._is_closed:
            self.put_out_by = why
            self._was_put_out.set()

    async def was_put_out(self) -> None:
        """Wait until the bot is put out before it is opened."""
        await self._was_put_out.wait()

    async def open(self) -> None:
        """From now on this is the session's room."""
        self._is_open = True
        there, self._there = self._there, {}
        for person, appearance in there.items():
            await self._listener.arrived(person, appearance)

    def close(self) -> None:
        """The session is not in this room any more."""
        self._is_open, self._is_closed = False, True
