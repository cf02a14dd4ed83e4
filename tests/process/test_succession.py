"""A call outlives its bot's process and its worker: the session, the conversation and the person's room stay."""

import asyncio
import os
import signal

import pytest

from tests.fakes.person import Person
from tests.rigs.eventually import eventually
from tests.rigs.product import Product, product

pytestmark = pytest.mark.anyio

ELSEWHERE = "bots@elsewhere"
GREETING = "What is your name"


@pytest.fixture(scope="module")
def greenroom():
    """One product for this module: each test leaves a worker that takes launches.

    Each test has people of its own, since a bot remembers who told it a name.
    """
    with product(SLOTS="2") as running:
        yield running


def pid_of_bot(product: Product, room: str) -> int:
    return int(product.owner(room).rsplit("/", 1)[1])


def is_ready(product: Product, host: str, slots: int = 2) -> bool:
    return product.redis.hget("hosts:free", host) == str(slots)


async def introduce(person: Person) -> None:
    """Tell the bot a name, and hear that it knows it."""
    await person.until(lambda person: GREETING in person.transcript)
    person.type("My name is Alice.")
    await person.until(lambda person: "Alice" in person.transcript)
    await person.until(lambda person: len(person.of_type("bot-stopped-speaking")) > 1)


async def assert_it_remembers(product: Product, joined: dict[str, object]) -> None:
    """It knows the name, and did not greet again."""
    async with Person(product.url, joined["connect"]) as person:  # type: ignore[arg-type]
        person.type("What is my name?")
        await person.until(lambda person: "Alice" in person.transcript)

        assert GREETING not in person.transcript


async def test_a_killed_bot_is_followed_by_one_that_knows_what_was_said(greenroom):
    joined = greenroom.join("local:killed", bot="assistant", user_id="ann-killed")
    async with Person(greenroom.url, joined["connect"]) as person:
        await introduce(person)
        os.kill(pid_of_bot(greenroom, "local:killed"), signal.SIGKILL)
        await person.until(lambda _: "lost" in greenroom.events(joined["session_id"]))
    eventually(lambda: greenroom.session(joined["session_id"])["state"] == "live")

    await assert_it_remembers(greenroom, joined)
    session = greenroom.session(joined["session_id"])
    assert session["crashes"] == 1
    assert greenroom.join("local:killed")["session_id"] == joined["session_id"]
    greenroom.post("/leave", {"room_url": "local:killed"})


async def test_a_bot_that_is_killed_while_it_waits_is_followed_by_one_that_waits(greenroom):
    """The session was `live` from then on, with nobody in the room."""
    joined = greenroom.join("local:alone", bot="quiet", user_id="ann-alone")
    session_id = joined["session_id"]
    async with Person(greenroom.url, joined["connect"]) as person:
        await person.until(lambda _: "person_arrived" in greenroom.events(session_id))
    eventually(lambda: greenroom.session(session_id)["state"] == "waiting", within=20)
    os.kill(pid_of_bot(greenroom, "local:alone"), signal.SIGKILL)
    eventually(lambda: greenroom.events(session_id).count("live") == 2, within=20)

    eventually(lambda: greenroom.session(session_id)["state"] == "waiting")
    async with Person(greenroom.url, joined["connect"]) as person:
        await person.until(lambda _: greenroom.session(session_id)["state"] == "live")
    greenroom.post("/leave", {"room_url": "local:alone"})


async def test_a_bot_that_was_killed_before_it_answered_answers_when_it_is_back(greenroom):
    joined = greenroom.join("local:owing", bot="assistant", user_id="ann-owing")
    async with Person(greenroom.url, joined["connect"]) as person:
        await person.until(lambda person: GREETING in person.transcript)
        person.type("Who are you?")
        await person.until(lambda _: b"Who are you?" in _turns(greenroom, joined))
        os.kill(pid_of_bot(greenroom, "local:owing"), signal.SIGKILL)
    eventually(lambda: greenroom.events(joined["session_id"]).count("live") == 2)

    async with Person(greenroom.url, joined["connect"]) as person:
        await person.until(lambda person: "Robin" in person.transcript)
        assert GREETING not in person.transcript
    greenroom.post("/leave", {"room_url": "local:owing"})


