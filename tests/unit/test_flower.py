"""Flower as it is configured: who may look, and that looking is all."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.product import free_port

ROOT = Path(__file__).parents[2]
PASSWORD = "oboe-under-jazz-fjord"

# Flower itself, over a broker in memory; every way there is to change something through it, and one to look.
SCRIPT = """
import asyncio, json, sys
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
basic = sys.argv[1]

async def ask(method, path):
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
    print(json.dumps(said))

IOLoop.current().run_sync(main)
"""


@pytest.fixture
def ask(tmp_path):
    def run(password=PASSWORD, **settings):
        environ = {
            "PATH": "",
            "PYTHONPATH": str(ROOT),
            "VAR_DIR": str(tmp_path),
            "FLOWER_PORT": str(free_port()),
            "FLOWER_PASSWORD": PASSWORD,
            "API_KEY": "fjord-mimic-taxi-plumb-oboe",
            **settings,
        }
        basic = "Basic " + base64.b64encode(f"greenroom:{password}".encode()).decode()
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, basic],
            env=environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_it_shows_and_changes_nothing(ask):
    said = ask()
    status, _ = said.pop("look")

    assert status == 200
    assert len(said) >= 14
    assert {status for status, _ in said.values()} == {403}
    assert all("FLOWER_CONTROL=1" in text for _, text in said.values())


def test_it_changes_what_runs_if_it_was_asked_to(ask):
    said = ask(FLOWER_CONTROL="1")

    assert not [path for path, (_, text) in said.items() if "FLOWER_CONTROL" in text]


@pytest.mark.parametrize("password", ["", "fjord-mimic-taxi-plumb-oboe", "oboe-under-jazz-fjorD"])
def test_it_takes_no_password_but_its_own(ask, password):
    status, _ = ask(password)["look"]

    assert status == 401
