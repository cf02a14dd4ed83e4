"""Inserting into both databases, which SQLAlchemy and PostgreSQL make two different things of."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_into(connection: Connection, table: Table) -> Any:
    """An INSERT that may say what shall be where there is such a row already."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def storable(value: Any) -> Any:
    """The same without zero characters, which PostgreSQL has no place for."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, Mapping):
        return {name: storable(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [storable(part) for part in value]
    return value


def insert_new(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], *names: Any
) -> set[tuple[Any, ...]]:
    """Insert those that are not there; returns their names."""
    if not rows:
        return set()
    statement = insert_into(connection, table).on_conflict_do_nothing().returning(*names)
    return {tuple(row) for row in connection.execute(statement, rows)}
