"""The metrics of the process `events`: what waits to be stored."""

import time

import pytest

from greenroom.app.events import waiting
from greenroom.app.rooms.conversations import Record, Turn
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from tests.rigs.event_streams import listening, served
from tests.rigs.ports import free_port

pytestmark = pytest.mark.anyio

LATE = 90  # seconds
CANARY = "a-word-that-nobody-else-says"


def say(ledger, conversation, *, ago=0):
    ended_ms = round((time.time() - ago) * 1000)
    turn = Turn(f"{conversation}-{ago}", "user", CANARY, epoch=7, started_ms=ended_ms, ended_ms=ended_ms)
    ledger.run(Record("a-session", conversation, 7, turn, owner="main/ann"))


@pytest.fixture
async def events(redis_url, server):
    async with served(redis_url) as it:
        yield it


async def metrics(events):
    async with listening(f"{events.url}/metrics", key=None) as listener:
        assert listener.status == 200
        text = await listener.response.text()
    assert CANARY not in text
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in text.splitlines())}


async def test_what_waits_to_be_stored_is_in_the_metrics_with_its_age(events, ledger):
    say(ledger, "one", ago=LATE)
    for ago in (2, 1):
        say(ledger, "another", ago=ago)

    figures = await metrics(events)

    assert figures["greenroom_outbox_conversations"] == 2
    assert figures["greenroom_outbox_turns"] == 3
    assert figures["greenroom_outbox_fullest_turns"] == 2
    assert LATE <= figures["greenroom_outbox_oldest_seconds"] < LATE + 60


async def test_where_nothing_waits_the_metrics_say_so(events):
    figures = await metrics(events)

    waits = {value for name, value in figures.items() if name.startswith("greenroom_outbox_")}
    assert waits == {0.0}


async def test_while_redis_is_away_nothing_is_said_of_what_waits():
    nowhere = AsyncRedisLedger(f"redis://127.0.0.1:{free_port()}/0")
    try:
        assert await waiting.gauges(nowhere)() == {}
    finally:
        await nowhere.close()
