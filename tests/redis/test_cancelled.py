"""Whoever is cancelled while Redis is asked is cancelled, whatever the libraries below make of it."""

import asyncio

import pytest
from redis.asyncio.client import Pipeline

from greenroom.app.rooms.clock import Now
from greenroom.app.storage.async_ledger import AsyncRedisLedger

pytestmark = pytest.mark.anyio


async def test_a_cancellation_that_is_lost_below_is_not_lost(redis_url, server, monkeypatch):
    theirs = Pipeline.execute

    async def execute(pipeline, **options):
        """As `asyncio.wait_for` before Python 3.12, where what it waits for is done in the same moment."""
        asyncio.current_task().cancel()
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            pass
        return await theirs(pipeline, **options)

    monkeypatch.setattr(Pipeline, "execute", execute)
    ledger = AsyncRedisLedger(redis_url)

    task = asyncio.create_task(ledger.run(Now()))
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    await ledger.close()

    assert isinstance(outcome, asyncio.CancelledError)
