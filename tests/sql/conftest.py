"""Both databases: what a test here says is true of SQLite and of PostgreSQL."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from greenroom.app.conversations.database import Database, Patience
from greenroom.app.conversations.migrating import migrate
from greenroom.app.conversations.tables import metadata
from greenroom.app.storage.ledger import RedisLedger
from tests.rigs.controlled_database import in_a_hurry
from tests.rigs.postgresql import PostgreSQLServer, is_there, postgresql_server
from tests.rigs.redis_world import patient_ledger

KINDS = ("sqlite", pytest.param("postgresql", marks=pytest.mark.heavy))
PATIENT = Patience(connection=60, lock=60, statement=60)  # on a busy machine a database is late, and not away
# Whoever the test before has left connected may have locks
CUT_OTHERS_OFF = (
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)
EMPTY_ALL = "; ".join(f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables))


@pytest.fixture(scope="session", autouse=True)
def _in_a_hurry() -> Iterator[None]:
    with in_a_hurry():
        yield


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQLServer]:
    """The server of this test process; its database has all tables, and `database_url` empties them."""
    if not is_there():
        pytest.skip("there is no PostgreSQL here; scripts/install-postgresql gets one")
    with postgresql_server() as server:
        migrate(server.url)
        yield server


@pytest.fixture(scope="session")
def janitor(postgresql: PostgreSQLServer) -> Iterator[psycopg.Connection[Any]]:
    """A connection that empties the server's database before a test."""
    with psycopg.connect(postgresql.url, autocommit=True) as connection:
        yield connection


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a database without tables is."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'greenroom.db'}"
        return
    server: PostgreSQLServer = request.getfixturevalue("postgresql")
    name = f"of_{os.urandom(6).hex()}"
    with psycopg.connect(server.url_of("template1"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "template0"')
        yield server.url_of(name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest) -> str:
    """Where a database with all tables is, which are empty."""
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('sqlite_file')}"
    server: PostgreSQLServer = request.getfixturevalue("postgresql")
    janitor: psycopg.Connection[Any] = request.getfixturevalue("janitor")
    janitor.execute(CUT_OTHERS_OFF)
    janitor.execute(EMPTY_ALL)
    return server.url


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
