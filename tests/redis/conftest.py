"""A real server for the session, empty for each test."""

from collections.abc import Iterator

import pytest
import redis

from greenroom.app.storage.ledger import RedisLedger


@pytest.fixture
def ledger(redis_url: str, server: "redis.Redis") -> Iterator[RedisLedger]:
    it = RedisLedger(redis_url)
    yield it
    it.close()
