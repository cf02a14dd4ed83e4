"""Which state the tables are in, and which one this code knows: told without Alembic, for those who only use them."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from greenroom.app.conversations.database import Database
from greenroom.app.conversations.tables import metadata
from greenroom.app.errors.storage import DatabaseForeign, DatabaseNewer, DatabaseOld

STEPS = (
    Path(__file__).parent / "migrations"
)  # each file's name begins with the state that it leads to, as in m0001_...


def states(steps: Path = STEPS) -> list[str]:
    """All that this code knows, in order."""
    return sorted(path.stem[1:5] for path in steps.glob("m*.py"))


def latest() -> str:
    """The state that this code works with."""
    return states()[-1]


def state_of(connection: Connection) -> str | None:
    """The state that the tables are in; None: there are none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    noted = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    return " and ".join(noted) if noted else None


def refuse_newer(state: str | None, known: list[str] | None = None) -> None:
    """Raises DatabaseNewer for a state that this code does not know."""
    if state is not None and state not in (known or states()):
        raise DatabaseNewer(state=state)


def refuse_foreign(connection: Connection, state: str | None) -> None:
    """Raises DatabaseForeign for tables of these names in no state: a part of a backup, or what others made."""
    if state is None and (there := metadata.tables.keys() & set(inspect(connection).get_table_names())):
        raise DatabaseForeign(tables=sorted(there))


def check(database: Database) -> None:
    """Raises DatabaseNewer or DatabaseOld if this code cannot work with the tables, DatabaseAway if nobody can tell."""
    state = None
    if database.is_made:
        with database.reading() as connection:
            state = state_of(connection)
    refuse_newer(state)
    if state != latest():
        raise DatabaseOld(state=state)
