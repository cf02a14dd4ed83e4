"""Every test here runs on the ledger in memory and on the real one, awaited or not, so that none drifts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from greenroom.app.rooms.ledger import Ledger
from greenroom.app.storage.ledger import RedisLedger
from tests.fakes.ledger import InMemoryLedger
from tests.redis_world import Awaited, client, flush, pass_time, redis_server, settle


@dataclass(frozen=True)
class World:
    """A ledger, and what a test may do to it from outside."""

    ledger: Ledger
    pass_time: Callable[[timedelta], None]
    wipe: Callable[[], None]
    settle: Callable[[], None]


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(params=["in memory", "redis", "redis, awaited"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "in memory":
        fake = InMemoryLedger()
        yield World(fake, fake.pass_time, fake.wipe, fake.settle)
        return
    url = request.getfixturevalue("redis_url")
    ledger = RedisLedger(url) if request.param == "redis" else Awaited(url)
    with client(url) as server:
        flush(server)
        yield World(ledger, lambda by: pass_time(url, by), lambda: server.flushall(), lambda: settle(server))
    ledger.close()


@pytest.fixture
def ledger(world: World) -> Ledger:
    return world.ledger
