"""A session's life in real processes: it starts, talks, waits and ends as it should."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fakes.person import Person
from tests.rigs.eventually import eventually
from tests.rigs.product import Problem

pytestmark = pytest.mark.anyio


def test_a_join_puts_a_bot_in_the_room_and_a_leave_takes_it_out(greenroom):
    joined = greenroom.join("local:hello")
    left = greenroom.post("/leave", {"room_url": "local:hello"})

    assert joined["status"] == "live" and joined["reused"] is False
    assert left == {"status": "left", "session_id": joined["session_id"], "reason": "left"}
    assert greenroom.events(joined["session_id"]) == ["pending", "joining", "live", "leaving", "ended"]
    assert greenroom.get("/rooms/local:hello")["lease"] is None


def test_leaving_twice_is_fine(greenroom):
    joined = greenroom.join("local:twice")
    first = greenroom.post("/leave", {"session_id": joined["session_id"]})
    second = greenroom.post("/leave", {"session_id": joined["session_id"]})

    assert first == second
    assert greenroom.post("/leave", {"room_url": "local:twice"})["status"] == "empty"


def test_a_hundred_callers_at_once_get_one_bot(greenroom):
    with ThreadPoolExecutor(100) as crowd:
        answers = list(crowd.map(lambda _: greenroom.join("local:crowd", wait=0), range(100)))

    assert len({answer["session_id"] for answer in answers}) == 1
    assert [answer["reused"] for answer in answers].count(False) == 1
    session_id = answers[0]["session_id"]
    eventually(lambda: greenroom.session(session_id)["state"] == "live")
    assert greenroom.events(session_id).count("joining") == 1
    greenroom.post("/leave", {"session_id": session_id})


def test_a_bot_that_crashes_at_boot_says_so_to_whoever_waits(greenroom):
    with pytest.raises(Problem) as refusal:
        greenroom.join("local:broken", bot="broken")

    assert refusal.value.status == 503
    assert refusal.value.body["reason"] == "crashed_too_often"
    assert greenroom.get("/rooms/local:broken")["lease"] is None


async def test_a_person_who_comes_back_finds_the_same_bot_waiting(greenroom):
    joined = greenroom.join("local:back", user_id="ann-back")
    async with Person(greenroom.url, joined["connect"]):
        pass
    eventually(lambda: greenroom.session(joined["session_id"])["state"] == "waiting")
    again = greenroom.join("local:back", user_id="ann-back")
    async with Person(greenroom.url, again["connect"]):
        eventually(lambda: greenroom.session(joined["session_id"])["state"] == "live")

    assert again["session_id"] == joined["session_id"] and again["reused"]
    greenroom.post("/leave", {"session_id": joined["session_id"]})


async def test_a_room_whose_person_does_not_come_back_ends_as_idle(greenroom):
    joined = greenroom.join("local:idle", session_persistence=0)
    async with Person(greenroom.url, joined["connect"]):
        pass

    assert greenroom.ended(joined["session_id"]) == "idle"


async def test_a_bot_that_leaves_later_is_there_for_who_joins_meanwhile_and_else_gone(greenroom):
    joined = greenroom.join("local:later", user_id="ann-later")
    later = {"room_url": "local:later", "teardown_delay": 1}
    async with Person(greenroom.url, joined["connect"]):
        left = greenroom.post("/leave", {**later, "teardown_delay": 60})
    again = greenroom.join("local:later", user_id="ann-later")
    async with Person(greenroom.url, again["connect"]):
        eventually(lambda: greenroom.session(joined["session_id"])["state"] == "live")
        second = greenroom.post("/leave", later)

    assert left["status"] == second["status"] == "waiting"
    assert again["session_id"] == joined["session_id"]
    assert greenroom.ended(joined["session_id"]) == "left"


async def test_a_second_person_is_told_that_the_room_is_full(greenroom):
    ann = greenroom.join("local:full", user_id="ann-full")
    bob = greenroom.join("local:full", user_id="bob")
    async with Person(greenroom.url, ann["connect"]) as person:
        refused = await person.refusal_of(bob["connect"])

    assert refused["type"] == "urn:greenroom:problem:room-full"
    greenroom.post("/leave", {"room_url": "local:full"})


def test_a_session_ends_when_its_time_is_over(greenroom):
    joined = greenroom.join("local:short", max_duration=10)

    assert greenroom.ended(joined["session_id"], within=20) == "max_duration"
