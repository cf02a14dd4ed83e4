"""The diagnosis checklist of the forum's analysis (part 7), as what must be true of a forum call that is well.

The boxes that are about one part alone are shown there: what the page says as a call ends in
tests/browser/test_talk_page.py, what the doctor finds wrong in tests/unit/app/operate/test_doctor.py, and room state
without Redis in tests/unit/bots/test_room_state.py.  A profile gate, its first box, there is none.
"""

import os
import signal

import psutil
import pytest

from tests.fakes.livekit_guest import Guest
from tests.livekit.test_calls import answer, greeted, pid_of_bot
from tests.livekit.test_camera import seen
from tests.process.test_operating import doctor, ill
from tests.rigs.eventually import eventually

pytestmark = pytest.mark.anyio

WHOSE = "forum-checklist"
WELL = {"redis", "redis writing", "queue", "locks", "keepalives", "workers", "control", "beat", "providers"}


def keys_of(greenroom, room):
    """With how many seconds each has left."""
    return {key: greenroom.redis.ttl(key) for key in greenroom.redis.scan_iter(f"*{{{room}}}*")}


async def test_a_forum_call_that_is_well(greenroom, server):
    """7.1 room and bot state, 7.2 gateway, operator and runner, 7.3 Redis's keys: each is looked at from outside."""
    joined = greenroom.post("/join?wait=20", {"bot": "assistant", "mode": "forum", "user_id": WHOSE})
    room = joined["room_url"]
    assert room.startswith(server.url), "whoever has no room is given one"
    assert (joined["status"], joined["reused"]) == ("live", False)
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        await seen(ann, "Robin")
        code, told = doctor(greenroom, room)
        assert (code, told["verdict"]) == (0, "ok"), told["says"]
        eventually(lambda: not WELL & ill(greenroom).keys(), within=30)
        about = greenroom.get(f"/rooms/{room}")
        assert (about["lease"]["status"], about["keepalive"]["is_stale"]) == ("active", False)
        lasting = keys_of(greenroom, room)
        assert {f"room_active:{{{room}}}", f"room_keepalive:{{{room}}}"} <= lasting.keys()
        assert all(seconds > 0 for seconds in lasting.values()), lasting

        await answer(ann, "My name is Alice.", "Alice")
        os.kill(pid_of_bot(greenroom, room), signal.SIGKILL)
        again = greenroom.join(room, bot="assistant", user_id=WHOSE)  # "reused", but never a dead bot
        assert again["session_id"] == joined["session_id"]
        await answer(ann, "What is my name?", "Your name is Alice")
        assert psutil.pid_exists(pid_of_bot(greenroom, room))

    for _ in range(2):  # whoever closes a window twice
        greenroom.post("/leave", {"room_url": room})
    assert greenroom.ended(joined["session_id"]) == "left"
    eventually(
        lambda: (
            not {f"room_active:{{{room}}}", f"room_keepalive:{{{room}}}"} & keys_of(greenroom, room).keys()
        )
    )
