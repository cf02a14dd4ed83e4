"""Migrations: one line, forward and back, done once, and never over a database of a later version."""

import multiprocessing
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from greenroom.app.conversations import migrating
from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.conversations.database import Database
from greenroom.app.conversations.migrating import NOTHING, migrate
from greenroom.app.conversations.state import check, latest, state_of
from greenroom.app.conversations.tables import metadata, sessions
from greenroom.app.errors.storage import DatabaseForeign, DatabaseNewer, DatabaseOld
from greenroom.app.rooms.archive import Batch, Delivery, Report
from tests.rigs.makers import a_session
from tests.sql.worlds import HERE, a_turn, rows


@pytest.fixture
def empty(empty_url):
    it = Database(empty_url)
    yield it
    it.close()


def tables(database):
    with database.reading() as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def test_all_tables_are_there_afterwards(empty, empty_url):
    assert migrate(empty_url) == (None, latest())
    assert tables(empty) == set(metadata.tables)
    check(empty)


def test_to_migrate_twice_is_to_migrate_once(empty, empty_url):
    migrate(empty_url)

    assert migrate(empty_url) == (latest(), latest())


def test_a_file_that_could_never_shrink_can_afterwards(tmp_path):
    """An earlier state of this code made it."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as made:
        made.execute("PRAGMA auto_vacuum = NONE")
        made.execute("CREATE TABLE something (it TEXT)")
        made.execute("INSERT INTO something VALUES ('kept')")
        made.commit()

    for _ in range(2):
        migrate(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as now:
        assert now.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        assert now.execute("SELECT it FROM something").fetchone() == ("kept",)


def test_the_migrations_make_what_the_code_says(database):
    """A column that is in one of the two only would be missed at run time; this prints the step that is lacking."""
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": False})
        found = compare_metadata(context, metadata)

    assert found == [], found


def test_each_step_can_be_taken_back_and_made_again(empty, empty_url):
    states = [step.revision for step in reversed(list(migrating._scripts().walk_revisions()))]
    for state in states:
        migrate(empty_url, state)
    for state in reversed([NOTHING, *states[:-1]]):
        migrate(empty_url, state)
        migrate(empty_url, latest())
        migrate(empty_url, state)

    assert tables(empty) == set()


def test_what_is_in_the_tables_outlives_a_second_migration(empty, empty_url):
    migrate(empty_url)
    with empty.writing() as connection:
        connection.execute(
            text("INSERT INTO users (tenant, id, created_ms, updated_ms) VALUES ('main', 'ann', 1, 1)")
        )
    migrate(empty_url)

    with empty.reading() as connection:
        assert connection.execute(text("SELECT id FROM users")).scalars().all() == ["ann"]


def test_sessions_that_counted_what_tools_were_asked_count_what_was_said(empty, empty_url):
    migrate(empty_url)
    archive = SqlArchive(empty)
    for name in ("counted", "forgotten"):
        archive.keep_session(Report(a_session(name), (), ()))
    returned = a_turn(1, "ten", role="tool", tool_call_id="x")
    for turn in (a_turn(0), returned, a_turn(2, "")):
        archive.keep_turns([Batch(HERE, "main", "ann", (Delivery(turn, "counted", 7),))])
    with empty.writing() as connection:
        connection.execute(text("UPDATE sessions SET message_count = 3"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    migrate(empty_url)

    assert {row["id"]: row["message_count"] for row in rows(empty, sessions)} == {
        "counted": 1,
        "forgotten": 3,
    }


def test_there_is_one_line_of_steps():
    assert len(migrating._scripts().get_heads()) == 1
    for path in migrating.STEPS.glob("m*.py"):
        assert re.fullmatch(r"m[0-9]{4}_[a-z_]+", path.stem)
        assert f'revision = "{path.stem[1:5]}"' in path.read_text()


def test_a_database_of_a_later_version_is_refused_in_words_and_left_alone(empty, empty_url):
    migrate(empty_url)
    with empty.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(DatabaseNewer, match="later version of Greenroom"):
        migrate(empty_url)
    with pytest.raises(DatabaseNewer):
        check(empty)
    with empty.reading() as connection:
        assert state_of(connection) == "9999"


@pytest.mark.parametrize("noted", [("",), ("0001", "0002")])
def test_a_state_that_nobody_has_noted_so_is_refused_in_words(empty, empty_url, noted):
    migrate(empty_url)
    with empty.writing() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
        for state in noted:
            connection.execute(text("INSERT INTO alembic_version VALUES (:state)"), {"state": state})

    with pytest.raises(DatabaseNewer):
        migrate(empty_url)
    with pytest.raises(DatabaseNewer):
        check(empty)


def test_tables_that_others_have_made_are_left_alone_and_told(empty, empty_url):
    """As of a backup without its note of the state: it was told that the database does not answer."""
    migrate(empty_url)
    with empty.writing() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
        connection.execute(text("INSERT INTO users VALUES ('main', 'ann', '{}', '{}', 1, 1)"))

    with pytest.raises(DatabaseForeign, match="empty database"):
        migrate(empty_url)
    with empty.reading() as connection:
        assert connection.execute(text("SELECT id FROM users")).scalars().all() == ["ann"]


def test_a_database_without_tables_is_told_from_one_that_is_away(empty):
    with pytest.raises(DatabaseOld, match="greenroom migrate"):
        check(empty)


def _migrate_when(start, url, told):
    start.wait(60)
    told.put(migrate(url))


@pytest.mark.heavy
def test_processes_that_migrate_at_once_do_no_harm(empty_url):
    """Each of them would find no table, and make it."""
    of_forks = multiprocessing.get_context(
        "fork"
    )  # which begin at once, where new interpreters would straggle
    start, told = of_forks.Barrier(3), of_forks.SimpleQueue()
    processes = [
        of_forks.Process(target=_migrate_when, args=(start, empty_url, told), daemon=True) for _ in range(3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)

    assert [process.exitcode for process in processes] == [0] * 3
    nothing, done = (None, latest()), (latest(), latest())
    assert sorted((told.get() for _ in processes), key=str) == sorted([nothing, done, done], key=str)
    told.close()


def test_a_migration_that_fails_half_way_leaves_nothing(empty, empty_url, monkeypatch, tmp_path):
    steps = tmp_path / "steps"
    steps.mkdir()
    first = next(migrating.STEPS.glob("m0001_*.py")).read_text()
    (steps / "m0001_x.py").write_text(first)
    (steps / "m0002_y.py").write_text(
        'from alembic import op\n\nrevision = "0002"\ndown_revision = "0001"\n\n\n'
        'def upgrade():\n    op.execute("CREATE TABLE half (x INTEGER)")\n    raise RuntimeError("half way")\n'
    )
    monkeypatch.setattr(migrating, "STEPS", Path(steps))

    with pytest.raises(RuntimeError, match="half way"):
        migrate(empty_url)
    assert tables(empty) == set()
