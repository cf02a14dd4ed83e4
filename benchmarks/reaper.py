"""A pass of the reaper over a hundred thousand rooms with live bots, against a SCAN over the same keys.

    make bench-reaper

The reaper reads only what is overdue, so its pass does not grow with the rooms; looking at every keepalive does.
A second figure has a hundred rooms that are overdue, each looked at in full.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import redis

from benchmarks import report
from greenroom.app.local.embedded_redis import temporary_redis
from greenroom.app.rooms.deadlines import SetDeadline
from greenroom.app.rooms.leases import STALE_AFTER
from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.line import Push
from greenroom.app.rooms.reaping import Reaper
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Session
from greenroom.app.storage import keys
from greenroom.app.storage.ledger import RedisLedger

ROOMS = 100_000
OVERDUE = 100
ROUNDS = 15
BATCH = 1000


class NoLaunches:
    """Nobody is launched here."""

    def launch(self, session: Session, token: str, *, in_front: bool = False) -> Push:
        raise AssertionError("a bot that beats was superseded")

    def transition(self, session: Session, epoch: int, *, again: bool = False) -> Step[bool]:
        raise AssertionError("nobody moves here")


def main() -> None:
    """Fill, alternate, and print the result."""
    with temporary_redis() as settings, redis.Redis.from_url(settings.redis_url) as server:
        _fill(server)
        ledger = RedisLedger(settings.redis_url)
        reaper = Reaper(ledger, NoLaunches())

        def ours() -> float:
            started = time.perf_counter()
            reaper.reap()
            return (time.perf_counter() - started) * 1000

        def overdue() -> float:
            for number in range(OVERDUE):
                ledger.run(SetDeadline(Room.parse(f"local:room-{number}"), -STALE_AFTER))
            return ours()

        def peer() -> float:
            started = time.perf_counter()
            stale = sum(1 for age_ms in _ages_by_scan(server) if age_ms > STALE_AFTER.total_seconds() * 1000)
            assert stale == 0
            return (time.perf_counter() - started) * 1000

        ours()  # connected, and its scripts are loaded
        times = report.alternate(ROUNDS, ours=ours, overdue=overdue, peer=peer)
        ledger.close()
    ours_ms, peer_ms = report.median(times["ours"]), report.median(times["peer"])
    report.say(
        bench="reaper",
        ours=ours_ms,
        peer=peer_ms,
        peer_name="a SCAN over the same keepalives",
        unit="ms a pass",
        ratio=peer_ms / ours_ms,
        rooms=ROOMS,
        p99=round(report.percentile(times["ours"], 99), 3),
        with_overdue={"rooms": OVERDUE, "ms": round(report.median(times["overdue"]), 3)},
    )


def _fill(server: Any) -> None:
    """Live bots in every room, as their beats leave them."""
    seconds, micros = server.time()
    now_ms = seconds * 1000 + micros // 1000 + 3_600_000  # fresh for as long as this takes
    for start in range(0, ROOMS, BATCH):
        with server.pipeline(transaction=False) as pipeline:
            for number in range(start, start + BATCH):
                room = Room.parse(f"local:room-{number}")
                about = {"session_id": f"session-{number}", "epoch": "1"}
                lease = {**about, "status": "active", "owner": "h/j/1", "since": now_ms, "bot": "assistant"}
                pipeline.set(keys.lease(room), json.dumps(lease), px=86_400_000)
                beat = {**about, "timestamp": now_ms, "state": "live"}
                pipeline.set(keys.keepalive(room), json.dumps(beat), px=86_400_000)
                pipeline.zadd(keys.ROOMS_KEEPALIVE, {str(room): now_ms})
            pipeline.execute()


def _ages_by_scan(server: Any) -> Iterator[float]:
    seconds, micros = server.time()
    now_ms = seconds * 1000 + micros // 1000
    cursor = None
    while cursor != 0:
        cursor, names = server.scan(cursor or 0, match="room_keepalive:*", count=BATCH)
        for beat in server.mget(names) if names else ():
            yield now_ms - json.loads(beat)["timestamp"]


if __name__ == "__main__":
    main()
