"""The events process's root: builds its parts, joins them, and runs until it is told to stop."""

import asyncio
import resource
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web

from greenroom.app import logging
from greenroom.app import settings as app_settings
from greenroom.app.errors.storage import RedisAway
from greenroom.app.events.feed import Feed, Happened
from greenroom.app.events.hub import Hub
from greenroom.app.events.impatience import has_come, impatient
from greenroom.app.events.server import EventServer
from greenroom.app.events.webhooks import couriers, gauges
from greenroom.app.settings import Settings
from greenroom.app.storage.async_ledger import AsyncRedisLedger

STOPS_WITHIN = 2.0  # seconds for those who are hung up on to be told so
RETRY_AFTER = 0.5  # seconds
WAITS_TO_BE_TAKEN = 4096  # connections, as when all come back after a restart

log = structlog.get_logger(__name__)


def main() -> None:
    """Run until SIGTERM or SIGINT.  Raises SettingsError."""
    settings = app_settings.load(keys=(app_settings.API_KEY, app_settings.SIGNING_SECRET))
    logging.configure(settings)
    open_as_many_files_as_one_may()
    import uvloop

    uvloop.run(serve(settings))


async def serve(settings: Settings) -> None:
    """Tell what happens, until this process is told to stop."""
    ledger = AsyncRedisLedger(settings.redis_url)
    feed = Feed(ledger)
    hub = Hub(feed)
    server = EventServer(settings, ledger, feed, hub)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await first_load(feed, stopped)
    listening = await listen(settings, server)
    senders = couriers(settings, ledger, feed)
    server.gauges.append(gauges(senders, ledger))

    def publish(news: Sequence[Happened]) -> None:
        hub.publish(news)
        for sender in senders:
            sender.wake()

    work = [feed.run(publish), server.beat(), *(sender.run() for sender in senders)]
    tasks = [asyncio.create_task(each) for each in work]
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
    hub.close()
    for task in (*tasks, stopping):
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    await listening.close()
    await ledger.close()
    for result in results:
        if isinstance(result, Exception):
            raise result


async def first_load(feed: Feed, stopped: asyncio.Event) -> None:
    """Read what there is, however long Redis is away, unless this process is told to stop meanwhile."""
    while not stopped.is_set():
        try:
            return await feed.load()
        except RedisAway:
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_AFTER):
                    await stopped.wait()


@dataclass(frozen=True)
class Listening:
    """The open port, and what answers there."""

    listener: asyncio.Server
    runner: web.AppRunner

    async def close(self) -> None:
        """Take nobody any more, and let those who are served be told that it is over."""
        self.listener.close()
        await self.runner.cleanup()


async def listen(settings: Settings, server: EventServer) -> Listening:
    """Open the port.  Raises OSError."""
    clocks: dict[Any, asyncio.TimerHandle] = {}

    @web.middleware
    async def stop_clock(request: web.Request, handler: Any) -> web.StreamResponse:
        has_come(clocks, request.protocol)
        answer: web.StreamResponse = await handler(request)
        return answer

    application = server.application()
    application.middlewares.insert(0, stop_clock)
    runner = web.AppRunner(
        application, handler_cancellation=True, access_log=None, shutdown_timeout=STOPS_WITHIN
    )
    await runner.setup()
    protocols = impatient(runner.server, clocks)  # type: ignore[arg-type]
    listener = await asyncio.get_running_loop().create_server(
        protocols, settings.events_host, settings.events_port, backlog=WAITS_TO_BE_TAKEN
    )
    return Listening(listener, runner)


def open_as_many_files_as_one_may() -> None:
    """Each stream is a file; many systems begin with 1024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
