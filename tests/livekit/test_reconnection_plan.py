"""The plan "Room Management Reconnection Fix" in a room as its own was, of LiveKit, with its waits.

In a room of this installation it is in tests/process/test_returns.py.
"""

import asyncio

import pytest

from tests.fakes.livekit_guest import Guest
from tests.livekit.test_calls import answer, greeted
from tests.rigs.eventually import eventually
from tests.rigs.livekit_server import own
from tests.rigs.stopping import stopped

pytestmark = pytest.mark.anyio


@pytest.fixture
def order(room):
    return {"bot": "assistant", "user_id": own("ann", room)}


async def remembered(ann):
    """Ask for the name, as soon as the bot is ready."""
    await ann.until(lambda ann: ann.of_type("bot-ready"))
    await answer(ann, "What is my name?", "Ada")


async def test_five_returns_to_a_room_are_answered_like_the_first(greenroom, room, order):
    """Test 1, a return after three seconds, and test 3, five cycles: each message is answered, and nothing fails."""
    joined = greenroom.join(room, **order)
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        await answer(ann, "My name is Ada.", "Nice to meet you, Ada")
    for cycle in range(5):
        await asyncio.to_thread(
            eventually, lambda: greenroom.session(joined["session_id"])["state"] == "waiting"
        )
        await asyncio.sleep(0 if cycle else 3)
        again = greenroom.join(room, **order)
        assert again["session_id"] == joined["session_id"] and again["reused"]
        async with Guest(again["connect"]) as ann:
            await remembered(ann)

    assert (
        greenroom.events(joined["session_id"]).count("cleaned") >= 5
    )  # the last departure may not be seen yet
    assert greenroom.complaints(joined["session_id"]) == []


async def test_who_leaves_before_the_bot_has_come_meets_it_when_they_connect_again(greenroom, room, order):
    """Test 2, rapid reconnection: the bot joins on the second attempt, and answers."""
    with stopped(greenroom.process("bots").pid):
        joined = greenroom.join(room, wait=0, **order)
        async with Guest(joined["connect"]) as ann:
            assert not ann.bots
    again = greenroom.join(room, wait=0, **order)
    assert again["session_id"] == joined["session_id"]
    async with Guest(again["connect"]) as ann:
        await greeted(ann)
        await answer(ann, "My name is Ada.", "Nice to meet you, Ada")

    assert greenroom.complaints(joined["session_id"]) == []


async def test_who_leaves_while_the_bot_is_at_work_and_is_back_at_once_is_answered(greenroom, room, order):
    """Test 4, cleanup of background tasks: several messages, gone in the middle of the work on them, no errors."""
    joined = greenroom.join(room, **order)
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        await answer(ann, "My name is Ada.", "Nice to meet you, Ada")
        spoken = len(ann.of_type("bot-started-speaking"))
        ann.type("What are you?")
        ann.type("Tell me more about that.")
        await ann.until(lambda ann: len(ann.of_type("bot-started-speaking")) > spoken)
    async with Guest(greenroom.join(room, **order)["connect"]) as ann:
        await remembered(ann)
        assert greenroom.session(joined["session_id"])["state"] == "live"

    assert greenroom.complaints(joined["session_id"]) == []
