"""A real Redis whose time a test can move."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import redis
import uvloop

from greenroom.app.local.embedded_redis import temporary_redis
from greenroom.app.rooms.ledger import Step
from greenroom.app.storage import async_ledger
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.app.storage.ledger import CLIENT_OPTIONS, RedisLedger
from tests.rigs.glass import Glass


@contextmanager
def redis_server() -> Iterator[str]:
    """The URL of a server of one's own, which waits for no disk: on a busy one it would be late."""
    with temporary_redis() as settings:
        with client(settings.redis_url) as server:
            server.config_set("appendfsync", "no")
        yield settings.redis_url


def client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, decode_responses=True, driver_info=None)  # None: see CLIENT_OPTIONS


def patient_ledger(url: str) -> RedisLedger:
    """One that takes a Redis that is late on a busy machine for no Redis that is away."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CLIENT_OPTIONS, "socket_timeout", 60)  # seconds
        return RedisLedger(url)


def flush(server: "redis.Redis") -> None:
    """Empty, as if it had been so for long: nobody waits for bots that may be alive."""
    server.flushall()
    settle(server)


def settle(server: "redis.Redis") -> None:
    """Every bot that lives has had the time to register."""
    server.set("memory", "settled")


def pass_time(url: str, by: timedelta) -> None:
    """Make everything in Redis older: what lives shorter than that is gone, what is dated was earlier."""
    with client(url) as server:
        Glass(server).look(after_ms=by // timedelta(milliseconds=1))


def patient_awaited(url: str) -> "Awaited":
    """The same of the ledger that bots await."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(async_ledger, "ANSWER_WITHIN", timedelta(seconds=60))
        return Awaited(url)


class Awaited:
    """The asynchronous ledger with the face of the synchronous one."""

    def __init__(self, url: str, *, retries: int = 1) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)  # as bots do
        self._ledger = AsyncRedisLedger(url, retries=retries)

    def run(self, step: Step[Any]) -> Any:
        return self._runner.run(self._ledger.run(step))

    def run_all(self, steps: Sequence[Step[Any]]) -> list[Any]:
        return self._runner.run(self._ledger.run_all(steps))

    def close(self) -> None:
        self._runner.run(self._ledger.close())
        self._runner.close()
