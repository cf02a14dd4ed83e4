"""A connection on which no whole request has come in ten seconds is closed: aiohttp would wait for one for ever."""

import asyncio
from collections.abc import Callable
from typing import Any

REQUEST_WITHIN = 10.0  # seconds from the connection's beginning


class Impatient(asyncio.Protocol):
    """Passes a connection on to aiohttp's protocol, until it has waited too long."""

    def __init__(self, inner: Any, clocks: dict[Any, asyncio.TimerHandle]) -> None:
        self._inner = inner
        self._clocks = clocks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        loop = asyncio.get_running_loop()
        self._clocks[self._inner] = loop.call_later(REQUEST_WITHIN, transport.close)
        self._inner.connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        has_come(self._clocks, self._inner)
        self._inner.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        kept: bool | None = self._inner.eof_received()
        return kept

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


def has_come(clocks: dict[Any, asyncio.TimerHandle], inner: Any) -> None:
    """A whole request is here, or the connection has gone.  Safe to repeat."""
    if clock := clocks.pop(inner, None):
        clock.cancel()


def impatient(server: Callable[[], Any], clocks: dict[Any, asyncio.TimerHandle]) -> Callable[[], Impatient]:
    """What makes the protocol of each connection; `server` makes aiohttp's."""
    return lambda: Impatient(server(), clocks)
