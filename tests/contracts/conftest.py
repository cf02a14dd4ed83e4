"""Every test here runs on the ledger of web processes and tasks, and on the awaited one of bots."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import redis

from greenroom.app.rooms.ledger import Ledger
from greenroom.app.storage.ledger import RedisLedger
from tests.rigs.redis_world import Awaited, pass_time, patient_awaited, patient_ledger, settle


@dataclass(frozen=True)
class World:
    """A ledger, and what a test may do to it from outside."""

    ledger: Ledger
    pass_time: Callable[[timedelta], None]
    wipe: Callable[[], None]
    settle: Callable[[], None]


KINDS = {"waited for": patient_ledger, "awaited": patient_awaited}


@pytest.fixture(scope="session")
def ledgers(redis_url: str) -> Iterator[dict[str, RedisLedger | Awaited]]:
    """Their connections outlive the tests: making new ones takes longer than most of them."""
    made = {kind: make(redis_url) for kind, make in KINDS.items()}
    yield made
    for ledger in made.values():
        ledger.close()


@pytest.fixture(params=KINDS)
def world(
    request: pytest.FixtureRequest,
    ledgers: dict[str, RedisLedger | Awaited],
    redis_url: str,
    server: "redis.Redis",
) -> World:
    return World(
        ledgers[request.param],
        lambda by: pass_time(redis_url, by),
        lambda: server.flushall(),
        lambda: settle(server),
    )


@pytest.fixture
def ledger(world: World) -> Ledger:
    return world.ledger