async def test_another_person_who_comes_after_a_crash_hears_nothing_of_the_first(greenroom):
    joined = greenroom.join("local:private", bot="assistant", user_id="ann-private")
    async with Person(greenroom.url, joined["connect"]) as person:
        await introduce(person)
    os.kill(pid_of_bot(greenroom, "local:private"), signal.SIGKILL)
    eventually(lambda: greenroom.events(joined["session_id"]).count("live") == 2)
    second = greenroom.join("local:private", bot="assistant", user_id="bob-private")

    async with Person(greenroom.url, second["connect"]) as person:
        await person.until(lambda person: GREETING in person.transcript)
        person.type("What is my name?")
        await person.until(lambda person: len(person.of_type("bot-stopped-speaking")) > 1)
        assert "Alice" not in person.transcript
    begun = greenroom.session(joined["session_id"])["conversation_id"]
    assert begun != joined["conversation_id"]
    assert b"Alice" not in _turns(greenroom, {"conversation_id": begun})
    assert b"Alice" in _turns(greenroom, joined), "hers stays"
    greenroom.post("/leave", {"room_url": "local:private"})


async def test_a_worker_that_is_told_to_stop_hands_its_calls_to_another(greenroom):
    joined = greenroom.join("local:moved", bot="assistant", user_id="ann-moved")
    async with Person(greenroom.url, joined["connect"]) as person:
        await introduce(person)
        await asyncio.to_thread(greenroom.start, ELSEWHERE)
        await person.until(lambda _: is_ready(greenroom, ELSEWHERE), within=60)
        os.kill(greenroom.process("bots").pid, signal.SIGTERM)
        await person.until(lambda person: _said(person, "handed_over"), within=30)

    assert greenroom.process("bots").wait(30) == 0
    await assert_it_remembers(greenroom, joined)
    session = greenroom.session(joined["session_id"])
    assert (session["host"], session["crashes"]) == (ELSEWHERE, 0)
    greenroom.post("/leave", {"room_url": "local:moved"})
    _go_back_to_one_worker(greenroom)


async def test_a_deploy_changes_neither_a_pause_nor_when_a_bot_leaves(greenroom):
    """One that was to leave in a moment stayed for as long as its session's persistence."""
    paused = greenroom.join("local:hushed", bot="assistant", user_id="ann-hushed")
    leaving = greenroom.join("local:leaving", bot="assistant", user_id="ann-leaving")
    url = f"/sessions/{paused['session_id']}"
    async with Person(greenroom.url, paused["connect"]) as person:
        await introduce(person)
        await asyncio.to_thread(greenroom.start, ELSEWHERE)
        await person.until(lambda _: is_ready(greenroom, ELSEWHERE), within=60)
        assert greenroom.post(f"{url}/pause")["state"] == "paused"
        greenroom.post("/leave", {"session_id": leaving["session_id"], "teardown_delay": 30})
        os.kill(greenroom.process("bots").pid, signal.SIGTERM)
        await person.until(lambda person: _said(person, "handed_over"), within=30)
    assert greenroom.process("bots").wait(30) == 0

    for joined in (paused, leaving):
        assert greenroom.events(joined["session_id"]).count("handed_over") == 1
    async with Person(greenroom.url, paused["connect"]) as person:
        await person.until(lambda person: _said(person, "paused"))
        person.type("What is my name?")
        await person.until(lambda person: person.of_type("error-response"))
        assert greenroom.session(paused["session_id"])["state"] == "paused"
        assert greenroom.post(f"{url}/resume")["state"] == "live"
        person.type("What is my name?")
        await person.until(lambda person: "Alice" in person.transcript)
    assert greenroom.ended(leaving["session_id"], within=45) == "left"
    greenroom.post("/leave", {"session_id": paused["session_id"]})
    _go_back_to_one_worker(greenroom)


def _go_back_to_one_worker(greenroom: Product) -> None:
    greenroom.process("bots").start()
    eventually(lambda: greenroom.redis.hlen("hosts:free") == 3, within=60)
    greenroom.process(ELSEWHERE).kill(signal.SIGTERM.value)


