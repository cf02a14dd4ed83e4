"""The commands about what was said, over a database and a Redis."""

import json

import pytest

from greenroom.app import cli
from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.conversations.database import Database
from greenroom.app.conversations.migrating import migrate
from greenroom.app.rooms.archive import Batch, Delivery
from greenroom.app.rooms.conversations import Turn


@pytest.fixture
def run(monkeypatch, tmp_path, redis_url, ledger, capsys):
    """A command's exit code and output, where Ann has talked."""
    url = f"sqlite:///{tmp_path / 'greenroom.db'}"
    for name, value in {
        "VAR_DIR": str(tmp_path / "var"),
        "REDIS_URL": redis_url,
        "DATABASE_URL": url,
        "COLUMNS": "80",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    migrate(url)
    database = Database(url)
    said = [("user", "Hello, I am Ann."), ("assistant", "Nice to meet you.")]
    turns = [
        Turn(f"t-{at}", role, content, sequence=at, started_ms=at * 1000, ended_ms=at * 1000 + 500)
        for at, (role, content) in enumerate(said, start=1)
    ]
    SqlArchive(database).keep_turns(
        [Batch("c-1", "main", "ann", tuple(Delivery(turn, "s-1", 7) for turn in turns))]
    )
    database.close()

    def of(*arguments):
        code = cli.main(arguments)
        return code, capsys.readouterr().out

    return of


def test_what_was_said_is_read_in_the_terminal(run):
    code, listed = run("conversations", "--search", "nice")
    assert code == 0 and listed.splitlines()[1].split()[-2:] == ["ann", "c-1"]
    assert "No conversation" in run("conversations", "--user", "ben")[1]
    assert [each["id"] for each in json.loads(run("conversations", "--json")[1])["conversations"]] == ["c-1"]

    _, script = run("conversation", "c-1")
    assert "ann: Hello, I am Ann.\n" in script and "assistant: Nice to meet you.\n" in script
    assert run("conversation", "c-1", "--vtt")[1].startswith("WEBVTT")
    assert len(json.loads(run("conversation", "c-1", "--json")[1])["turns"]) == 2
    assert run("conversation", "c-2")[0] == cli.FAILED


def test_people_are_listed(run):
    assert run("users")[1].splitlines()[1].split()[-3:] == ["1", "2", "ann"]
    assert json.loads(run("users", "--json")[1])["users"][0]["turns"] == 2


def test_sessions_are_counted(run):
    assert run("analytics") == (0, "No session began in that time.\n")
    assert json.loads(run("analytics", "--json")[1]) == {"days": []}
    assert run("analytics", "--from", "2020-01-01")[0] == cli.FAILED


def test_a_person_is_exported_and_erased_once_that_is_meant(run):
    assert len(json.loads(run("export", "ann")[1])["turns"]) == 2

    code, told = run("erase", "ann")
    assert code == cli.FAILED and "--yes" in told
    assert told.startswith("Kept of ann: 1 users, 1 conversations, 2 turns.\n")  # as the answer of an erasure
    assert "Kept of ben: nothing in the database." in run("erase", "ben")[1]
    assert run("users")[1].count("ann") == 1

    code, told = run("erase", "ann", "--yes")
    assert code == 0 and "2 turns" in told
    assert "ann" not in run("users")[1] and "No conversation" in run("conversations")[1]
    assert "there was nothing" in run("erase", "ann", "--yes")[1]


@pytest.mark.parametrize("wrong", [["--limit", "0"], ["--from", "yesterday"]])
def test_what_makes_no_sense_is_said_to_make_none(run, wrong, capsys):
    with pytest.raises(SystemExit) as exited:
        cli.main(["conversations", *wrong])

    assert exited.value.code == cli.MISUSED
