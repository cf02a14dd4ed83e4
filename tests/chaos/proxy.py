"""Ways to Redis that a test can darken, cut and slow: a link on loopback for each client process.

A dark link loses nothing: what was sent is held, as by a network that will deliver it when it is whole again, also
if its sender has given up meanwhile.  That is how a late write arrives.
"""

import asyncio
import threading
from pathlib import Path


class Link:
    """One process's way to Redis."""

    def __init__(self, to: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.delay = 0.0  # seconds, each way, for each piece of data
        self._to, self._loop = to, loop
        self._is_cut = False
        self._is_light = asyncio.Event()
        self._is_light.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), loop
        ).result(5)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/0"

    def darken(self) -> None:
        """Connections stay, and are made, and nothing comes through."""
        self._loop.call_soon_threadsafe(self._is_light.clear)

    def cut(self) -> None:
        """Connections break, and none is made."""
        self._is_cut = True
        self.blink()

    def blink(self) -> None:
        """Connections break, once."""
        self._loop.call_soon_threadsafe(lambda: [writer.transport.abort() for writer in self._writers])

    def mend(self) -> None:
        """All is well again; what was held is delivered."""
        self._is_cut, self.delay = False, 0.0
        self._loop.call_soon_threadsafe(self._is_light.set)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(str(self._to))
        except OSError:  # Redis is away
            writer.transport.abort()
            return
        pair = {writer, far_writer}
        self._writers |= pair
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        self._writers -= pair

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await asyncio.sleep(self.delay)
                await self._is_light.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()


class Links:
    """All links of an installation; `links["bots"]` is made when it is first asked for."""

    def __init__(self, to: Path) -> None:
        self._to = to
        self._links: dict[str, Link] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="links", daemon=True)
        self._thread.start()

    def __getitem__(self, name: str) -> Link:
        if name not in self._links:
            self._links[name] = Link(self._to, self._loop)
        return self._links[name]

    def mend(self) -> None:
        for link in self._links.values():
            link.mend()

    def close(self) -> None:
        for link in self._links.values():
            link.mend()
            link.cut()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for link in self._links.values():
            link._server.close()
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
