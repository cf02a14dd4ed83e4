"""The voice plan's checklist (phase 6), box by box, on a real LiveKit server.

That the server itself refuses a third (box 11) is in test_voice_rooms.py.
"""

import asyncio

import pytest
from livekit import rtc

from greenroom.app.rooms.voice_rooms import name_of
from tests.fakes.livekit_guest import Guest
from tests.livekit.test_calls import VOICES, answer, fell_silent, greeted
from tests.livekit.test_pauses import is_told_last
from tests.livekit.test_who_is_there import told_of, tracks
from tests.rigs.eventually import eventually
from tests.rigs.livekit_server import own
from tests.rigs.product import Problem

pytestmark = pytest.mark.anyio


@pytest.fixture
def ann(room):
    return own("ann", room)


@pytest.fixture
def told(greenroom, ann):
    """Her voice room; nobody is left there."""
    told = greenroom.post("/voice/room", {"user_id": ann})
    yield told
    greenroom.post("/leave", {"room_url": told["room_url"]})


def joined(greenroom, told, ann, **more):
    return greenroom.join(told["room_url"], bot="assistant", user_id=ann, **more)


async def test_boxes_1_to_6_a_voice_session(greenroom, told, ann):
    """1 the room's name, 2 camera off and microphone on, 3 sound both ways, 4 speech, 5 transcript, 6 events."""
    assert told["room_name"] == name_of(ann) == f"voice-{ann}"
    session_id = joined(greenroom, told, ann)["session_id"]
    async with Guest(told["connect"]) as she:
        await greeted(she)
        participants = greenroom.get(f"/rooms/{told['room_url']}")["presence"]["participants"]
        (bot,) = [each for each in participants if each["is_bot"]]
        assert bot["tracks"] == [{"source": "microphone", "muted": False}]

        she.say(VOICES / "name.wav")
        await she.until(lambda she: "Alice" in she.transcript)
        await fell_silent(she)

        assert she.heard_ms[bot["identity"]] > 1000
        for kind in ("user-started-speaking", "user-stopped-speaking", "bot-started-speaking", "user-input"):
            assert she.of_type(kind), kind
    assert "person_arrived" in greenroom.events(session_id)


async def test_boxes_7_and_8_a_forum_call_pauses_it_and_it_goes_on_after_that(greenroom, told, ann, another):
    """7 a call in a forum pauses the voice session, 8 it is resumed after that; what she has muted stays muted."""
    bens = greenroom.join(another, bot="assistant", user_id=own("ben", another), mode="forum")
    session_id = joined(greenroom, told, ann)["session_id"]

    async def becomes(she, event, state):
        await she.until(lambda she: is_told_last(she) == event, 40)
        await she.until(lambda _: greenroom.session(session_id)["state"] == state)

    async with Guest(told["connect"]) as she:
        await greeted(she)
        await answer(she, "My name is Alice.", "Alice")
        she.microphone.mute()
        in_forum = greenroom.join(another, bot="assistant", user_id=ann)
        assert in_forum["session_id"] == bens["session_id"]
        async with Guest(in_forum["connect"]):
            await becomes(she, "paused", "paused")
            where = greenroom.get(f"/users/{ann}/session")
            assert (where["activeSession"], where["voiceSession"]["status"]) == ("forum", "paused")

        await becomes(she, "resumed", "live")
        await answer(she, "What is my name?", "Your name is Alice")
        assert tracks(told_of(greenroom, told["room_url"], ann)) == {"microphone": True}

        greenroom.post(f"/sessions/{session_id}/pause")  # which is no matter of the call's
        async with Guest(in_forum["connect"]):
            await she.until(lambda _: greenroom.events(bens["session_id"]).count("person_arrived") == 2)
        await she.until(lambda _: greenroom.events(bens["session_id"]).count("person_left") == 2)
        assert greenroom.session(session_id)["state"] == "paused"


async def test_boxes_9_and_10_a_session_waits_for_its_user_and_then_goes(greenroom, told, ann):
    """9 reconnect within the window, 10 teardown after the delay that was configured."""
    session_id = joined(greenroom, told, ann, session_persistence=30)["session_id"]
    async with Guest(told["connect"]) as she:
        await greeted(she)
        await answer(she, "My name is Alice.", "Alice")
    eventually(lambda: greenroom.session(session_id)["state"] == "waiting", within=20)
    async with Guest(told["connect"]) as she:
        await answer(she, "What is my name?", "Alice")
        assert greenroom.session(session_id)["state"] == "live"

    left = greenroom.call("DELETE", "/voice/room", {"room_url": told["room_url"], "teardown_delay": 2})

    assert left["status"] == "waiting"
    assert greenroom.ended(session_id) == "left"
    assert greenroom.post("/voice/room", {"user_id": ann})["reused"]


async def test_boxes_11_and_12_nobody_else_gets_in(greenroom, told, ann, server):
    """11 multiple users cannot join, 12 privacy prevents uninvited joins."""
    for uninvited in ("/join", "/passes"):
        with pytest.raises(Problem, match="not-your-room"):
            greenroom.post(uninvited, {"room_url": told["room_url"], "user_id": own("ben", told["room_url"])})
    with pytest.raises(Problem, match="not-your-room"):
        greenroom.post("/join", {"room_url": told["room_url"]})
    elsewhere = greenroom.join(server.room(), bot="assistant", user_id=own("ben", told["room_url"]))
    bens = rtc.Room()
    await bens.connect(
        server.url, elsewhere["connect"]["room_token"]
    )  # which opens his own room and no other
    assert bens.name != told["room_name"]
    await asyncio.wait_for(bens.disconnect(), 10)
    greenroom.post("/leave", {"session_id": elsewhere["session_id"]})
