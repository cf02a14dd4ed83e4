"""A real server for the session, empty for each test."""

from collections.abc import Iterator

import pytest
import redis

from greenroom.app.storage.ledger import RedisLedger
from tests.rigs.redis_world import client, flush


@pytest.fixture
def server(redis_url: str) -> Iterator["redis.Redis"]:
    """The server itself, for looking behind the ledger."""
    with client(redis_url) as it:
        flush(it)
        yield it


@pytest.fixture
def ledger(redis_url: str, server: "redis.Redis") -> Iterator[RedisLedger]:
    it = RedisLedger(redis_url)
    yield it
    it.close()
