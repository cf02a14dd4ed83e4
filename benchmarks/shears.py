"""A way to Redis whose connections are cut all the time: one in the middle of what it carries, or all at once.

In front of a Redis on a Unix socket, on a port of loopback, in a process of its own, that cuts until its standard
input ends and says then how many connections it has cut.
"""

import asyncio
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import uvloop

CUTS_ONE_IN = 500  # pieces of data: what it carried is lost, a request or a reply, and the connection with it
CUTS_ALL_EVERY = 2.0  # seconds; those that wait for something as well


class Shears:
    """The beginning of the way."""

    def __init__(self, socket: str) -> None:
        command = [sys.executable, "-m", "benchmarks.shears", socket]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"redis://127.0.0.1:{int(self._process.stdout.readline())}/0"
        self.cuts = 0

    def stop(self) -> None:
        """Nothing gets through any more; `cuts` says what was cut."""
        self.cuts = int(self._process.communicate()[0])


@contextmanager
def shears(socket: str) -> Iterator[Shears]:
    """Stand before the Redis on `socket` for as long as the block lasts."""
    it = Shears(socket)
    try:
        yield it
    finally:
        it.stop()


class _Tally:
    """How often something was cut."""

    cuts = 0


class _End(asyncio.Protocol):
    """One end of a connection; what comes in here goes out at the other, or is cut off."""

    transport: asyncio.Transport

    def __init__(self, tally: _Tally, other: "_End | None" = None) -> None:
        self._tally = tally
        self._other = other
        self._early = b""  # what came before there was another end

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._other is None:
            self._early += data
        elif random.randrange(CUTS_ONE_IN) == 0:
            self.cut()
        else:
            self._other.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self._other is not None:
            self._other.transport.abort()

    def cut(self) -> None:
        self._tally.cuts += 1
        self.transport.abort()


class _Near(_End):
    """The end that a client connects to."""

    def __init__(self, tally: _Tally, socket: str, near: "set[_Near]") -> None:
        super().__init__(tally)
        self._socket, self._near = socket, near

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._near.add(self)
        self._reaching = asyncio.create_task(self._reach())

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._near.discard(self)

    async def _reach(self) -> None:
        loop = asyncio.get_running_loop()
        _, self._other = await loop.create_unix_connection(lambda: _End(self._tally, self), self._socket)
        if self.transport.is_closing():
            self._other.transport.abort()
        else:
            self._other.transport.write(self._early)


async def _cut_all_the_time(socket: str) -> None:
    near: set[_Near] = set()
    tally = _Tally()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Near(tally, socket, near), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    while not ended.done():
        await asyncio.wait({ended}, timeout=CUTS_ALL_EVERY)
        for end in list(near):
            end.cut()
    print(tally.cuts)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_cut_all_the_time(sys.argv[1]))
