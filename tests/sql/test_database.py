"""Reaching the database: every wait has its bound, and whoever cannot have it is told so in one way."""

import os
import queue
import stat
import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import IntegrityError

from greenroom.app.conversations.database import BESIDES, POOL, Database, Patience
from greenroom.app.conversations.tables import conversations, users
from greenroom.app.errors.storage import DatabaseAway, DatabaseDamaged, DatabaseOld
from tests.rigs.ports import free_port
from tests.rigs.postgresql import postgresql_server

SOON = Patience(lock=1, statement=1)
ANN = {"tenant": "main", "id": "ann", "created_ms": 1, "updated_ms": 1}
IN_TIME = timedelta(seconds=20)  # far below what nobody bounds, far above what a busy machine takes


@pytest.fixture
def impatient(database_url):
    it = Database(database_url, patience=SOON)
    yield it
    it.close()


@pytest.fixture
def postgresql_alone(postgresql):
    """A server that a test may stop and freeze."""
    with postgresql_server() as server:
        yield server


def is_told_in_time(database):
    began = time.monotonic()
    with pytest.raises(DatabaseAway) as refusal, database.reading() as connection:
        connection.execute(text("SELECT 1"))
    assert time.monotonic() - began < IN_TIME.total_seconds()
    return refusal.value


def people(database):
    with database.reading() as connection:
        return connection.execute(select(users.c.id)).scalars().all()


def test_what_is_written_in_a_block_is_kept_when_it_ends(database):
    with database.writing() as connection:
        connection.execute(users.insert(), ANN)

    assert people(database) == ["ann"]


def test_of_a_block_that_fails_nothing_is_kept(database):
    def add_ann_and_fail():
        with database.writing() as connection:
            connection.execute(users.insert(), ANN)
            raise KeyError

    with pytest.raises(KeyError):
        add_ann_and_fail()

    assert people(database) == []


def test_a_row_that_refers_to_nothing_is_refused(database):
    """SQLite looks only where it is told to, connection by connection."""
    nobodys = {"tenant": "main", "id": "c", "user_id": "nobody", "started_ms": 1, "last_ms": 1}
    for _ in range(2):
        with pytest.raises(IntegrityError), database.writing() as connection:
            connection.execute(conversations.insert(), nobodys)


def test_who_reads_waits_for_nobody_who_writes(database):
    with database.writing() as writing:
        writing.execute(users.insert(), ANN)

        assert people(database) == []


def test_a_lock_is_waited_for_until_it_is_free(database):
    with database.writing() as connection:
        connection.execute(users.insert(), ANN)
    with database.writing() as writing:
        writing.execute(users.update().values(updated_ms=3))
        other = threading.Thread(target=lambda: _rename(database))
        other.start()
        other.join(0.3)
        assert other.is_alive()
    other.join(20)

    with database.reading() as connection:
        assert connection.execute(select(users.c.updated_ms)).scalar_one() == 2


def _rename(database):
    with database.writing() as connection:
        connection.execute(users.update().values(updated_ms=2))


def test_of_two_who_read_before_they_write_the_second_waits_for_its_turn(database):
    """In SQLite neither could go on: each would wait for the other to stop reading."""
    with database.writing() as connection:
        connection.execute(users.insert(), ANN)
    second_begins = threading.Event()

    def read(connection):  # PostgreSQL locks rows where it is told to
        return connection.execute(select(users.c.updated_ms).with_for_update()).scalar_one()

    def add_one():
        second_begins.set()
        with database.writing() as connection:
            connection.execute(users.update().values(updated_ms=read(connection) + 1))

    second = threading.Thread(target=add_one)
    with database.writing() as first:
        found = read(first)
        second.start()
        assert second_begins.wait(20)
        second.join(0.3)
        assert second.is_alive()
        first.execute(users.update().values(updated_ms=found + 1))
    second.join(20)

    with database.reading() as connection:
        assert connection.execute(select(users.c.updated_ms)).scalar_one() == 3


def test_a_lock_that_is_held_on_is_given_up(database, impatient):
    with database.writing() as connection:
        connection.execute(users.insert(), ANN)
    with database.writing() as connection:
        connection.execute(users.update().values(updated_ms=3))
        began = time.monotonic()
        with pytest.raises(DatabaseAway):
            _rename(impatient)

    assert time.monotonic() - began < IN_TIME.total_seconds()
    assert people(impatient) == ["ann"]


def test_more_who_ask_than_there_are_connections_are_told_and_do_not_wait_for_ever(database_url):
    database = Database(database_url)
    held = [database.reading() for _ in range(POOL + BESIDES)]
    for one in held:
        one.__enter__()
    try:
        is_told_in_time(database)
    finally:
        for one in held:
            one.__exit__(None, None, None)

    assert people(database) == []
    database.close()


