"""Brings the tables to the state that this code knows, by the steps in `migrations/`, one after the other.

There is one line of steps.  All that are needed are done in one transaction, by one process at a time: whoever comes
second waits, and finds that nothing is left to do.  Alembic is used as a library, over our own connection and its
bounds; it has no configuration of its own.
"""

from collections.abc import Callable, Iterable
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from greenroom.app.conversations.database import Database, Patience
from greenroom.app.conversations.state import STEPS, refuse_foreign, refuse_newer, state_of, states
from greenroom.app.conversations.tables import metadata

NOTHING = "base"
LATEST = "head"
OUR_TURN = 7077_1959  # of PostgreSQL's advisory locks, which are numbers: nobody else takes this one
PATIENCE = Patience(connection=10, lock=600, statement=600)  # until others are done, and for a large table

_Steps = Callable[[Any, MigrationContext], Iterable[Any]]


def migrate(url: str, to: str = LATEST) -> tuple[str | None, str | None]:
    """Bring the tables to a state; returns the ones before and after.  Safe to repeat, and to do twice at once.

    Raises DatabaseNewer, and changes nothing, if a later version of this code has migrated it; DatabaseForeign, if
    others have made tables of these names; DatabaseAway.
    """
    database = Database(url, pooled=False, patience=PATIENCE)
    database.make()
    with database.writing() as connection:
        _take_turn(connection)
        before = state_of(connection)
        refuse_newer(before, states(STEPS))
        refuse_foreign(connection, before)
        _run(connection, to)
        after = state_of(connection)
    database.learn_to_shrink()
    return before, after


def _take_turn(connection: Connection) -> None:
    """In SQLite whoever writes has it already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:ours)"), {"ours": OUR_TURN})


def _run(connection: Connection, to: str) -> None:
    scripts = _scripts()

    def steps(state: Any, _: MigrationContext) -> Iterable[Any]:
        going = (
            scripts._downgrade_revs if to == NOTHING else scripts._upgrade_revs
        )  # as Alembic's own documentation has it
        return going(to, state)

    with EnvironmentContext(Config(), scripts, fn=steps, destination_rev=to) as environment:
        environment.configure(connection=connection, target_metadata=metadata)
        environment.run_migrations()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(STEPS), version_locations=[str(STEPS)])
