"""Somebody tells the bot their name, hangs up, everything is started again, and they come back: it knows the name."""

import json
import time

import pytest
from sqlalchemy import select

from greenroom.app.conversations.database import Database
from greenroom.app.conversations.tables import summaries
from greenroom.app.rooms.summarising import FEWEST
from tests.fakes import openai_server
from tests.fakes.backend_server import SECRET, a_backend
from tests.fakes.person import Person
from tests.rigs.eventually import eventually
from tests.rigs.product import Product, product

pytestmark = pytest.mark.anyio

SUMMARY = "Their dog is called Tilly."
SUMS_UP = "Sum up in at most"
ASKED = "What is your name"


async def talk(running: Product, room: str, *lines: str, until: str, user: str = "ann") -> str:
    """Join, hear the greeting, say these lines, hear what is waited for, and leave; returns all that the bot said."""
    joined = running.join(room, bot="assistant", user_id=user)
    async with Person(running.url, joined["connect"]) as person:
        await person.until(lambda person: len(person.of_type("bot-stopped-speaking")) > 0)
        for line in lines:
            person.type(line)
        await person.until(lambda person: until in person.transcript)
        heard = str(person.transcript)
    running.post("/leave", {"room_url": room})
    running.ended(joined["session_id"])
    return heard


def facts_of(running: Product, user: str = "ann") -> dict[str, str]:
    return {fact["key"]: fact["text"] for fact in running.get(f"/users/{user}")["facts"]}


async def test_a_name_outlives_everything_that_runs_and_goes_when_it_is_asked_to():
    with product(SLOTS="1") as running:
        status, told = running.process("web").exec_run("greenroom migrate")
        assert status == 0, told
        assert ASKED in await talk(
            running, "local:first", "My name is Alice.", until="Nice to meet you, Alice"
        )
        eventually(lambda: facts_of(running) == {"name": "Alice"}, within=30)

        running.stop()
        running.start()

        greeted = await talk(running, "local:second", "Please forget me.", until="forgotten")
        assert "Hello again, Alice" in greeted
        assert ASKED not in greeted
        eventually(lambda: facts_of(running) == {}, within=30)

        assert "Alice" not in await talk(running, "local:third", until=ASKED)
        assert "Alice" not in await talk(running, "local:fourth", until=ASKED, user="ben")


def counted(asked):
    """What a model says that sums up, or has heard so many lines."""
    messages = asked["messages"]
    lines = sum("Tilly" in str(message["content"]) for message in messages if message["role"] == "user")
    return SUMMARY if SUMS_UP in str(messages) else f"Heard {lines}"


async def test_a_session_is_summed_up_by_the_model_that_thinks():
    """In `control`, when it is over."""
    with openai_server.running() as model:
        model.answer = counted
        speech = {"SPEECH": "openai", "OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "a-key"}
        with product(SLOTS="1", **speech) as running:
            joined = running.join("local:summed-up", bot="assistant", user_id="ann")
            async with Person(running.url, joined["connect"]) as person:
                for number in range(1, FEWEST + 1):
                    person.type(f"Line {number} about Tilly.")
                    await person.until(lambda person, heard=f"Heard {number}": heard in person.transcript)
            running.post("/leave", {"room_url": "local:summed-up"})

            database = Database(running.database_url)
            eventually(lambda: summed_up(database) == [SUMMARY], within=60)
            database.close()


def summed_up(database):
    with database.reading() as connection:
        return connection.execute(select(summaries.c.text)).scalars().all()


def slow(call):
    """A memory that takes longer than a bot waits for it, and less long than it is listened to."""
    if call.path != "/recall":
        return 200, b"{}"
    time.sleep(0.6)
    return 200, json.dumps({"text": "Facts:\n- name: Alice"}).encode()


async def test_a_memory_that_comes_after_the_bot_has_begun_is_known_in_that_call():
    """A first read of a database that nobody had read took longer than a bot waits, and the name was not known."""
    with a_backend() as backend:
        backend.answers = slow
        with product(SLOTS="1", BACKEND_URL=backend.url, BACKEND_SECRET=SECRET) as running:
            await talk(running, "local:slow", "What is my name?", until="Your name is Alice")

            assert "memory_load_failed" in running.process("bots").logs()  # it did begin without
            assert len(backend.to("/recall")) == 1
