"""What a bot opens in its room is there for the people and for the next bot, and goes with the session."""

import os
import signal

import pytest

from tests.fakes.person import Person
from tests.rigs.eventually import eventually
from tests.rigs.product import product

pytestmark = pytest.mark.anyio
NOTING = "noting=tests.fakes.bots:noting"


@pytest.fixture(scope="module")
def greenroom():
    with product(SLOTS="2", BOTS=NOTING) as running:
        yield running


def note(greenroom, room):
    return greenroom.get(f"/rooms/{room}")["state"]["active_note"]


def states(person):
    """What the session told this client of the state of its room."""
    said = [each["data"] for each in person.messages if each.get("type") == "server-message"]
    return [each["state"] for each in said if each.get("event") == "state"]


async def test_a_note_is_told_to_who_arrives_and_kept_for_the_next_bot(greenroom):
    joined = greenroom.join("local:notes", user_id="ann-notes", bot="noting")
    eventually(lambda: note(greenroom, "local:notes"))
    first = note(greenroom, "local:notes")
    bot = int(greenroom.owner("local:notes").rsplit("/", 1)[1])
    assert first == {"value": {"by": bot}, "owner": "ann-notes"}

    async with Person(greenroom.url, joined["connect"]) as ann:
        await ann.until(states)
        assert states(ann)[0]["active_note"] == first

    os.kill(bot, signal.SIGKILL)
    eventually(lambda: greenroom.events(joined["session_id"]).count("live") == 2, within=20)
    assert note(greenroom, "local:notes") == first

    greenroom.post("/leave", {"room_url": "local:notes"})
    assert note(greenroom, "local:notes") is None


def test_a_note_is_written_again_when_redis_has_lost_everything(greenroom):
    joined = greenroom.join("local:lost", user_id="ann-lost", bot="noting")
    first = eventually(lambda: note(greenroom, "local:lost"))

    greenroom.redis.flushall()
    assert note(greenroom, "local:lost") is None

    eventually(lambda: note(greenroom, "local:lost") == first, within=20)
    assert greenroom.get("/rooms/local:lost")["lease"]["session_id"] == joined["session_id"]
    greenroom.post("/leave", {"room_url": "local:lost"})
