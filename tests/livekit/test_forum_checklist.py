"""The diagnosis checklist of the forum's analysis (part 7), as what is true of a forum call that is well.

Its boxes about one part alone are ticked there: the profile that a join may need in tests/unit/app/api/test_users.py,
what a page says as its call ends in tests/browser/test_talk_page.py, what the doctor finds wrong in
tests/unit/app/operate/test_doctor.py, and room state without Redis in tests/unit/bots/test_room_state.py.
"""

import os
import signal

import pytest

from tests.fakes.livekit_guest import Guest
from tests.livekit.test_calls import answer, greeted, pid_of_bot
from tests.livekit.test_camera import seen
from tests.rigs.eventually import eventually

pytestmark = pytest.mark.anyio


@pytest.fixture
def joined(greenroom):
    """Somebody's forum call; nobody is left there."""
    joined = greenroom.post(
        "/join?wait=20", {"bot": "assistant", "mode": "forum", "user_id": "forum-checklist"}
    )
    yield joined
    greenroom.post("/leave", {"room_url": joined["room_url"]})


def keys_of(greenroom, room):
    """With how many seconds each has left."""
    return {key: greenroom.redis.ttl(key) for key in greenroom.redis.scan_iter(f"*{{{room}}}*")}


async def test_a_forum_call_has_a_room_a_bot_that_is_seen_and_keys_that_expire(greenroom, server, joined):
    """7.1: room URL, bot state. 7.2: gateway, runner. 7.3: keys are set, and expire."""
    room = joined["room_url"]
    assert room.startswith(server.url), "whoever names no room is given one"
    assert (joined["status"], joined["reused"]) == ("live", False)
    async with Guest(joined["connect"]) as ann:
        await seen(ann, "Robin")
        about = greenroom.look(f"/rooms/{room}")
        assert (about["lease"]["status"], about["keepalive"]["is_stale"]) == ("active", False)
        lasting = keys_of(greenroom, room)
        assert {f"room_active:{{{room}}}", f"room_keepalive:{{{room}}}"} <= lasting.keys()
        assert all(seconds > 0 for seconds in lasting.values()), lasting

    for _ in range(2):  # a window that closes twice
        greenroom.post("/leave", {"room_url": room})
    assert greenroom.ended(joined["session_id"]) == "left"
    locks = {f"room_active:{{{room}}}", f"room_keepalive:{{{room}}}"}
    eventually(lambda: not locks & keys_of(greenroom, room).keys())


async def test_a_join_of_a_forum_whose_bot_has_died_gets_a_bot_that_lives(greenroom, joined):
    """7.1, check 3: a dead bot is never `reused`."""
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        await answer(ann, "My name is Alice.", "Alice")
        before = pid_of_bot(greenroom, joined["room_url"])
        os.kill(before, signal.SIGKILL)
        eventually(lambda: "lost" in greenroom.events(joined["session_id"]), within=40)

        again = greenroom.join(joined["room_url"], bot="assistant", user_id="forum-checklist")
        assert again["session_id"] == joined["session_id"]
        eventually(lambda: greenroom.session(joined["session_id"])["state"] == "live", within=30)
        await answer(ann, "What is my name?", "Your name is Alice")
        assert pid_of_bot(greenroom, joined["room_url"]) != before
