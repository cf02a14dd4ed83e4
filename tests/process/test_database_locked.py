"""Another process keeps the SQLite file locked for longer than anybody waits for it: calls and joins do not notice."""

import asyncio
import json
import sqlite3
from contextlib import closing, contextmanager

import pytest

from tests.fakes.person import Person
from tests.rigs.eventually import eventually
from tests.rigs.product import Problem, product

pytestmark = pytest.mark.anyio


@contextmanager
def locked(running):
    """Somebody else's transaction, as of a program that works on the file and takes its time."""
    path = running.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def refusal_of(call, *arguments):
    with pytest.raises(Problem) as raised:
        call(*arguments)
    return raised.value.status, raised.value.body["type"]


async def say(person, line):
    spoken = len(person.of_type("bot-stopped-speaking"))
    person.type(line)
    await person.until(lambda person: len(person.of_type("bot-stopped-speaking")) > spoken)


async def test_nothing_is_lost_and_joins_go_on_while_another_process_locks_the_file():
    with product(SLOTS="3") as running:
        running.post("/assistants", {"name": "pearl", "bot": "quiet"})
        joined = running.join("local:talk", bot="assistant", user_id="ann")
        talk = joined["conversation_id"]
        async with Person(running.url, joined["connect"]) as person:
            await person.until(lambda person: person.of_type("bot-stopped-speaking"))
            with locked(running):
                change = asyncio.create_task(
                    asyncio.to_thread(
                        refusal_of, running.call, "PATCH", "/assistants/pearl", {"persona": "Ruby"}
                    )
                )
                await say(person, "I like tea.")
                others = [
                    await asyncio.to_thread(running.join, f"local:other-{name}", user_id=name, **how)
                    for name, how in {"ben": {}, "cy": {"assistant": "pearl"}}.items()
                ]
                await say(person, "I like coffee.")
                for path in ("/conversations", "/users/ann", "/assistants/pearl"):
                    await asyncio.to_thread(running.get, path)
                assert await change == (503, "urn:greenroom:problem:database-away")
                control = running.process("control")
                await person.until(lambda _: "flush_failed" in control.logs(), within=60)
            await say(person, "I like cocoa.")
        running.post("/leave", {"room_url": "local:talk"})
        running.ended(joined["session_id"])
        eventually(lambda: not running.redis.exists(f"conversation:{{{talk}}}:outbox"), within=60)

        assert [other["status"] for other in others] == ["live", "live"]
        in_redis = [
            json.loads(turn) for turn in running.redis.zrange(f"conversation:{{{talk}}}:turns", 0, -1)
        ]
        kept = running.get(f"/conversations/{talk}")["turns"]
        assert [turn["content"] for turn in kept] == [turn["content"] for turn in in_redis]
        assert {"I like tea.", "I like coffee.", "I like cocoa."} <= {turn["content"] for turn in kept}
        for name in ("web", "control"):
            assert "Traceback" not in running.process(name).logs()
