"""What the processes are made of: the web process stays small, and every queue has somebody who drains it."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from greenroom.app.queue_names import CONTROL, LAUNCHES
from greenroom.tasks import celery as celery_module

ROOT = Path(__file__).parents[2]
HEAVY = [
    "pipecat",
    "aiortc",
    "av",
    "numpy",
    "onnxruntime",
    "openai",
    "moonshine_voice",
    "hibari",
    "uvloop",
    "fastapi",
    "starlette",
]


WITH_SQL = {
    "greenroom.app.web": True,
    "greenroom.app.events.process": False,
    "greenroom.app.flower": False,
    "greenroom.tasks.celery": False,  # of beat as well, which never asks the database
}


def in_a_process_of_its_own(script, tmp_path):
    environ = {
        "PATH": "",
        "VAR_DIR": str(tmp_path),
        "API_KEY": "a-key-for-tests-only",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.heavy
def test_the_web_process_imports_no_pipecat_and_nothing_else_that_is_heavy(tmp_path):
    script = """
import json, sys
from greenroom.app.web import create_app
application = create_app()
client = application.test_client()
assert client.get("/livez").status_code == 200
assert client.get("/openapi.json").status_code == 200
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""
    loaded = in_a_process_of_its_own(script, tmp_path)

    assert "flask" in loaded
    assert [name for name in HEAVY if name in loaded] == []


@pytest.mark.heavy
def test_the_web_process_starts_while_redis_is_away_and_says_so(tmp_path):
    script = """
import json
from greenroom.app.web import create_app
client = create_app().test_client()
ready = client.get("/readyz")
joined = client.post("/join", json={}, headers={"Authorization": "Bearer a-key-for-tests-only"})
print(json.dumps([ready.status_code, ready.json["ready"], joined.status_code]))
"""
    assert in_a_process_of_its_own(script, tmp_path) == [503, False, 503]


def procfile():
    """Each process and its command's words."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    named = (line.partition(":") for line in lines if line.strip() and not line.startswith("#"))
    return {name: shlex.split(command) for name, _, command in named}


def compose():
    """The same of docker-compose.yml."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return {name: shlex.split(service.get("command", "")) for name, service in services.items()}


def drained_by(words):
    """The queues that a worker's command names."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word in ("-Q", "--queues"):
            return set(following.split(","))
        if word.startswith("--queues="):
            return set(word.partition("=")[2].split(","))
    return set()


@pytest.fixture
def celery(monkeypatch, tmp_path):
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    celery_module.settings.cache_clear()
    yield celery_module
    celery_module.settings.cache_clear()


def test_every_queue_is_drained_by_a_process_of_the_procfile(celery):
    drained = set().union(*(drained_by(words) for words in procfile().values()))

    assert {queue.name for queue in celery.app.conf.task_queues} == drained == {LAUNCHES, CONTROL}


@pytest.mark.parametrize("of", ["procfile", "compose"])
def test_bots_and_upkeep_are_drained_apart_so_that_neither_starves_the_other(of):
    commands = procfile() if of == "procfile" else compose()

    assert drained_by(commands["bots"]) == {LAUNCHES}
    assert drained_by(commands["control"]) == {CONTROL}
    assert commands["bots"][commands["bots"].index("--pool") + 1] == "prefork"


def test_a_queue_s_name_stands_once():
    """Besides where it is documented, and where programs that are not ours read it."""
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("app", "tasks", "bots", "tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if LAUNCHES in path.read_text()
    }

    assert found == {"app/queue_names.py", "app/storage/keys.py"}


def test_a_launch_goes_where_bots_are_and_everything_else_where_upkeep_is(celery):
    routes = celery.app.amqp.router

    assert routes.route({}, "bots.launch")["queue"].name == LAUNCHES
    for name in ("rooms.reap", "sessions.sweep", "sessions.lost"):
        assert routes.route({}, name)["queue"].name == CONTROL


def test_what_beat_sends_is_a_task_that_somebody_drains(celery):
    celery.app.loader.import_default_modules()
    queues = {queue.name for queue in celery.app.conf.task_queues}

    for entry in celery.app.conf.beat_schedule.values():
        assert entry["task"] in celery.app.tasks
        assert entry["options"]["queue"] in queues
        assert "expires" not in entry["options"]  # it would go by two machines' clocks


@pytest.mark.heavy
@pytest.mark.parametrize("module", WITH_SQL)
def test_whoever_asks_no_database_imports_none(module, tmp_path):
    """SQLAlchemy costs a process 25 MB and half a second: the events process had it with the keys that it checks."""
    script = f"import json, sys, {module}; print(json.dumps('sqlalchemy' in sys.modules))"

    assert in_a_process_of_its_own(script, tmp_path) is WITH_SQL[module]
