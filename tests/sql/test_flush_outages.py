"""The flush while the database is stopped, killed, frozen, locked or full: what is said waits, and nothing is lost."""

import subprocess
import sys
import time
from datetime import timedelta

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.conversations.database import Database, Patience
from greenroom.app.conversations.migrating import migrate
from greenroom.app.rooms.flushing import Flusher
from greenroom.app.rooms.outboxes import WaitingOutboxes
from greenroom.app.rooms.pauses import LONGEST_PAUSE
from tests.rigs.postgresql import postgresql_server
from tests.sql.worlds import kept, say

SOON = Patience(connection=2, lock=1, statement=2)
IN_TIME = timedelta(seconds=40)  # that one flush may take: far below for ever, far above what the bounds say

# Holds the file's lock until a line is written to it
HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
"""


class Clock:
    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return time.monotonic() + self.ahead


class Flushing:
    """One flusher, for which pauses are over at once, and somebody who talks."""

    def __init__(self, ledger, url):
        self.ledger, self.said = ledger, 0
        self.database = Database(url, patience=SOON)
        self._clock = Clock()
        self._flusher = Flusher(ledger, SqlArchive(self.database), clock=self._clock)

    def say(self, count):
        for _ in range(count):
            say(self.ledger, self.said)
            self.said += 1

    def flush(self):
        """What the log says of it."""
        self._clock.ahead += LONGEST_PAUSE.total_seconds()
        began = time.monotonic()
        with capture_logs() as lines:
            self._flusher.flush()
        assert time.monotonic() - began < IN_TIME.total_seconds()
        return [line["event"] for line in lines]

    def must_be_whole(self):
        for _ in range(5):  # a server that has just come back may refuse once more
            if not self.flush():
                break
        assert kept(self.database) == [f"turn-{number}" for number in range(self.said)]
        assert self.ledger.run(WaitingOutboxes()) == []


@pytest.fixture
def server_alone(postgresql):
    with postgresql_server(options=()) as server:  # what is committed outlives its being killed
        migrate(server.url)
        yield server


@pytest.fixture
def on_postgresql(ledger, server_alone):
    flushing = Flushing(ledger, server_alone.url)
    flushing.say(3)
    assert flushing.flush() == []
    yield flushing
    flushing.database.close()


@pytest.fixture
def on_sqlite(ledger, sqlite_file):
    flushing = Flushing(ledger, f"sqlite:///{sqlite_file}")
    flushing.say(3)
    assert flushing.flush() == []
    yield flushing
    flushing.database.close()


@pytest.mark.heavy
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_server_that_was_away_has_everything_when_it_is_back(on_postgresql, server_alone, how):
    getattr(server_alone, how)()
    for _ in range(3):
        on_postgresql.say(10)
        assert on_postgresql.flush() == ["flush_failed"]
    server_alone.start()
    on_postgresql.say(1)

    on_postgresql.must_be_whole()


@pytest.mark.heavy
def test_a_server_that_is_frozen_holds_up_nobody_for_long(on_postgresql, server_alone):
    server_alone.freeze()
    try:
        on_postgresql.say(10)
        assert on_postgresql.flush() == ["flush_failed"]
    finally:
        server_alone.thaw()

    on_postgresql.must_be_whole()


@pytest.mark.heavy
def test_a_server_that_is_killed_while_a_batch_is_stored_has_it_once(on_postgresql, server_alone):
    on_postgresql.say(10)

    @event.listens_for(on_postgresql.database.engine, "commit", once=True)
    def kill(_):
        server_alone.kill()

    assert on_postgresql.flush() == ["flush_failed"]
    server_alone.start()

    on_postgresql.must_be_whole()


@pytest.mark.heavy
def test_a_file_that_another_process_has_locked_is_waited_for_and_given_up(on_sqlite, sqlite_file):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(sqlite_file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "locked\n"
    on_sqlite.say(10)
    assert on_sqlite.flush() == ["flush_failed"]
    holder.communicate("go on\n", timeout=60)

    on_sqlite.must_be_whole()


def test_a_disk_that_is_full_loses_nothing(on_sqlite):
    """SQLite says the same where it may not add a page."""

    def fill(connection, *_):
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    on_sqlite.database.engine.dispose()
    event.listen(on_sqlite.database.engine, "connect", fill)
    for _ in range(3):
        on_sqlite.say(300)
        assert on_sqlite.flush() == ["flush_failed"]
    event.remove(on_sqlite.database.engine, "connect", fill)
    on_sqlite.database.engine.dispose()

    on_sqlite.must_be_whole()
