"""What both databases say in the same way, and SQLAlchemy in two."""

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_into(connection: Connection, table: Table) -> Any:
    """An INSERT that may say what shall be where there is such a row already."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