async def test_without_another_worker_a_call_waits_until_its_own_is_back(own_greenroom):
    joined = own_greenroom.join("local:parked", bot="assistant", user_id="ann-parked")
    async with Person(own_greenroom.url, joined["connect"]) as person:
        await introduce(person)
        os.kill(own_greenroom.process("bots").pid, signal.SIGTERM)
        await person.until(lambda person: "right back" in person.transcript, within=30)
        await person.until(lambda person: _said(person, "parked"), within=30)
    assert own_greenroom.process("bots").wait(30) == 0
    assert own_greenroom.session(joined["session_id"])["position"] == 1
    own_greenroom.process("bots").start()
    eventually(lambda: own_greenroom.session(joined["session_id"])["state"] == "live", within=60)

    await assert_it_remembers(own_greenroom, joined)
    assert own_greenroom.session(joined["session_id"])["crashes"] == 0


def test_a_worker_that_comes_back_revives_what_it_held_when_it_was_killed(own_greenroom):
    joined = [own_greenroom.join(f"local:held-{number}") for number in range(2)]
    own_greenroom.process("bots").kill("SIGKILL")
    own_greenroom.process("bots").start()
    for each in joined:
        eventually(lambda each=each: own_greenroom.events(each["session_id"]).count("live") == 2, within=25)

    assert [own_greenroom.session(each["session_id"])["crashes"] for each in joined] == [1, 1]


async def test_leaving_while_a_session_waits_for_its_worker_ends_it(own_greenroom):
    joined = own_greenroom.join("local:parked")
    unvisited = own_greenroom.join("local:unvisited")
    async with Person(own_greenroom.url, joined["connect"]) as person:
        os.kill(own_greenroom.process("bots").pid, signal.SIGTERM)
        await person.until(lambda person: _said(person, "parked"), within=30)
    assert own_greenroom.ended(unvisited["session_id"]) == "no_show"

    assert own_greenroom.post("/leave", {"room_url": "local:parked"})["reason"] == "left"
    assert own_greenroom.get("/rooms/local:parked")["lease"] is None
    own_greenroom.process("bots").wait(30)
    own_greenroom.process("bots").start()
    after = own_greenroom.join("local:after")
    assert after["status"] == "live"
    assert own_greenroom.events(joined["session_id"])[-1] == "ended"


def test_a_bot_that_crashes_again_and_again_ends_with_a_reason(greenroom):
    joined = greenroom.join("local:often")
    for times in (1, 2, 3):
        eventually(lambda times=times: greenroom.events(joined["session_id"]).count("live") == times)
        os.kill(pid_of_bot(greenroom, "local:often"), signal.SIGKILL)

    assert greenroom.ended(joined["session_id"]) == "crashed_too_often"
    assert greenroom.join("local:often")["session_id"] != joined["session_id"]
    greenroom.post("/leave", {"room_url": "local:often"})


def test_who_finds_no_free_slot_waits_in_line_and_gets_the_first_that_is_free(own_greenroom):
    there = [own_greenroom.join(f"local:there-{number}") for number in range(2)]
    waits = [own_greenroom.join(f"local:waits-{number}", wait=0) for number in range(2)]
    eventually(lambda: "queued" in own_greenroom.events(waits[0]["session_id"]))

    assert [each["status"] for each in waits] == ["queued", "queued"]
    assert [each["position"] for each in waits] == [1, 2]
    own_greenroom.post("/leave", {"session_id": there[0]["session_id"]})
    eventually(lambda: own_greenroom.session(waits[0]["session_id"])["state"] == "live")
    assert own_greenroom.session(waits[1]["session_id"])["position"] == 1
    own_greenroom.post("/leave", {"session_id": waits[1]["session_id"]})
    assert own_greenroom.join("local:third", wait=0)["position"] == 1


def _said(person: Person, event: str) -> bool:
    return any(message["data"].get("event") == event for message in person.of_type("server-message"))


def _turns(product: Product, joined: dict[str, object]) -> bytes:
    key = f"conversation:{{{joined['conversation_id']}}}:turns"
    return b" ".join(str(turn).encode() for turn in product.redis.zrange(key, 0, -1))
