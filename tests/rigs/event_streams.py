"""The events process's parts in a test's own loop, on a port of their own, and a listener that reads events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from greenroom.app.events.feed import Feed
from greenroom.app.events.hub import Hub
from greenroom.app.events.process import listen
from greenroom.app.events.server import EventServer
from greenroom.app.settings import Settings
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from tests.rigs.ports import free_port

KEY = "a-key-for-tests-only"
SIGNS = "what-signs-the-tokens-of-these-tests"
A_WHILE = 30.0  # seconds: on a busy machine an event may take long


@dataclass
class Events:
    """What is served, and where."""

    url: str
    hub: Hub
    feed: Feed
    server: EventServer


@asynccontextmanager
async def served(redis_url: str, settings: Settings | None = None, **more: Any) -> AsyncIterator[Events]:
    """Serve the streams of that Redis for as long as the block lasts."""
    facts = {"events_port": free_port(), **more}
    settings = replace(
        settings or Settings(redis_url=redis_url, api_key=KEY, signing_secret=SIGNS), events_url="", **facts
    )
    ledger = AsyncRedisLedger(redis_url)
    feed = Feed(ledger)
    hub = Hub(feed)
    server = EventServer(settings, ledger, feed, hub)
    await feed.load()
    port = await listen(settings, server)
    reading = asyncio.create_task(feed.run(hub.publish))
    try:
        yield Events(settings.events_url, hub, feed, server)
    finally:
        hub.close()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await port.close()
        await ledger.close()


@dataclass
class Heard:
    """One event as a listener gets it."""

    id: str
    type: str
    data: dict[str, Any] = field(default_factory=dict)


class Listener:
    """Reads one stream."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.status = response.status
        self.last_id = ""

    async def next(self, within: float = A_WHILE) -> Heard | None:
        """The next event; None where the stream has ended."""
        async with asyncio.timeout(within):
            fields: dict[str, str] = {}
            while line := (await self.response.content.readline()).decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if name:
                    fields[name] = value
                elif "event" in fields:
                    self.last_id = fields.get("id", self.last_id)
                    return Heard(fields.get("id", ""), fields["event"], json.loads(fields["data"]))
                else:
                    fields = {}
        return None

    async def types(self, count: int) -> list[str]:
        """The types of so many next events, or of fewer, if it ends before."""
        found: list[str] = []
        while len(found) < count and (heard := await self.next()) is not None:
            found.append(heard.type)
        return found


@asynccontextmanager
async def listening(
    url: str, *, key: str | None = KEY, last_id: str | None = None, **headers: str
) -> AsyncIterator[Listener]:
    """Listen to a stream for as long as the block lasts."""
    given = {"Accept": "text/event-stream", **headers}
    if key is not None:
        given["Authorization"] = f"Bearer {key}"
    if last_id is not None:
        given["Last-Event-ID"] = last_id
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session,
        session.get(url, headers=given) as response,
    ):
        yield Listener(response)
