"""Both databases: what a test here says is true of SQLite and of PostgreSQL."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from greenroom.app.conversations.database import Database, Patience
from greenroom.app.conversations.migrating import migrate
from greenroom.app.storage.ledger import RedisLedger
from tests.rigs.controlled_database import in_a_hurry
from tests.rigs.postgresql import PostgreSQLServer, is_there, postgresql_server
from tests.rigs.redis_world import patient_ledger

KINDS = ("sqlite", "postgresql")
PATIENT = Patience(connection=60, lock=60, statement=60)  # on a busy machine a database is late, and not away


@pytest.fixture(scope="session", autouse=True)
def _in_a_hurry() -> Iterator[None]:
    with in_a_hurry():
        yield


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQLServer]:
    """The server of this test process; each test has a database of its own in it."""
    if not is_there():
        pytest.skip("there is no PostgreSQL here; scripts/install-postgresql gets one")
    with postgresql_server() as server:
        migrate(server.url_of("postgres"))
        yield server


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a database without tables is."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'greenroom.db'}"
        return
    server: PostgreSQLServer = request.getfixturevalue("postgresql")
    yield from _of_its_own(server, "template0")


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a database with all tables is."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'greenroom.db'}"
        migrate(url)
        yield url
        return
    server: PostgreSQLServer = request.getfixturevalue("postgresql")
    yield from _of_its_own(server, "postgres")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    it = Database(database_url, patience=PATIENT)
    yield it
    it.close()


@pytest.fixture
def ledger(redis_url: str, server: "redis.Redis") -> Iterator[RedisLedger]:
    it = patient_ledger(redis_url)
    yield it
    it.close()


def _of_its_own(server: PostgreSQLServer, template: str) -> Iterator[str]:
    name = f"of_{os.urandom(6).hex()}"
    with psycopg.connect(server.url_of("template1"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        yield server.url_of(name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
