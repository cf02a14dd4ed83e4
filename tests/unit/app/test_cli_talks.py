"""The commands about what was said, over a database and a Redis."""

import json
from datetime import timedelta

import pytest

from greenroom.app import cli
from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.conversations.database import Database
from greenroom.app.rooms.archive import Batch, Delivery, Report, Visit
from greenroom.app.rooms.conversations import Record, Turn
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.flushing import Flusher
from greenroom.app.rooms.session_events import Happened, Note
from greenroom.app.rooms.session_lists import Forget
from greenroom.app.rooms.sessions import Reason, State, Transition
from tests.rigs.makers import STAGE, a_session

MINUTE = timedelta(minutes=1)


@pytest.fixture
def run(monkeypatch, tmp_path, sqlite_file, redis_url, ledger, capsys):
    """A command's exit code and output, where Ann has talked."""
    url = f"sqlite:///{sqlite_file}"
    for name, value in {
        "VAR_DIR": str(tmp_path / "var"),
        "REDIS_URL": redis_url,
        "DATABASE_URL": url,
        "COLUMNS": "80",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
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
    assert run("conversations", "--user", "ann", "nice", "to") == run("conversations", "--search", "nice to")
    assert run("conversations", "nice", "tea")[1].startswith("No conversation")
    assert "No conversation" in run("conversations", "--user", "ben")[1]
    (listed,) = json.loads(run("conversations", "--json")[1])["conversations"]
    assert (listed["conversation_id"], listed["room_url"]) == ("c-1", None)  # as the API calls it

    _, script = run("conversation", "c-1")
    assert "ann: Hello, I am Ann.\n" in script and "assistant: Nice to meet you.\n" in script
    assert run("conversation", "c-1", "--vtt")[1].startswith("WEBVTT")
    whole = json.loads(run("conversation", "c-1", "--json")[1])
    assert [turn["started_at"] for turn in whole["turns"]] == [
        "1970-01-01T00:00:01.000+00:00",
        "1970-01-01T00:00:02.000+00:00",
    ]
    assert whole.keys() == {*listed.keys(), "turns"}
    assert run("conversation", "c-2")[0] == cli.FAILED


def test_a_conversation_in_which_nothing_was_said_is_listed_when_it_is_asked_for(run, tmp_path):
    archive = SqlArchive(Database(f"sqlite:///{tmp_path / 'greenroom.db'}"))
    archive.keep_session(Report(a_session("s-2", user_id="ben", conversation_id="c-2"), ()))

    assert "c-2" not in run("conversations")[1]
    assert "c-2" in run("conversations", "--all")[1]


@pytest.fixture
def a_life(ledger):
    """A session in which Ann was, and Ben after her, with a conversation of his own."""
    ledger.run(
        Create(a_session("s-2", room=STAGE, user_id="ann", conversation_id="c-2", max_duration=MINUTE))
    )
    for state in (State.JOINING, State.LIVE):
        ledger.run(Transition("s-2", state, 7))
    ledger.run(Note("s-2", Happened.PERSON_ARRIVED, 7, person="ann"))
    ledger.run(Record("s-2", "c-2", 7, Turn("t-1", "user", "a secret", epoch=7), owner="main/ann"))
    ledger.run(Note("s-2", Happened.PERSON_LEFT, 7, person="ann"))
    ledger.run(Note("s-2", Happened.CONVERSATION_BEGUN, 7, person="ben", conversation_id="c-3"))
    ledger.run(Note("s-2", Happened.TURNS_RESTORED, 7, "4", conversation_id="c-3", sequence=4))
    ledger.run(Transition("s-2", State.ENDED, 7, reason=Reason.CRASHED_TOO_OFTEN))


def test_the_story_of_a_session_is_told_without_a_word_that_was_said(run, a_life):
    code, told = run("session", "s-2")

    assert code == 0
    lines = told.splitlines()
    assert lines[0].startswith("The session of ann in stage: ended, crashed_too_often.")
    assert lines[1] == "Session s-2, bot assistant; 1 message of people and bot."
    assert lines[2].startswith("That means: its bots died") and lines[3].startswith("What to do: ")
    assert any(line.endswith("  ann") and " to " in line for line in lines)
    assert "A conversation of ben's own began." in told
    assert "Its bot wrote turns again that Redis had lost: 4, c-3#4." in told
    assert "  greenroom conversation c-2\n  greenroom conversation c-3\n" in told
    assert "1 turn of c-2 not in the database yet" in told
    assert "secret" not in told


def test_the_story_is_told_when_redis_has_forgotten_the_session(run, a_life, ledger, redis_client, tmp_path):
    before = json.loads(run("session", "s-2", "--json")[1])
    Flusher(ledger, SqlArchive(Database(f"sqlite:///{tmp_path / 'greenroom.db'}"))).flush()
    redis_client.flushall()

    code, told = run("session", "s-2")
    assert code == 0 and "conversation of ben's" in told and "crashed_too_often" in told
    after = json.loads(run("session", "s-2", "--json")[1])
    assert {**after, "version": 0} == {**before, "version": 0}
    assert run("session", "s-9")[0] == cli.FAILED


def test_the_story_of_a_session_needs_no_database_while_redis_knows_it(run, a_life, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/nothing-there")

    assert run("session", "s-2")[0] == 0
    assert run("session", "s-9")[0] == cli.BLIND


def test_the_sessions_that_are_on_are_listed(run, ledger, a_life):
    assert run("sessions") == (0, "No session is on.\n")
    assert json.loads(run("sessions", "--json")[1]) == {"sessions": [], "next": None}

    ledger.run(Create(a_session("s-3", room=STAGE, user_id="ann")))
    heading, row = run("sessions")[1].splitlines()
    assert [*heading.split()[:3], *heading.split()[-2:]] == ["ROOM", "BOT", "STATE", "USER", "SESSION"]
    assert [*row.split()[:3], *row.split()[-2:]] == ["local:stage", "assistant", "pending", "ann", "s-3"]
    (told,) = json.loads(run("sessions", "--json")[1])["sessions"]
    assert (told["session_id"], told["room_url"], told["state"]) == ("s-3", "local:stage", "pending")


def test_people_are_listed(run):
    assert run("users")[1].splitlines()[1].split()[-3:] == ["1", "2", "ann"]
    assert json.loads(run("users", "--json")[1])["users"][0]["turns"] == 2


def test_a_guest_of_another_s_session_is_listed_with_what_they_said_there(run, tmp_path):
    """Who never had a session of their own was missing, and could be exported and erased all the same."""
    archive = SqlArchive(Database(f"sqlite:///{tmp_path / 'greenroom.db'}"))
    line = Turn("t-9", "user", "I only visit.", person="carl", sequence=3, started_ms=3000, ended_ms=3500)
    archive.keep_turns([Batch("c-1", "main", "ann", (Delivery(line, "s-1", 7),))])
    session = a_session("s-1", user_id="ann", conversation_id="c-1")
    archive.keep_session(Report(session, (), (Visit("carl", 9000), Visit("ann", 1000))))

    told = json.loads(run("users", "--json")[1])["users"]

    assert [(each["user_id"], each["conversations"], each["turns"]) for each in told] == [
        ("carl", 0, 1),
        ("ann", 1, 3),
    ]
    assert told[0]["last_seen_at"] == "1970-01-01T00:00:09.000+00:00"


def test_sessions_are_counted(run):
    assert run("analytics") == (0, "No session began in that time.\n")
    assert json.loads(run("analytics", "--json")[1]) == {"days": []}
    assert run("analytics", "--from", "2020-01-01")[0] == cli.FAILED


def test_a_person_is_exported_and_erased_once_that_is_meant(run):
    assert len(json.loads(run("export", "ann")[1])["turns"]) == 2

    code, told = run("erase", "ann")
    assert code == cli.FAILED and "--yes" in told
    assert told.startswith("Kept of ann: 1 user, 1 conversation, 2 turns.\n")  # as the answer of an erasure
    assert "Kept of ben: nothing in the database." in run("erase", "ben")[1]
    assert run("users")[1].count("ann") == 1

    code, told = run("erase", "ann", "--yes")
    assert code == 0 and "2 turns" in told
    assert "ann" not in run("users")[1] and "No conversation" in run("conversations")[1]
    assert "there was nothing" in run("erase", "ann", "--yes")[1]


def test_nobody_is_exported_of_whom_nothing_is_kept(run, capsys):
    """An id that is mistyped gave an empty file, which reads as if nothing were kept."""
    assert cli.main(["export", "an"]) == cli.FAILED
    said = capsys.readouterr()
    assert said.out == "" and said.err == "Nothing is known of an; `greenroom users` lists who has talked.\n"


def test_an_erasure_that_is_refused_names_the_sessions_and_one_that_is_done_says_it_once(run, ledger):
    ledger.run(Create(a_session("s-3", user_id="ann", max_duration=MINUTE)))

    code, told = run("erase", "ann", "--yes")
    assert code == cli.FAILED and told.splitlines()[1:] == ["  session s-3"]
    ledger.run(Transition("s-3", State.ENDED, 7, reason=Reason.LEFT))
    ledger.run(Forget("s-3", "ann"))
    code, told = run("erase", "ann", "--yes", "--json")
    assert code == 0 and json.loads(told)["erased"]["turns"] == 2


@pytest.mark.parametrize("wrong", [["--limit", "0"], ["--from", "yesterday"]])
def test_what_makes_no_sense_is_said_to_make_none(run, wrong, capsys):
    with pytest.raises(SystemExit) as exited:
        cli.main(["conversations", *wrong])

    assert exited.value.code == cli.MISUSED
