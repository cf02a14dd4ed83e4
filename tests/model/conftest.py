"""A server, and worlds whose bots adopt through their own ledger."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import structlog

import greenroom.bots.run
from greenroom.app.rooms.requests import Leave
from tests.model.world import World
from tests.rigs.redis_world import client, patient_ledger


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """A line in the log for each change of state would take longer than the change."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture
def new_world(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], World]]:
    """A world, empty; one at a time."""
    server, ledger = client(redis_url), patient_ledger(redis_url)
    monkeypatch.setattr(Leave, "within", timedelta(0))

    def new() -> World:
        worlds[:] = [World(server, ledger)]
        return worlds[0]

    worlds: list[World] = []
    monkeypatch.setattr(greenroom.bots.run, "_ledger_of_this_process", lambda _: worlds[0].wire)
    yield new
    ledger.close()
    server.close()
