"""PostgreSQL, and how long its server may say nothing: where SQLite is used, nothing here is imported."""

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import URL, Engine, create_engine

from greenroom.app.conversations.database import Patience

# Seconds past a statement's bound: a server that is frozen, or cut off, ends nothing by itself
SILENT_FOR = 2

RV = TypeVar("RV")


class _BoundedConnection(psycopg.Connection[Any]):
    """One that is given up when its server does not answer in time."""

    answer_within: float = Patience().statement + SILENT_FOR

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        try:
            return super().wait(gen, interval, self.answer_within if timeout is None else timeout)
        except psycopg.errors._WaitTimeout:
            self.pgconn.finish()  # what it was doing is unknown; the server rolls it back, or has committed it
            raise psycopg.OperationalError(f"no answer within {self.answer_within:.0f} s") from None


def engine(url: URL, common: dict[str, Any], patience: Patience) -> Engine:
    """`common` is what the engine is made with whatever the database is."""
    given = url.translate_connect_args(username="user", database="dbname")
    bounds = {
        "connect_timeout": patience.connection,
        "application_name": "greenroom",
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "options": (
            f"-c statement_timeout={patience.statement}s -c lock_timeout={patience.lock}s "
            f"-c idle_in_transaction_session_timeout={patience.statement}s"
        ),
    }

    def connect() -> psycopg.Connection[Any]:
        connection = _BoundedConnection.connect(**{**bounds, **given, **url.query})
        connection.answer_within = patience.statement + SILENT_FOR
        return connection

    return create_engine(url, creator=connect, **common)
