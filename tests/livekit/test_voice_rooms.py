"""A voice room on a real LiveKit server: its user and the bot are in it, and the server itself refuses a third."""

import pytest
from livekit import rtc

from greenroom.app.providers.livekit import LiveKit
from greenroom.app.rooms.providers import bot_identity
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.voice_rooms import name_of
from tests.fakes.livekit_guest import Guest
from tests.livekit.test_calls import greeted
from tests.rigs.livekit_server import own
from tests.rigs.makers import a_session

pytestmark = pytest.mark.anyio


@pytest.fixture
def ann(room):
    return own("ann", room)


def own_token_for(server, room, user_id):
    """A token as if ours were signed for anybody: what is left to keep them out is the server."""
    livekit = LiveKit(server.url, server.key, server.secret)
    return livekit._token(user_id, {"roomJoin": True, "room": room.name})


async def is_let_in(server, token):
    third = rtc.Room()
    try:
        await third.connect(server.url, token)
    except rtc.ConnectError:
        return False
    await third.disconnect()
    return True


async def test_a_third_is_refused_by_the_server_whoever_came_first(greenroom, server, ann):
    """The voice plan's checklist, phase 6: several users cannot join a voice room."""
    told = greenroom.post("/voice/room", {"user_id": ann})
    room = Room.parse(told["room_url"])
    async with Guest(told["connect"]) as she:  # before her bot
        joined = greenroom.join(told["room_url"], bot="assistant", user_id=ann)
        await greeted(she)

        assert she.bots == [bot_identity(room)]
        assert not await is_let_in(server, own_token_for(server, room, "ben"))
        greenroom.post("/leave", {"session_id": joined["session_id"]})


async def test_a_room_that_its_bot_has_made_is_full_with_two_as_well(server):
    room = Room.parse(f"{server.url}/{name_of('cleo')}")
    livekit = LiveKit(server.url, server.key, server.secret)
    bot, cleo = rtc.Room(), rtc.Room()
    await bot.connect(server.url, livekit.bot_token(a_session(room=room, user_id="cleo")))
    await cleo.connect(server.url, livekit.admit(room, "cleo").room_token)
    try:
        assert not await is_let_in(server, own_token_for(server, room, "ben"))
        assert await is_let_in(
            server, livekit.admit(room, "cleo").room_token
        )  # who comes again takes her own place
    finally:
        await cleo.disconnect()
        await bot.disconnect()
        livekit.close()


async def test_its_user_publishes_a_microphone_and_nothing_else(server):
    room = Room.parse(f"{server.url}/{name_of('dora')}")
    livekit = LiveKit(server.url, server.key, server.secret)
    dora = rtc.Room()
    await dora.connect(server.url, livekit.admit(room, "dora").room_token)
    try:
        source = rtc.VideoSource(64, 64)
        track = rtc.LocalVideoTrack.create_video_track("camera", source)
        with pytest.raises(Exception, match=r"(?i)permission|publish|time"):
            await dora.local_participant.publish_track(
                track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA)
            )
    finally:
        await dora.disconnect()
        livekit.close()
