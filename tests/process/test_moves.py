"""A session moves in a running product: asked for over HTTP, made by its bot, finished by who finds that dead."""

import os
import signal

import pytest

from greenroom.app.storage.keys import user_bot
from tests.fakes.person import Person
from tests.rigs.eventually import eventually
from tests.rigs.product import Problem, product

pytestmark = pytest.mark.anyio

GREETING = "What is your name"


@pytest.fixture(scope="module")
def greenroom():
    """Each test has people of its own, since a user has one bot."""
    with product(
        SLOTS="3", BOTS=",".join(f"{name}=tests.fakes.bots:{name}" for name in ("quiet", "mortal", "broken"))
    ) as running:
        yield running


def has_room(product, room):
    lease = product.get(f"/rooms/{room}")["lease"]
    return lease and lease["session_id"]


async def test_the_bot_of_who_joins_another_room_comes_along(greenroom):
    first = greenroom.join("local:voice-wanda", bot="assistant", user_id="wanda")
    async with Person(greenroom.url, first["connect"]) as person:
        await person.until(lambda person: GREETING in person.transcript)
        person.type("My name is Alice.")
        await person.until(lambda person: "Alice" in person.transcript)
    there = greenroom.join("local:forum-wanda", bot="assistant", user_id="wanda")

    assert (there["session_id"], there["room_url"]) == (first["session_id"], "local:forum-wanda")
    assert (there["status"] in ("live", "waiting"), there["mode"]) == (True, "forum")
    assert has_room(greenroom, "local:voice-wanda") is None
    async with Person(greenroom.url, there["connect"]) as person:
        person.type("What is my name?")
        await person.until(lambda person: "Alice" in person.transcript)

    back = greenroom.join("local:voice-wanda", bot="assistant", user_id="wanda")
    assert (back["session_id"], back["mode"]) == (first["session_id"], "voice")
    assert greenroom.events(first["session_id"]).count("moved") == 2
    greenroom.post("/leave", {"session_id": first["session_id"]})


def test_a_session_moves_to_the_room_that_is_named(greenroom):
    joined = greenroom.join("local:named", user_id="nora")
    move = f"/sessions/{joined['session_id']}/move?wait=20"
    told = greenroom.post(move, {"room_url": "local:named-too"})

    assert (told["room_url"], told["reused"]) == ("local:named-too", False)
    assert greenroom.session(joined["session_id"])["room_url"] == "local:named-too"
    assert greenroom.post(move, {"room_url": "local:named-too"})["reused"] is True
    greenroom.post("/leave", {"room_url": "local:named-too"})


def test_two_bots_do_not_swap_their_rooms(greenroom):
    ours = {user: greenroom.join(f"local:of-{user}", user_id=user) for user in ("olga", "paul")}
    for user, room in (("olga", "local:of-paul"), ("paul", "local:of-olga")):
        with pytest.raises(Problem) as refused:
            greenroom.post(f"/sessions/{ours[user]['session_id']}/move", {"room_url": room})
        assert refused.value.body["type"].endswith("room-has-a-bot")

    for user, joined in ours.items():
        assert has_room(greenroom, f"local:of-{user}") == joined["session_id"]
        greenroom.post("/leave", {"session_id": joined["session_id"]})


def test_another_bot_goes_on_with_the_conversation_in_the_other_room(greenroom):
    first = greenroom.join("local:replaced", user_id="rosa")
    there = greenroom.join("local:replacing", bot="mortal", user_id="rosa")

    assert there["session_id"] != first["session_id"]
    assert there["conversation_id"] == first["conversation_id"]
    assert greenroom.ended(first["session_id"]) == "moved_out"
    eventually(lambda: greenroom.session(there["session_id"])["state"] == "live", within=20)
    greenroom.post("/leave", {"session_id": there["session_id"]})


async def test_a_bot_that_fails_to_start_in_the_other_room_leaves_its_user_with_the_one_that_they_have(
    greenroom,
):
    """It could be imported.  The user's bot had left by the time it failed, and nothing brought that back."""
    first = greenroom.join("local:kept", bot="assistant", user_id="kate")
    with pytest.raises(Problem) as failed:
        greenroom.join("local:never", bot="broken", user_id="kate")

    assert "it was written in a hurry" in failed.value.body["detail"]
    assert has_room(greenroom, "local:kept") == first["session_id"]
    assert has_room(greenroom, "local:never") is None
    # Its next beat says again that this is her bot
    eventually(lambda: first["session_id"] in (greenroom.redis.get(user_bot("kate")) or ""), within=10)
    again = greenroom.join("local:another", bot="assistant", user_id="kate")
    assert again["session_id"] == first["session_id"]
    greenroom.post("/leave", {"session_id": first["session_id"]})


@pytest.mark.parametrize(
    ("dies_after", "room"),
    [
        ("prepared", "local:before-0"),
        ("claim adopted", "local:before-1"),
        ("adopted", "local:before-2"),
        ("entered", "local:before-3"),
        ("committed", "local:before-4"),
    ],
)
def test_a_bot_that_dies_in_the_middle_is_followed_by_one_in_one_of_the_rooms(greenroom, dies_after, room):
    """The plan of the bot transition, test 3: the bot dies during the transition."""
    user, other = f"dora-{room[-1]}", room.replace("before", "after")
    order = {"bot": "mortal", "user_id": user, "metadata": {"dies_after": dies_after}}
    joined = greenroom.join(room, **order)
    there = greenroom.join(other, wait=0, **order)
    assert (there["session_id"], there["status"]) == (joined["session_id"], "transitioning")

    session_id = joined["session_id"]
    eventually(lambda: "lost" in greenroom.events(session_id), within=30)
    eventually(lambda: greenroom.session(session_id)["state"] == "live", within=30)
    is_there = dies_after == "committed"
    assert greenroom.session(session_id)["room_url"] == (other if is_there else room)
    assert has_room(greenroom, other) == (session_id if is_there else None)
    assert has_room(greenroom, room) == (None if is_there else session_id)
    greenroom.post("/leave", {"session_id": session_id})


def test_leaving_while_it_moves_frees_both_rooms(greenroom):
    joined = greenroom.join("local:left", user_id="lena")
    greenroom.join("local:left-too", wait=0, user_id="lena")
    greenroom.post("/leave", {"session_id": joined["session_id"]})

    eventually(lambda: not has_room(greenroom, "local:left") and not has_room(greenroom, "local:left-too"))
    assert greenroom.ended(joined["session_id"]) == "left"


def test_a_session_whose_bot_was_killed_meanwhile_has_one_again(greenroom):
    joined = greenroom.join("local:shot", user_id="sven")
    pid = int(greenroom.owner("local:shot").rsplit("/", 1)[1])
    greenroom.join("local:shot-too", wait=0, user_id="sven")
    os.kill(pid, signal.SIGKILL)

    eventually(lambda: "lost" in greenroom.events(joined["session_id"]), within=40)
    eventually(lambda: greenroom.session(joined["session_id"])["state"] == "live", within=40)
    rooms = {room: has_room(greenroom, room) for room in ("local:shot", "local:shot-too")}
    at = greenroom.session(joined["session_id"])["room_url"]
    assert rooms == {room: joined["session_id"] if room == at else None for room in rooms}
    greenroom.post("/leave", {"session_id": joined["session_id"]})
