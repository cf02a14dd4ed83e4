"""No text of a participant is in any log, at the level that says the most, in rooms of one and of several."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from sqlalchemy import select

from greenroom.app.conversations.database import Database
from greenroom.app.conversations.tables import metadata
from tests.fakes.livekit_guest import Guest
from tests.fakes.person import Person
from tests.rigs.eventually import eventually
from tests.rigs.livekit_server import livekit_server
from tests.rigs.product import product
from tests.unit.bots.transports.test_incoming import DATA

pytestmark = pytest.mark.anyio
VOICES = Path(__file__).parent.parent / "voices"
CANARY = "canary-6f1d"  # in everything that DATA would send
SPOKEN = "alice"
MEMORY = {"facts", "summaries", "tool_calls"}  # where a name may lie that a bot was told to remember


@pytest.fixture(scope="module")
def greenroom():
    with livekit_server() as server, product(LOG_LEVEL="DEBUG", **server.settings) as running:
        running.livekit = server
        yield running


def joined(greenroom, room):
    told = {
        "user_name": f"Ann {CANARY}",
        "persona": f"Calm {CANARY}",
        "instructions": f"Calm. {CANARY}",
        "prompts": {"system": f"Calm. {CANARY}", "greeting": f"What is your name? {CANARY}"},
        "metadata": {"preferences": {"tea": CANARY}},
    }
    return greenroom.join(room, bot="assistant", user_id=f"ann-{room.rpartition('/')[2]}", **told)


def messages():
    """Everything that may come, as bytes: of RTVI's and not, whole and broken."""
    for kind, data in DATA.items():
        if kind != "disconnect-bot":
            yield {"label": "rtvi-ai", "type": kind, "id": "1", "data": data}
            yield {"label": "rtvi-ai", "type": kind, "id": "1", "data": {"of": [CANARY]}}
            yield {"label": "rtvi-ai", "type": kind, "id": [CANARY], "data": CANARY}
    yield {"label": "rtvi-ai", "type": CANARY, "id": "1"}
    yield {"label": CANARY, "type": "hello", "text": CANARY}
    yield {"type": CANARY, "text": CANARY}
    yield [CANARY]
    yield CANARY


async def talk(person, send):
    """Say something, send everything, and wait until the last of it has been answered."""
    await person.until(lambda person: person.of_type("bot-stopped-speaking"))
    person.say(VOICES / "name.wav")
    await person.until(lambda person: SPOKEN in person.transcript.lower())
    for each in messages():
        await send(json.dumps(each).encode())
    await send(f"{{ {CANARY}".encode())
    await send(b"\xff" + CANARY.encode())
    before = len(person.of_type("bot-output"))
    person.type(f"Thank you {CANARY}")
    await person.until(lambda person: len(person.of_type("bot-output")) > before)
    await asyncio.sleep(0.5)


def said_in_logs(greenroom):
    logs = {name: greenroom.process(name).logs() for name in ("web", "bots", "control", "beat")}
    assert "session_changed" in logs["web"] and "joining" in logs["bots"]
    return [
        (name, line)
        for name, log in logs.items()
        for line in log.splitlines()
        if CANARY in line.lower() or SPOKEN in line.lower()
    ]


def tables_with(greenroom, word):
    """The tables of the database that have this word in a row."""
    database = Database(greenroom.database_url)
    with database.reading() as connection:
        rows = {name: list(connection.execute(select(table))) for name, table in metadata.tables.items()}
    database.close()
    return {name for name, found in rows.items() if any(word in str(row).lower() for row in found)}


def keys_with(greenroom, word):
    """The kinds of Redis's keys that hold this word; Celery's lists of tasks and bots' inboxes are among those read."""
    server, found = greenroom.redis, set()
    reads = {"string": server.get, "hash": server.hgetall, "stream": server.xrange}
    for key in server.scan_iter():
        read = reads.get(server.type(key))
        held = read(key) if read else server.sort(key, by="nosort", alpha=True)
        if word in str(held).lower():
            found.add(re.sub(r"\{.*\}", "", key))
    return found


async def test_in_a_local_room(greenroom):
    ann = joined(greenroom, "local:words")
    greenroom.post("/config", {"room_url": "local:words", "prompt": f"Be short. {CANARY}"})
    async with Person(greenroom.url, ann["connect"]) as person:
        person.say = person.microphone.say

        async def send(data):
            person._channel.send(data.decode(errors="surrogateescape") if data[:1] != b"\xff" else data)

        await talk(person, send)
    greenroom.post("/leave", {"room_url": "local:words"})

    assert said_in_logs(greenroom) == []
    await asyncio.to_thread(eventually, lambda: tables_with(greenroom, SPOKEN), 30)
    assert tables_with(greenroom, SPOKEN) <= MEMORY | {"turns"}
    assert keys_with(greenroom, SPOKEN) <= {"conversation::turns", "conversation::outbox"}


async def test_in_a_room_of_several(greenroom):
    room = greenroom.livekit.room()
    ann = joined(greenroom, room)
    async with Guest(ann["connect"]) as guest:

        async def send(data):
            await guest.room.local_participant.publish_data(data, reliable=True)

        await talk(guest, send)
    greenroom.post("/leave", {"room_url": room})

    assert said_in_logs(greenroom) == []