def test_a_process_that_reads_once_keeps_no_connection(database_url):
    once, closed = Database(database_url, pooled=False), []
    event.listen(once.engine, "close", lambda *_: closed.append(True))

    assert people(once) == []
    assert closed == [True]


def test_the_reason_quotes_nothing_that_was_to_be_stored(database):
    rows = [{**ANN, "profile": {"said": "marzipan"}}] * 2
    with pytest.raises(IntegrityError) as refusal, database.writing() as connection:
        connection.execute(users.insert(), rows)

    assert "marzipan" not in str(refusal.value)


def test_a_database_that_is_not_there_is_away():
    assert is_told_in_time(Database(f"postgresql://me@127.0.0.1:{free_port()}/greenroom")).facts == {
        "because": "OperationalError"
    }


def test_a_file_that_cannot_be_had_is_away(tmp_path):
    (tmp_path / "folder.db").mkdir()

    is_told_in_time(Database(f"sqlite:///{tmp_path / 'folder.db'}"))


def test_tables_that_are_not_there_are_told_and_are_no_mistake_of_ours(empty_url):
    database = Database(empty_url)
    database.make()
    with pytest.raises((DatabaseAway, DatabaseOld)), database.reading() as connection:
        connection.execute(select(users))
    database.close()


def test_who_reads_makes_no_file(tmp_path):
    is_told_in_time(Database(f"sqlite:///{tmp_path / 'var' / 'greenroom.db'}"))

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_told(tmp_path):
    path = tmp_path / "greenroom.db"
    path.write_bytes(b"This is the diary of a house." * 100)

    with pytest.raises(DatabaseDamaged), Database(f"sqlite:///{path}").reading():
        pass


def test_what_people_said_is_nobody_else_s_to_read(tmp_path):
    path = tmp_path / "var" / "greenroom.db"
    old = os.umask(0)
    try:
        database = Database(f"sqlite:///{path}")
        database.make()
        with database.writing() as connection:
            connection.execute(text("CREATE TABLE t (x INTEGER)"))
            modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(old)

    assert modes == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.heavy
def test_a_server_that_was_started_again_is_no_failure_of_the_next_who_asks(postgresql_alone):
    database = Database(postgresql_alone.url)
    with database.reading() as connection:
        connection.execute(text("SELECT 1"))
    postgresql_alone.stop()
    is_told_in_time(database)
    postgresql_alone.start()

    with database.reading() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    database.close()


@pytest.mark.heavy
def test_a_server_that_is_frozen_is_given_up(postgresql_alone):
    """It keeps the connection, and says nothing: without a bound of ours a thread would wait as long as it does."""
    database = Database(postgresql_alone.url, patience=SOON)
    with database.reading() as connection:
        connection.execute(text("SELECT 1"))
    postgresql_alone.freeze()
    try:
        is_told_in_time(database)  # over the connection that it has
        is_told_in_time(database)  # over a new one
    finally:
        postgresql_alone.thaw()

    with database.reading() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    database.close()


@pytest.mark.heavy
def test_a_statement_that_takes_too_long_is_given_up(postgresql):
    database = Database(postgresql.url, patience=SOON)
    began = time.monotonic()
    with pytest.raises(DatabaseAway), database.reading() as connection:
        connection.execute(text("SELECT pg_sleep(60)"))

    assert time.monotonic() - began < IN_TIME.total_seconds()
    database.close()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://me:secret@db/greenroom", "postgresql+psycopg://me:***@db/greenroom"),
        ("postgresql://db:5433/greenroom", "postgresql+psycopg://db:5433/greenroom"),
        ("sqlite:////var/greenroom.db", "sqlite:////var/greenroom.db"),
    ],
)
def test_where_it_is_is_said_without_a_password(url, shown):
    assert Database(url).address == shown


def _open(url, start, done):
    start.wait()
    try:
        database = Database(url, pooled=False)
        database.make()
        database.reading().__enter__()
        done.put("open")
    except DatabaseAway as error:
        done.put(str(error.__cause__))


def test_several_who_open_a_new_file_at_once_all_get_it(tmp_path):
    """To keep a write-ahead log a file is locked, and SQLite does not wait for that lock."""
    for round_ in range(20):
        url, done, start = f"sqlite:///{tmp_path / f'{round_}.db'}", queue.Queue(), threading.Barrier(8)
        threads = [threading.Thread(target=_open, args=(url, start, done)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert [done.get(timeout=1) for _ in threads] == ["open"] * 8
