"""A paused bot in real processes: it hears nothing, its next bot is paused too, and a call's pause ends with it."""

import os
import signal

import pytest

from tests.fakes.person import Person
from tests.rigs.eventually import eventually
from tests.rigs.product import product

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def greenroom():
    with product(SLOTS="3") as running:
        yield running


async def introduce(person):
    await person.until(lambda person: "What is your name" in person.transcript)
    person.type("My name is Alice.")
    await person.until(lambda person: "Alice" in person.transcript)
    await person.until(lambda person: len(person.of_type("bot-stopped-speaking")) > 1)


def told(person):
    return [message["data"]["event"] for message in person.of_type("server-message")]


async def test_a_paused_bot_takes_nothing_and_its_next_bot_is_paused_until_it_is_resumed(greenroom):
    joined = greenroom.join("local:paused", bot="assistant", user_id="ann-paused")
    url = f"/sessions/{joined['session_id']}"
    async with Person(greenroom.url, joined["connect"]) as person:
        await introduce(person)
        assert greenroom.post(f"{url}/pause")["state"] == "paused"
        await person.until(lambda person: "paused" in told(person))
        person.type("Are you there?")
        await person.until(lambda person: person.of_type("error-response"))
        os.kill(int(greenroom.owner("local:paused").rsplit("/", 1)[1]), signal.SIGKILL)
        await person.until(lambda _: "lost" in greenroom.events(joined["session_id"]))
    eventually(lambda: greenroom.session(joined["session_id"])["state"] == "paused", 30)

    async with Person(greenroom.url, joined["connect"]) as person:
        await person.until(lambda person: "paused" in told(person))
        person.type("Are you there?")
        await person.until(lambda person: person.of_type("error-response"))
        assert greenroom.post(f"{url}/resume")["state"] == "live"
        await person.until(lambda person: "resumed" in told(person))
        person.type("What is my name?")
        await person.until(lambda person: "Alice" in person.transcript)
    greenroom.post("/leave", {"session_id": joined["session_id"]})


async def test_whoever_is_in_another_s_call_has_their_own_bot_paused_until_they_leave(greenroom):
    """Rule: the room's bot, whoever's it is; what is paused for the call, and that alone, is resumed after it."""
    own = greenroom.join("local:of-cleo", bot="assistant", user_id="cleo")
    greenroom.join("local:of-dan", bot="assistant", user_id="dan")
    there = greenroom.join("local:of-dan", user_id="cleo")
    assert there["reused"] and there["session_id"] != own["session_id"]
    assert greenroom.session(own["session_id"])["pause"] is None

    async with Person(greenroom.url, there["connect"]) as person:
        await person.until(
            lambda _: greenroom.session(own["session_id"])["pause"] == {"call": "local:of-dan"}
        )
        where = greenroom.get("/users/cleo/session")
        assert (where["activeSession"], where["voiceSession"]["status"]) == ("forum", "paused")
        assert where["forum"]["joined"] and where["forum"]["roomUrl"] == "local:of-dan"
    eventually(lambda: greenroom.session(own["session_id"])["pause"] is None, 30)

    assert greenroom.get("/users/cleo/session")["activeSession"] == "voice"


async def test_a_call_whose_bot_dies_while_its_person_leaves_ends_the_pause_all_the_same(greenroom):
    own = greenroom.join("local:of-fay", bot="assistant", user_id="fay")
    greenroom.join("local:of-gil", bot="assistant", user_id="gil")
    there = greenroom.join("local:of-gil", user_id="fay")
    async with Person(greenroom.url, there["connect"]) as person:
        await person.until(lambda _: greenroom.session(own["session_id"])["pause"] is not None)
        os.kill(int(greenroom.owner("local:of-gil").rsplit("/", 1)[1]), signal.SIGKILL)
    greenroom.post("/leave", {"session_id": there["session_id"]})

    eventually(lambda: greenroom.session(own["session_id"])["pause"] is None, 30)


async def test_a_session_that_is_extended_outlives_the_time_it_had(greenroom):
    joined = greenroom.join("local:longer", bot="quiet", user_id="hal", max_duration=12)
    session_id = joined["session_id"]
    eventually(lambda: "ends_soon" in greenroom.events(session_id), 15)

    assert greenroom.post(f"/sessions/{session_id}/extend", {"seconds": 600})["max_duration"] == 612
    eventually(lambda: greenroom.session(session_id)["duration_ms"] > 14_000, 30)
    assert greenroom.session(session_id)["state"] in ("live", "waiting")
    assert greenroom.post(f"/sessions/{session_id}/extend", {"max_duration": 20})["max_duration"] == 20
    assert greenroom.ended(session_id, 20) == "max_duration"
