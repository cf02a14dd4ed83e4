"""The database: where it is, how it is reached, and how long anybody waits for it.

Every wait has a bound: for a connection, for a lock, for a statement, and for a server that says nothing any more.  Who
asks for something that cannot be had in time is told DatabaseAway, and does without.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from greenroom.app.errors.storage import DatabaseAway, DatabaseDamaged, DatabaseLocked, DatabaseOld

POOL = 4  # connections that a process keeps
BESIDES = 8  # more, while many ask at once
PAGES_AT_ONCE = 500  # of 4 KB, that SQLite gives back to the disk in one go: others wait meanwhile
LACKING = {"42P01", "42703"}  # what PostgreSQL says of a table or a column that is not there


@dataclass(frozen=True)
class Patience:
    """For how long the database is waited for."""

    connection: int = 2  # seconds; also for one of the pool to be given back
    lock: int = 5  # seconds: in SQLite one process writes at a time
    statement: int = 8  # seconds, by PostgreSQL's own clock


class Database:
    """One database, for one process.  Building it connects to nothing; a file that is not there is made by whoever
    migrates, and by nobody else."""

    def __init__(self, url: str, *, pooled: bool = True, patience: Patience | None = None) -> None:
        self.url = _normal(url)
        self.patience = patience or Patience()
        self.engine = _engine(self.url, pooled, self.patience)

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def is_made(self) -> bool:
        """Whether there is a file, or a server is asked, where nobody can tell before."""
        return not self.is_sqlite or _path(self.url).exists()

    def make(self) -> None:
        """Make a file where one is lacking.  It is nobody else's to read; SQLite gives its others the same mode."""
        if not self.is_made:
            _path(self.url).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(_path(self.url), os.O_RDWR | os.O_CREAT, 0o600))

    @property
    def address(self) -> str:
        """Where it is, for people: without credentials."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with: what it reads is of one moment.  Raises DatabaseAway."""
        with _away(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: all of it is kept when the block ends, or nothing if it raises.  Raises DatabaseAway.

        In SQLite it has the lock from its beginning: one that began by reading could not wait for its turn to write.
        """
        with _away(), self.engine.connect() as connection:
            connection = connection.execution_options(greenroom_writes=True)
            with connection.begin():
                yield connection

    def try_to_write(self) -> None:
        """Raises DatabaseLocked where another program keeps a SQLite file locked; DatabaseAway."""
        try:
            with self.writing():
                pass
        except DatabaseAway as error:
            if not self.is_sqlite:
                raise
            raise DatabaseLocked(
                "It answers, and nothing can be written: another program has held its lock for "
                f"{self.patience.lock} s. `fuser -v {_path(self.url)}` says which one."
            ) from error

    def overwrite_what_was_deleted(self) -> bool:
        """SQLite overwrites rows that are deleted, but its log has them until it is emptied: that is done here.

        False if somebody was reading an earlier state all the while; then the next one does it.
        """
        if not self.is_sqlite:
            return True
        with _away(), self.engine.connect() as connection:
            own: Any = connection.connection.driver_connection
            try:
                is_busy, *_ = own.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.OperationalError:  # another process empties it
                return False
        return not is_busy

    def shrink(self) -> None:
        """Give room that rows had back to the disk, a piece at a time; PostgreSQL's vacuum sees to that by itself."""
        if not self.is_sqlite:
            return
        with _away(), self.engine.connect() as connection:
            own: Any = connection.connection.driver_connection
            while own.execute("PRAGMA freelist_count").fetchone() > (0,):
                before = own.execute("PRAGMA page_count").fetchone()
                own.execute(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})").fetchall()
                if (
                    own.execute("PRAGMA page_count").fetchone() == before
                ):  # it was made without this possibility
                    break
        self.overwrite_what_was_deleted()

    def learn_to_shrink(self) -> None:
        """Let a SQLite file that was made without this possibility give room back from now on, by writing it anew once.

        Whoever works on it meanwhile keeps it from that; it is done the next time then.
        """
        if not self.is_sqlite:
            return
        with _away(), self.engine.connect() as connection:
            own: Any = connection.connection.driver_connection
            if own.execute("PRAGMA auto_vacuum").fetchone() != (0,):
                return
            own.execute("PRAGMA auto_vacuum = INCREMENTAL")
            with suppress(sqlite3.OperationalError):
                own.execute("VACUUM")

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def _away() -> Iterator[None]:
    """Tell what may pass, or be mended; data that no database would take, and our mistakes, are raised as they are."""
    try:
        yield
    except (OperationalError, InterfaceError, NoConnectionFree) as error:
        raise DatabaseAway(because=_why(error)) from error
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in LACKING:
            raise DatabaseOld from error
        if type(error) is DatabaseError:
            raise DatabaseDamaged(because=_why(error)) from error
        if error.connection_invalidated:
            raise DatabaseAway(because=_why(error)) from error
        raise


def _why(error: Exception) -> str:
    """The kind of the failure: a message may quote the statement, and what was said in it."""
    return type(getattr(error, "orig", None) or error).__name__


def _normal(url: str) -> URL:
    parsed = make_url(url)
    return parsed.set(drivername="sqlite" if parsed.drivername == "sqlite" else "postgresql+psycopg")


def _engine(url: URL, pooled: bool, patience: Patience) -> Engine:
    if pooled:
        pool: dict[str, Any] = {
            "pool_size": POOL,
            "max_overflow": BESIDES,
            "pool_timeout": patience.connection,
            "pool_pre_ping": True,  # a server that was started again is no failure of the next who asks
            "pool_use_lifo": True,
        }
    else:
        pool = {"poolclass": NullPool}
    # A message of SQLAlchemy's quotes the parameters, which are what was said
    common: dict[str, Any] = {"hide_parameters": True, **pool}
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, common, patience)
    from greenroom.app.conversations import postgresql  # psycopg is 0.1 s and some MB in each process

    return postgresql.engine(url, common, patience)


def _sqlite(url: URL, common: dict[str, Any], patience: Patience) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{_path(url).as_uri()}?mode=rw",  # without `c`: one that is not there is not made by who reads
            uri=True,
            timeout=patience.lock,
            isolation_level=None,  # transactions begin where we say so, below
            check_same_thread=False,  # the pool gives a connection to one thread at a time
        )
        if connection.execute("PRAGMA page_count").fetchone() == (0,):  # later it would wait for who writes
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        _keep_a_log(connection, patience)
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is not in the file any more
        connection.execute("PRAGMA synchronous = FULL")  # what is committed outlives a power cut
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    engine = create_engine(url, creator=connect, **common)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("greenroom_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _keep_a_log(connection: sqlite3.Connection, patience: Patience) -> None:
    """In WAL mode who reads waits for nobody.  The file keeps the mode; of several that turn it on at once, SQLite
    refuses all but one without letting them wait."""
    until = time.monotonic() + patience.lock
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def _path(url: URL) -> Path:
    return Path(url.database or "").absolute()
