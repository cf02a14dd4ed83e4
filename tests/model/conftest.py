"""A server, and worlds whose bots adopt through their own ledger."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import event

import greenroom.bots.run
from greenroom.app.conversations.database import Database, Patience
from greenroom.app.conversations.migrating import migrate
from greenroom.app.conversations.tables import metadata
from greenroom.app.rooms.requests.leaving import Leave
from tests.model.world import World
from tests.rigs.redis_world import client, patient_ledger


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """A line in the log for each change of state would take longer than the change."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One for all worlds, which is emptied for each."""
    url = f"sqlite:///{tmp_path_factory.mktemp('model') / 'greenroom.db'}"
    migrate(url)
    database = Database(url, patience=Patience(connection=60, lock=60, statement=60))

    @event.listens_for(database.engine, "connect")
    def wait_for_no_disk(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    yield database
    database.close()


@pytest.fixture
def new_world(
    redis_url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], World]]:
    """A world, empty; one at a time."""
    server, ledger = client(redis_url), patient_ledger(redis_url)
    monkeypatch.setattr(Leave, "within", timedelta(0))

    def new() -> World:
        with database.writing() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
        worlds[:] = [World(server, ledger, database)]
        return worlds[0]

    worlds: list[World] = []
    monkeypatch.setattr(greenroom.bots.run, "ledger_at", lambda _: worlds[0].wire)
    yield new
    ledger.close()
    server.close()
