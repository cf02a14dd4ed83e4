"""Somebody who listens unseen, by a real LiveKit server's account: nobody is told of them, and they hear all."""

from contextlib import asynccontextmanager

import pytest
from livekit import rtc

from tests.fakes.livekit_guest import Guest
from tests.livekit.test_calls import greeted
from tests.rigs.eventually import eventually
from tests.rigs.livekit_server import own

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def listening(connect):
    """A client with that token and no microphone, and the identities whose sound it gets."""
    room, sound = rtc.Room(), set()
    room.on("track_subscribed", lambda _track, _publication, who: sound.add(who.identity))
    await room.connect(connect["url"], connect["room_token"])
    try:
        yield sound
    finally:
        await room.disconnect()


async def test_a_hidden_listener_hears_all_and_is_seen_by_nobody_nor_keeps_the_bot_from_waiting(
    greenroom, room
):
    user_id = own("ann", room)
    joined = greenroom.join(room, bot="assistant", user_id=user_id)
    seen = []
    async with Guest(joined["connect"]) as ann:
        ann.room.on("participant_connected", lambda who: seen.append(who.identity))
        ann.room.on("participant_disconnected", lambda who: seen.append(who.identity))
        await greeted(ann)
        listener = {"room_url": room, "user_id": own("chief", room), "stealth": True}
        hidden = greenroom.post("/join", listener)
        async with listening(hidden["connect"]) as sound:
            bot = f"bot:{room.rpartition('/')[2]}"
            await ann.until(lambda _: sound == {user_id, bot})
            people = greenroom.get(f"/rooms/{room}")["presence"]["participants"]
            assert sorted(each["identity"] for each in people) == sorted([user_id, bot])
            assert set(ann.room.remote_participants) == {bot}

            await ann.room.disconnect()
            # The last person has gone: somebody who is not there does not count
            eventually(lambda: greenroom.session(joined["session_id"])["state"] == "waiting", 30)
    assert hidden["connect"]["user_id"] not in seen
    told = [
        line for line in greenroom.get(f"/sessions/{joined['session_id']}/events")["events"] if line["person"]
    ]
    assert {line["person"] for line in told} == {user_id}
