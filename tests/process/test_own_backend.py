"""The backend in docs/backend.md under a whole product: it has what was said in order, once, wherever it is killed."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from greenroom.app.conversations.database import Database
from greenroom.app.conversations.tables import turns
from tests.fakes.backend_server import SECRET
from tests.fakes.person import Person
from tests.rigs.eventually import eventually
from tests.rigs.ports import free_port
from tests.rigs.product import product

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "backend.md"


class PageBackend:
    """The page's code in a process of its own."""

    def __init__(self, folder):
        (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
        (folder / "backend.py").write_text(code)
        self._folder, self._port = folder, free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self):
        with (self._folder / "backend.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "backend", "run", "--port", str(self._port)],
                cwd=self._folder,
                env={"PATH": os.environ["PATH"], "BACKEND_SECRET": SECRET},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def kill(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def rows(self, query, *values):
        with closing(sqlite3.connect(self._folder / "backend.db")) as db:
            return db.execute(query, values).fetchall()


@pytest.fixture
def backend(tmp_path):
    it = PageBackend(tmp_path)
    it.start()
    yield it
    it.kill()


async def say(person, line):
    before = len(person.of_type("bot-stopped-speaking"))
    person.type(line)
    await person.until(lambda person: len(person.of_type("bot-stopped-speaking")) > before)


def in_redis(running, conversation_id):
    """The turns as the bot wrote them, in order."""
    return [
        json.loads(turn) for turn in running.redis.zrange(f"conversation:{{{conversation_id}}}:turns", 0, -1)
    ]


async def test_a_call_reaches_it_whole_while_both_sides_are_killed(backend):
    with product(BACKEND_URL=backend.url, BACKEND_SECRET=SECRET, SLOTS="1") as running:
        joined = running.join("local:theirs", bot="assistant", user_id="ann")
        talk = joined["conversation_id"]
        async with Person(running.url, joined["connect"]) as person:
            await person.until(lambda person: person.of_type("bot-stopped-speaking"))
            await say(person, "My name is Alice.")
            eventually(lambda: backend.rows("SELECT 1 FROM turns WHERE talk = ?", talk), within=20)

            backend.kill()
            await say(person, "I like tea.")
            control = running.process("control")
            control.kill()
            control.start()
            backend.start()
            await say(person, "I like coffee as well.")
            backend.kill()
            await say(person, "And cocoa.")
            backend.start()
        running.post("/leave", {"room_url": "local:theirs"})
        running.ended(joined["session_id"])

        eventually(lambda: not running.redis.exists(f"conversation:{{{talk}}}:outbox"), within=60)
        eventually(lambda: events_of(backend)[-1:] == ["remember"], within=60)

        said = in_redis(running, talk)
        kept = backend.rows("SELECT id, content FROM turns WHERE talk = ? ORDER BY rowid", talk)
        assert kept == [(turn["id"], turn["content"]) for turn in said]
        assert {"My name is Alice.", "I like tea.", "I like coffee as well.", "And cocoa."} <= {
            it for _, it in kept
        }
        assert events_of(backend) == ["started", "joined", "left", "ended", "remember"]
        assert nothing_in_sql(running)


async def test_a_conversation_that_redis_has_forgotten_goes_on_where_it_was(backend):
    with product(BACKEND_URL=backend.url, BACKEND_SECRET=SECRET, SLOTS="1") as running:
        talk = "a-talk-of-last-week"
        for line in ("I like tea.", "I like coffee."):
            joined = running.join("local:theirs", bot="assistant", user_id="ann", conversation_id=talk)
            async with Person(running.url, joined["connect"]) as person:
                await person.until(lambda person: person.of_type("bot-stopped-speaking"))
                person.type(line)
                await person.until(partial(is_written, running, talk, line))
                in_call = in_redis(running, talk)
            running.post("/leave", {"room_url": "local:theirs"})
            running.ended(joined["session_id"])
            eventually(lambda: not running.redis.exists(f"conversation:{{{talk}}}:outbox"), within=60)
            running.redis.delete(f"conversation:{{{talk}}}", f"conversation:{{{talk}}}:turns")

        told = [turn["content"] for turn in in_call]
        assert told.index("I like tea.") < told.index("I like coffee.")
        in_order = "SELECT content FROM turns WHERE talk = ? ORDER BY sequence"
        kept = [content for (content,) in backend.rows(in_order, talk)]
        assert kept.index("I like tea.") < kept.index("I like coffee.")
        places = backend.rows("SELECT DISTINCT sequence FROM turns WHERE talk = ?", talk)
        assert len(places) == len(kept)


def is_written(running, talk, line, _person):
    return line in [turn["content"] for turn in in_redis(running, talk)]


def events_of(backend):
    return [
        json.loads(facts)["event"]
        for (facts,) in backend.rows("SELECT facts FROM events ORDER BY rowid")
        if "event" in json.loads(facts)
    ]


def nothing_in_sql(running):
    database = Database(running.database_url)
    with closing(database), database.reading() as connection:
        return connection.execute(turns.select().limit(1)).first() is None
