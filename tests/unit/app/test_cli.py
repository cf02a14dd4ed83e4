"""The command line: what is printed, and the exit code, without anything running."""

import json
import os
import subprocess
import sys
import time
from importlib import metadata

import pytest

from greenroom.app import cli, cli_here, settings
from greenroom.app.local import here
from greenroom.app.passes import Passes


@pytest.fixture(autouse=True)
def _somewhere_empty(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("REDIS_URL", "API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("PORT", "9")  # where nobody listens


@pytest.mark.parametrize("spelling", ["--version", "version"])
def test_the_version_is_told_both_ways(spelling, capsys):
    try:
        code = cli.main([spelling])
    except SystemExit as exited:
        code = exited.code

    assert code == 0
    assert capsys.readouterr().out == f"greenroom {metadata.version('greenroom')}\n"


def test_the_doctor_without_a_redis_says_so_and_makes_nothing(capsys, tmp_path):
    assert cli.main(["doctor"]) == cli.BLIND
    assert "Redis does not answer" in capsys.readouterr().out
    assert cli.main(["doctor", "local:stage", "--json"]) == cli.BLIND
    assert json.loads(capsys.readouterr().out)["looked"] is False
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_looks_for_the_product_that_runs_in_its_folder(capsys, monkeypatch, tmp_path):
    """It looked for 7077 while `PORT=7611 make up` ran in the same folder."""
    monkeypatch.delenv("PORT")
    given = {"PORT": "8", "API_KEY": "a-key-for-tests-only", "SLOTS": "2", "VAR_DIR": "elsewhere"}
    lock = here.take(tmp_path / "var")
    here.note(lock, "http://127.0.0.1:8", settings.shareable(given))

    assert "a-key-for-tests-only" not in (tmp_path / "var" / "up.lock").read_text()
    assert here.settings_of_who_runs(tmp_path / "var") == {"PORT": "8", "SLOTS": "2"}
    cli.main(["doctor"])
    assert "http://127.0.0.1:8 " in capsys.readouterr().out
    monkeypatch.setenv("PORT", "9")  # who names a port means it
    cli.main(["doctor"])
    assert "http://127.0.0.1:9 " in capsys.readouterr().out
    monkeypatch.delenv("PORT")
    here.forget(lock)
    cli.main(["doctor"])
    assert "http://127.0.0.1:7077 " in capsys.readouterr().out


WITH_WEBHOOKS = {
    "WEBHOOK_URLS": "http://127.0.0.1:9/hook",
    "WEBHOOK_PRIVATE": "1",
    "WEBHOOK_SECRET": "5b0e2a71d94fc83d6a17e0b2c4f985d3",
}


@pytest.fixture
def runs(tmp_path):
    """Has the note say that a process runs the product, started with these settings in its environment."""
    started = []

    def run(given):
        waits = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
        started.append(
            subprocess.Popen(waits, env=given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        started[-1].stdout.readline()  # its environment is its own from now on
        shareable = settings.shareable(given)
        secrets = settings.given(given).keys() - shareable.keys()
        here.note(here.take(tmp_path / "var"), "http://127.0.0.1:8", shareable, secrets)
        note = tmp_path / "var" / "up.lock"
        note.write_text(note.read_text().replace(str(os.getpid()), str(started[-1].pid), 1))
        return note

    yield run
    for process in started:
        process.communicate("")


@pytest.mark.heavy
def test_commands_know_the_secrets_that_the_product_beside_them_was_given(capsys, runs):
    """They refused to work: the note has the receivers, and not the secret, without which the settings are wrong."""
    note = runs(WITH_WEBHOOKS)

    assert cli.main(["doctor"]) == cli.BLIND
    assert "Redis does not answer" in capsys.readouterr().out
    assert cli_here.settings_here().webhook_secret == WITH_WEBHOOKS["WEBHOOK_SECRET"]
    assert "5b0e2a71" not in note.read_text()


@pytest.mark.heavy
def test_of_the_environment_of_what_runs_only_its_secrets_are_taken(runs):
    """The process id may be another program's by now."""
    note = runs({**WITH_WEBHOOKS, "SLOTS": "3"})
    note.write_text(note.read_text().replace("SLOTS=3\n", ""))

    assert cli_here.settings_here().slots == settings.Settings().slots


def test_a_secret_that_cannot_be_read_is_asked_for_in_a_sentence(capsys, tmp_path):
    here.note(
        here.take(tmp_path / "var"),
        "http://127.0.0.1:8",
        settings.shareable(WITH_WEBHOOKS),
        ["WEBHOOK_SECRET"],  # which the environment of this process does not have
    )

    assert cli.main(["doctor"]) == cli.MISUSED
    assert "runs here was given WEBHOOK_SECRET, which cannot be read from here" in capsys.readouterr().err


@pytest.mark.heavy
def test_the_settings_are_those_of_what_runs_and_say_so(capsys, monkeypatch, runs):
    """It showed 7077 as the default while a product listened elsewhere."""
    monkeypatch.setenv("PORT", "9")
    runs({**WITH_WEBHOOKS, "PORT": "8", "LIVEKIT_API_SECRET": "not-to-be-shown-to-anybody"})

    assert cli.main(["settings"]) == 0
    shown = capsys.readouterr().out
    rows = {line.split()[0]: line.split() for line in shown.splitlines() if line.strip()}
    assert rows["PORT"][1:4] == ["8", "greenroom", "up"]
    assert rows["SLOTS"][1:3] == ["4", "default"]
    assert "of what runs in this folder" in shown
    assert "not-to-be-shown" not in shown and "5b0e2a71" not in shown


def test_the_settings_where_nothing_runs_are_those_that_it_would_have(capsys):
    assert cli.main(["settings"]) == 0

    shown = capsys.readouterr().out
    assert "Nothing runs in this folder" in shown
    assert "environment" in next(line for line in shown.splitlines() if line.startswith("PORT "))


def test_receivers_that_somebody_names_without_a_secret_are_refused(capsys, monkeypatch, tmp_path):
    here.note(here.take(tmp_path / "var"), "http://127.0.0.1:8", {"PORT": "8"})
    monkeypatch.setenv("WEBHOOK_URLS", "https://example.com/hook")

    assert cli.main(["doctor"]) == 2
    assert "WEBHOOK_SECRET must be set" in capsys.readouterr().err


@pytest.mark.heavy
def test_a_note_of_a_product_that_was_killed_leads_nobody_astray(tmp_path):
    lock = here.take(tmp_path / "var")
    here.note(lock, "http://127.0.0.1:8", {"PORT": "8"})
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    note = tmp_path / "var" / "up.lock"
    note.write_text(note.read_text().replace(str(os.getpid()), str(gone.pid), 1))

    assert here.settings_of_who_runs(tmp_path / "var") == {}


@pytest.mark.parametrize(
    ("arguments", "where", "room"),
    [([], "/talk#", None), (["local:stage"], "/talk?room=local:stage#", "local:stage")],
)
def test_a_link_leads_to_a_fresh_room_or_invites_into_one(arguments, where, room, capsys, tmp_path):
    assert cli.main(["link", *arguments]) == 0
    link = capsys.readouterr().out.strip()
    address, _, signed = link.partition("pass=")
    secret = (tmp_path / "var" / "signing-secret").read_text().strip()
    given = Passes(secret).read(signed)

    assert address == f"http://127.0.0.1:9{where}"
    assert (given.room, given.user_id) == (room, None)
    assert not (tmp_path / "var" / "api-key").exists()


def test_a_link_lasts_as_long_as_one_says(capsys, tmp_path):
    assert cli.main(["link", "--lasts", "600"]) == 0
    signed = capsys.readouterr().out.strip().partition("pass=")[2]
    secret = (tmp_path / "var" / "signing-secret").read_text().strip()

    assert abs(Passes(secret).read(signed).expires - time.time() - 600) < 60


def test_a_room_that_is_none_is_misuse(capsys):
    with pytest.raises(SystemExit) as exited:
        cli.main(["doctor", "standup"])

    assert exited.value.code == 2
    assert "as in local:standup" in capsys.readouterr().err


def test_a_password_in_redis_url_is_not_shown(capsys, monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://ann:a-secret@127.0.0.1:9/0")

    assert cli.main(["doctor"]) == cli.BLIND

    shown = capsys.readouterr()
    assert "127.0.0.1:9" in shown.out
    assert "a-secret" not in shown.out + shown.err


@pytest.mark.parametrize("arguments", [["workers"], ["drain", "bots@here"], ["restart"]])
def test_without_a_redis_no_worker_is_asked_for_anything(arguments, capsys):
    assert cli.main(arguments) == cli.BLIND
    assert "Redis does not answer" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["doctor"], ["workers"], ["drain", "bots@here"], ["restart"]])
def test_bad_settings_have_another_exit_code_than_a_redis_that_does_not_answer(
    arguments, capsys, monkeypatch
):
    monkeypatch.setenv("SLOTS", "many")

    assert cli.main(arguments) == cli.MISUSED
    assert "SLOTS is 'many'" in capsys.readouterr().err
    assert cli.MISUSED != cli.BLIND


@pytest.mark.heavy
@pytest.mark.parametrize("command", ["doctor", "workers", "restart"])
def test_an_operator_s_command_imports_no_more_than_it_needs(command):
    """Nobody waits for Flask, Celery, pipecat or a PostgreSQL that is not used to learn why there is no bot."""
    look = (
        "import sys; from greenroom.app import cli; cli.main([sys.argv[1]]); "
        "print(sorted({'flask', 'celery', 'pipecat', 'numpy', 'psycopg'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", look, command], capture_output=True, text=True, timeout=60)

    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr
