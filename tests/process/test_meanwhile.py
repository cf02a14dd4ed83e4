"""What happens while a bot moves, and where it cannot go: one outcome each, and nobody is left without a word."""

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fakes.person import Person
from tests.process.test_moves import GREETING, has_room
from tests.rigs.eventually import eventually
from tests.rigs.ports import free_port
from tests.rigs.product import Problem, product

pytestmark = pytest.mark.anyio

ELSEWHERE = "bots@elsewhere"
AWAY = f"ws://127.0.0.1:{free_port()}"  # where no LiveKit server listens


@pytest.fixture(scope="module")
def greenroom():
    """Each test has people of its own, since a user has one bot."""
    bots = ",".join(f"{name}=tests.fakes.bots:{name}" for name in ("quiet", "slow", "single"))
    keys = {"LIVEKIT_API_KEY": "a-key", "LIVEKIT_API_SECRET": "a-secret-of-32-characters-or-more"}
    with product(SLOTS="2", BOTS=bots, LIVEKIT_URL=AWAY, **keys) as running:
        yield running


def begun_to_move(greenroom, name):
    """Somebody's bot, which is on its way from one room to another and takes its time."""
    joined = greenroom.join(f"local:{name}-old", bot="slow", user_id=name)
    told = greenroom.post(f"/sessions/{joined['session_id']}/move", {"room_url": f"local:{name}-new"})
    assert told["status"] == "transitioning"
    return joined["session_id"]


def lands(greenroom, session_id, room):
    """The session is live in that room once no move is under way."""
    eventually(lambda: greenroom.session(session_id)["state"] == "live", within=20)
    assert greenroom.session(session_id)["room_url"] == room
    assert has_room(greenroom, room) == session_id


def test_of_two_moves_that_are_asked_for_at_once_one_is_made_and_the_other_is_told_so(greenroom):
    joined = greenroom.join("local:two", bot="slow", user_id="tina")
    rooms = ("local:two-east", "local:two-west")

    def move(room):
        try:
            return greenroom.post(f"/sessions/{joined['session_id']}/move?wait=20", {"room_url": room})
        except Problem as problem:
            return problem

    with ThreadPoolExecutor(2) as both:
        answers = dict(zip(rooms, both.map(move, rooms), strict=True))
    (made,) = [room for room, answer in answers.items() if not isinstance(answer, Problem)]
    (refused,) = {*rooms} - {made}

    assert answers[made]["status"] == "live"
    assert answers[refused].status == 409
    assert answers[refused].body["type"].endswith("not-movable") and answers[refused].body["detail"]
    lands(greenroom, joined["session_id"], made)
    assert has_room(greenroom, refused) is None and has_room(greenroom, "local:two") is None
    greenroom.post("/leave", {"session_id": joined["session_id"]})


def test_who_joins_the_old_room_meanwhile_gets_a_bot_of_their_own(greenroom):
    session_id = begun_to_move(greenroom, "olaf")
    theirs = greenroom.join("local:olaf-old", bot="quiet", user_id="otto")

    assert (theirs["status"], theirs["reused"]) == ("live", False)
    assert theirs["session_id"] != session_id
    lands(greenroom, session_id, "local:olaf-new")
    assert has_room(greenroom, "local:olaf-old") == theirs["session_id"]
    for each in (session_id, theirs["session_id"]):
        greenroom.post("/leave", {"session_id": each})


def test_who_joins_the_other_room_meanwhile_gets_the_bot_that_comes(greenroom):
    session_id = begun_to_move(greenroom, "nils")
    theirs = greenroom.join("local:nils-new", bot="quiet", user_id="nora")

    assert (theirs["session_id"], theirs["status"]) == (session_id, "live")
    lands(greenroom, session_id, "local:nils-new")
    greenroom.post("/leave", {"session_id": session_id})


