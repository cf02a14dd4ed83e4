"""What is open in the room of the bot that runs here, for its tools.

    from greenroom.bots import room_state

    room_state.current().open("active_note", {"id": "n-7", "title": "Groceries"}, owner="ann")

It is in memory first, so that no tool waits and a Redis that is away takes nothing from a call; Redis is told in
the background, and told again what it has lost.  Clients are told at once, and whoever arrives later.
"""

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import structlog

from greenroom.app.rooms.room import Room
from greenroom.app.rooms.room_states import Open, Opened, WriteState, as_told, opened
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.bots.background_writer import BackgroundWriter

log = structlog.get_logger(__name__)
_current: ContextVar["RoomState"] = ContextVar("room_state")


def current() -> "RoomState":
    """That of the session in whose context this is called.  Raises LookupError outside of one."""
    return _current.get()


class RoomState:
    """What is open in one room, as one bot knows it."""

    def __init__(
        self,
        ledger: AsyncRedisLedger,
        room: Room,
        *,
        epoch: int,
        owner: str,
        session_id: str = "",
        tell: Callable[[Mapping[str, Any]], None],
        tell_change: Callable[[Sequence[str], Sequence[str]], None] = lambda *_: None,
        before: Mapping[Open, Opened] | None = None,
    ) -> None:
        """`tell` is called with all that is open, `tell_change` with the names of what was just opened and closed."""
        self._room = room
        self._epoch = epoch
        self._owner = owner  # who writes: the bot's process, as the room's lease names it
        self._session_id = session_id
        self._tell = tell
        self._tell_change = tell_change
        self._open = dict(before or {})  # as the bot before this one left it
        self._unwritten: dict[Open, Opened | None] = {}
        self._writer = BackgroundWriter(ledger, next_step=self._next_step, on_reply=self._on_reply)

    def make_current(self) -> None:
        """Be the one that `current()` finds in this context, and in the tasks that are begun in it."""
        _current.set(self)

    # For a bot

    def get(self, name: Open | str) -> Opened | None:
        """What is open under a name, with its owner."""
        return self._open.get(Open(name))

    @property
    def all(self) -> Mapping[Open, Opened]:
        return MappingProxyType(self._open)

    def open(self, name: Open | str, value: Any, *, owner: str) -> None:
        """Open something, in place of what was open under that name.  Raises TooMuchState."""
        self._change({Open(name): opened(Open(name), value, owner)})

    def close(self, name: Open | str) -> None:
        """Close it; what is closed already may be."""
        self._change({Open(name): None})

    def close_all(self) -> None:
        self._change(dict.fromkeys(Open, None))

    # For its session

    @property
    def told(self) -> dict[str, Any]:
        """As clients are sent it."""
        return as_told(self._open)

    def tell(self) -> None:
        """Send it to the clients, for one that has just come; nothing is said where nothing is open."""
        if self._open:
            self._tell(self.told)

    def catch_up(self, found: Mapping[Open, Opened]) -> None:
        """Take what has changed since this bot was prepared, for the one whose turn it is now."""
        self._open = dict(found)

    def move(self, room: Room, epoch: int) -> None:
        """It is of another room from now on, to which what is open has gone along."""
        self._room, self._epoch = room, epoch

    def restore(self) -> None:
        """Write again what Redis has lost."""
        self._put_off({name: self._open.get(name) for name in Open})

    async def write(self) -> None:
        """Until it is cancelled."""
        await self._writer.run()

    async def written(self, within: timedelta) -> bool:
        """Wait until Redis knows it."""
        return await self._writer.is_idle(within)

    def _next_step(self) -> WriteState | None:
        if not self._unwritten:
            return None
        return WriteState(
            self._room, self._epoch, self._owner, dict(self._unwritten), session_id=self._session_id
        )

    def _on_reply(self, step: WriteState, is_written: bool) -> None:
        if not is_written:  # lost with the lease, and told again when that is back; or another's by now
            log.warning("room_state_refused", room=str(self._room), epoch=self._epoch)
        for name, written in step.changes.items():
            if name in self._unwritten and self._unwritten[name] is written:
                del self._unwritten[name]

    def _change(self, changes: Mapping[Open, Opened | None]) -> None:
        news = {name: it for name, it in changes.items() if it != self._open.get(name)}
        if news:
            after = {**self._open, **news}
            self._open = {name: it for name, it in after.items() if it is not None}
            self._put_off(news)
            self._tell(self.told)
            self._tell_change(
                [name for name, it in news.items() if it], [name for name, it in news.items() if not it]
            )

    def _put_off(self, changes: Mapping[Open, Opened | None]) -> None:
        self._unwritten.update(changes)
        self._writer.wake()
