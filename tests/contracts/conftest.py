"""Every test here runs on the ledger of web processes and tasks, and on the awaited one of bots."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from greenroom.app.rooms.ledger import Ledger
from tests.rigs.redis_world import Awaited, client, flush, pass_time, patient_ledger, settle


@dataclass(frozen=True)
class World:
    """A ledger, and what a test may do to it from outside."""

    ledger: Ledger
    pass_time: Callable[[timedelta], None]
    wipe: Callable[[], None]
    settle: Callable[[], None]


@pytest.fixture(params=[patient_ledger, Awaited], ids=["waited for", "awaited"])
def world(request: pytest.FixtureRequest, redis_url: str) -> Iterator[World]:
    ledger = request.param(redis_url)
    with client(redis_url) as server:
        flush(server)
        yield World(
            ledger, lambda by: pass_time(redis_url, by), lambda: server.flushall(), lambda: settle(server)
        )
    ledger.close()


@pytest.fixture
def ledger(world: World) -> Ledger:
    return world.ledger
