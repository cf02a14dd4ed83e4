"""Flower as it is configured: who may look, and that looking is all."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rigs.ports import free_port

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).parents[3]
PASSWORD = "oboe-under-jazz-fjord"

# Flower itself, over a broker in memory; every way there is to change something through it, and one to look.
SCRIPT = """
import asyncio, base64, json, sys
from celery import Celery
from flower.app import Flower
from flower.command import apply_options
from flower.urls import handlers, settings
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop
from tornado.options import options

apply_options("flower", ["--conf=app/flower.py"])
site = Flower(capp=Celery(broker="memory://"), options=options, **settings)
port = site.start_http_server()
password, *wrong = map(str.encode, json.loads(sys.argv[1]))

async def ask(method, path, password=password):
    basic = "Basic " + base64.b64encode(b"greenroom:" + password).decode()
    reply = await AsyncHTTPClient().fetch(
        f"http://127.0.0.1:{port}{path}", method=method, body=b"" if method == "POST" else None,
        headers={"Authorization": basic}, raise_error=False)
    return reply.code, reply.body.decode()

async def main():
    said = {}
    for pattern, handler, *_ in (h if isinstance(h, tuple) else (h.regex.pattern, h.handler_class) for h in handlers):
        if pattern.startswith("/api/") and "post" in vars(handler):
            said[pattern] = await ask("POST", pattern.replace("(.+)", "somebody"))
    said["look"] = await ask("GET", "/api/tasks")
    said["wrong"] = [await ask("GET", "/api/tasks", each) for each in wrong]
    print(json.dumps(said))

IOLoop.current().run_sync(main)
"""


@pytest.fixture
def ask(tmp_path):
    def run(*wrong, **settings):
        """What each way to change something is answered, by its path, and what those get who only look."""
        environ = {
            "PATH": "",
            "PYTHONPATH": str(ROOT),
            "VAR_DIR": str(tmp_path),
            "FLOWER_PORT": str(free_port()),
            "FLOWER_PASSWORD": PASSWORD,
            "API_KEY": "fjord-mimic-taxi-plumb-oboe",
            **settings,
        }
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, json.dumps([PASSWORD, *wrong])],
            env=environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_it_shows_to_who_has_its_password_and_changes_nothing(ask):
    said = ask("", "fjord-mimic-taxi-plumb-oboe", "oboe-under-jazz-fjorD")
    looked, refused = said.pop("look"), said.pop("wrong")

    assert looked[0] == 200
    assert [status for status, _ in refused] == [401] * 3
    assert len(said) >= 14
    assert {status for status, _ in said.values()} == {403}
    assert all("FLOWER_CONTROL=1" in text for _, text in said.values())


def test_it_changes_what_runs_if_it_was_asked_to(ask):
    said = ask(FLOWER_CONTROL="1")
    del said["wrong"]

    assert not [path for path, (_, text) in said.items() if "FLOWER_CONTROL" in text]