async def test_a_room_whose_server_is_away_leaves_the_bot_where_it_is_and_says_why(greenroom):
    joined = greenroom.join("local:stays", bot="assistant", user_id="stan")
    url = f"/sessions/{joined['session_id']}"
    async with Person(greenroom.url, joined["connect"]) as stan:
        with pytest.raises(Problem) as failed:
            await asyncio.to_thread(greenroom.post, f"{url}/move?wait=30", {"room_url": f"{AWAY}/forum"})
        failure = {"type": "greenroom", "event": "session.move_failed", "reason": "unreachable"}
        await stan.until(lambda stan: failure in [said["data"] for said in stan.of_type("server-message")])
        stan.type("My name is Alice.")
        await stan.until(lambda stan: "Alice" in stan.transcript)

    problem = failed.value.body
    assert (failed.value.status, problem["reason"]) == (503, "unreachable")
    assert problem["detail"].startswith("The bot stays where it is: ")
    (line,) = [each for each in greenroom.get(f"{url}/events")["events"] if each["event"] == "move_failed"]
    assert line["reason"] == "unreachable" and line["detail"] in problem["detail"]
    lands(greenroom, joined["session_id"], "local:stays")
    greenroom.post("/leave", {"session_id": joined["session_id"]})


async def test_a_bot_that_cannot_be_in_two_rooms_starts_anew_in_the_other_and_nobody_notices(greenroom):
    """Rule: where a move can be made only by starting anew it is, with the same conversation and personality."""
    first = greenroom.join("local:once", bot="single", personality="critic", user_id="sue")
    await tells_her_name(greenroom, first)
    there = greenroom.join("local:once-more", bot="single", user_id="sue")

    same = ("session_id", "conversation_id", "personality", "bot")
    assert {name: there[name] for name in same} == {name: first[name] for name in same}
    await is_known_by_name(greenroom, there)
    events = greenroom.events(first["session_id"])
    assert events.count("joining") == 2 and "lost" not in events
    assert has_room(greenroom, "local:once") is None
    greenroom.post("/leave", {"session_id": first["session_id"]})


async def test_another_bot_that_is_named_in_the_other_room_goes_on_with_the_conversation(greenroom):
    first = greenroom.join("local:named", bot="assistant", personality="critic", user_id="rita")
    await tells_her_name(greenroom, first)
    there = greenroom.join("local:renamed", bot="single", user_id="rita")

    assert there["session_id"] != first["session_id"]
    same = ("conversation_id", "personality")
    assert {name: there[name] for name in same} == {name: first[name] for name in same}
    assert greenroom.ended(first["session_id"]) == "moved_out"
    await is_known_by_name(greenroom, there)
    greenroom.post("/leave", {"session_id": there["session_id"]})


async def tells_her_name(greenroom, joined):
    async with Person(greenroom.url, joined["connect"]) as person:
        await person.until(lambda person: person.of_type("bot-ready"))
        person.type("My name is Alice.")
        await person.until(lambda person: "Alice" in person.transcript)


async def is_known_by_name(greenroom, joined):
    async with Person(greenroom.url, joined["connect"]) as person:
        person.type("What is my name?")
        await person.until(lambda person: "Alice" in person.transcript)
        assert GREETING not in person.transcript


def test_a_worker_that_is_told_to_stop_meanwhile_hands_over_what_has_moved():
    with product(SLOTS="2", BOTS="slow=tests.fakes.bots:slow") as greenroom:
        joined = greenroom.join("local:dora-old", bot="slow", user_id="dora")
        session_id = joined["session_id"]
        greenroom.start(ELSEWHERE)
        eventually(lambda: greenroom.redis.hget("hosts:free", ELSEWHERE) == "2", within=60)
        greenroom.post(f"/sessions/{session_id}/move", {"room_url": "local:dora-new"})
        eventually(lambda: "transitioning" in greenroom.events(session_id), within=10)
        os.kill(greenroom.process("bots").pid, signal.SIGTERM)

        eventually(lambda: "handed_over" in greenroom.events(session_id), within=30)
        assert greenroom.process("bots").wait(30) == 0
        lands(greenroom, session_id, "local:dora-new")
        session, events = greenroom.session(session_id), greenroom.events(session_id)
        assert (session["host"], session["crashes"]) == (ELSEWHERE, 0)
        assert events.count("moved") == 1 and not {"move_failed", "lost"} & {*events}
        assert has_room(greenroom, "local:dora-old") is None
