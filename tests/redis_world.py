"""A real Redis whose time a test can move."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import redis
import uvloop

from greenroom.app.embedded_redis import temporary_redis
from greenroom.app.rooms.ledger import Step
from greenroom.app.storage.async_ledger import AsyncRedisLedger

DEADLINES = ("rooms:keepalive", "hosts", "launches:waiting")
DATED = ("launches:served",)


@contextmanager
def redis_server() -> Iterator[str]:
    """The URL of a server of one's own."""
    with temporary_redis() as settings:
        yield settings.redis_url


def client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, decode_responses=True)


def flush(server: "redis.Redis") -> None:
    """Empty, as if it had been so for long: nobody waits for bots that may be alive."""
    server.flushall()
    settle(server)


def settle(server: "redis.Redis") -> None:
    """Every bot that lives has had the time to register."""
    server.set("memory", "settled")


def pass_time(url: str, by: timedelta) -> None:
    """Make everything in Redis older: what lives shorter than that is gone, what is dated was earlier."""
    by_ms = by // timedelta(milliseconds=1)
    with client(url) as server:
        for key in list(server.scan_iter()):
            _grow_older(server, key, by_ms)
            left = server.pttl(key)
            if left > 0:
                server.pexpire(key, left - by_ms)  # zero and less: gone at once


def _grow_older(server: "redis.Redis", key: str, by_ms: int) -> None:
    if key in DEADLINES:
        for member, deadline in server.zrange(key, 0, -1, withscores=True):
            server.zadd(key, {member: deadline - by_ms})
    elif key.startswith(("room_keepalive:", "room_active:")):
        card = json.loads(server.get(key))
        dated = {
            name: card[name] - by_ms
            for name in ("timestamp", "since", "asked", "tried", "doubted")
            if name in card
        }
        server.set(key, json.dumps({**card, **dated}), keepttl=True)
    elif key == "memory":
        if " " in (memory := server.get(key)):
            counted, seen = memory.split()
            server.set(key, f"{counted} {int(seen) - by_ms}")
    elif key in DATED:
        server.decrby(key, by_ms)
    elif key.endswith(":inbox"):
        _date_back(server, key, by_ms)
    elif server.type(key) == "hash" and key.startswith("session:"):
        for name in ("created_ms", "updated_ms", "alone_ms"):
            if server.hexists(key, name):
                server.hincrby(key, name, -by_ms)
        if crashes := server.hget(key, "crashes"):
            earlier = ",".join(str(int(at) - by_ms) for at in crashes.split(","))
            server.hset(key, "crashes", earlier)


def _date_back(server: "redis.Redis", inbox: str, by_ms: int) -> None:
    entries, left = server.xrange(inbox), server.pttl(inbox)
    server.delete(inbox)
    for entry_id, fields in entries:
        server.xadd(inbox, {**fields, "expires": int(fields["expires"]) - by_ms}, id=entry_id)
    server.pexpire(inbox, left)


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
