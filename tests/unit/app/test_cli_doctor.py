"""`greenroom doctor`: what it tries besides reading."""

import sqlite3
from contextlib import closing

import pytest

from greenroom.app import cli_doctor, settings
from greenroom.app.conversations.migrating import migrate
from greenroom.app.errors import DatabaseLocked


def test_the_doctor_tells_a_database_that_is_locked_and_how_to_find_who_locks_it(tmp_path):
    """It said that the database answers, while nothing could be written for hours."""
    path = tmp_path / "greenroom.db"
    migrate(f"sqlite:///{path}")
    _, try_it = cli_doctor._database(settings.read({"DATABASE_URL": f"sqlite:///{path}"}))
    try_it()

    with closing(sqlite3.connect(path, isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseLocked, match=f"fuser -v {path}"):
            try_it()
        another.execute("ROLLBACK")
    try_it()
