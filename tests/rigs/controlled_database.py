"""A database that tests share: it waits for no disk, and who has used it leaves it empty and without a connection."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.pool import Pool

from greenroom.app.conversations.database import Database
from greenroom.app.conversations.tables import metadata


@contextmanager
def in_a_hurry() -> Iterator[None]:
    """What SQLite writes meanwhile need not outlive a power cut: on a busy disk each transaction would take long."""

    def hurry(connection: Any, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")

    event.listen(Pool, "connect", hurry)
    yield
    event.remove(Pool, "connect", hurry)


def leave_empty(database: Database) -> None:
    if database.engine.pool.checkedin():  # type: ignore[attr-defined]  # else nobody has asked it for anything
        with database.writing() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
    database.close()
