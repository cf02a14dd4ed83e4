"""`greenroom doctor`: what it tries besides reading."""

import json
import sqlite3
from contextlib import closing

import pytest

from greenroom.app import cli_doctor, settings
from greenroom.app.cli import main
from greenroom.app.errors.storage import DatabaseLocked


def test_the_doctor_tells_a_database_that_is_locked_and_how_to_find_who_locks_it(sqlite_file):
    """It said that the database answers, while nothing could be written for hours."""
    _, try_it = cli_doctor._database(settings.read({"DATABASE_URL": f"sqlite:///{sqlite_file}"}))
    try_it()

    with closing(sqlite3.connect(sqlite_file, isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseLocked, match=f"fuser -v {sqlite_file}"):
            try_it()
        another.execute("ROLLBACK")
    try_it()


def test_the_doctor_tells_what_is_wrong_with_a_personality_by_file_and_line(
    tmp_path, sqlite_file, monkeypatch, capsys
):
    (tmp_path / "clerk.toml").write_text('name = "Clerk"\nlanguag = "en"\n')
    monkeypatch.setenv("PERSONALITIES", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{sqlite_file}")
    monkeypatch.setenv("REDIS_URL", f"unix://{tmp_path}/nowhere.sock")

    main(["doctor", "--json"])

    findings = {each["check"]: each for each in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["personalities"]["verdict"] == "problem"
    assert (
        f"{tmp_path}/clerk.toml:2: languag is no key of a personality (did you mean language?)"
        in (findings["personalities"]["says"])
    )
