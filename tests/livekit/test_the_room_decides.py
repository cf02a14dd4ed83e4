"""The second fence: the room says which bot stays, and a bot obeys at once, whatever Redis says."""

import asyncio
from contextlib import closing

import pytest
from livekit import rtc

from greenroom.app.providers.livekit import LiveKit
from greenroom.app.rooms.providers import bot_identity
from greenroom.app.rooms.room import Room
from tests.fakes.livekit_guest import Guest
from tests.livekit.test_calls import answer, greeted, pid_of_bot
from tests.rigs.eventually import eventually
from tests.rigs.livekit_server import own
from tests.rigs.makers import a_session

pytestmark = pytest.mark.anyio


async def test_a_second_bot_of_a_room_throws_out_the_first(greenroom, server, room):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    second = rtc.Room()
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        token = LiveKit(server.url, server.key, server.secret).bot_token(
            a_session("another", room=Room.parse(room))
        )
        await second.connect(server.url, token)
        try:
            assert greenroom.ended(joined["session_id"]) == "superseded"
            await ann.until(lambda ann: ann.bots == [bot_identity(Room.parse(room))])
            await asyncio.sleep(1)
            assert (
                second.connection_state == rtc.ConnectionState.CONN_CONNECTED
            )  # nobody threw it out in turn
        finally:
            await second.disconnect()


async def test_a_bot_that_is_removed_does_not_come_back(greenroom, server, room):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        with closing(LiveKit(server.url, server.key, server.secret)) as here:
            (bot,) = [each for each in here.presence(Room.parse(room)) if each.is_bot]
            here.evict(Room.parse(room), bot)

        assert greenroom.ended(joined["session_id"]) == "ejected"
        await ann.until(lambda ann: not ann.bots)


async def test_a_server_that_is_restarted_has_its_calls_again(greenroom, server, room):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        await answer(ann, "My name is Alice.", "Alice")
        server.kill()
        await asyncio.sleep(2)
        server.start()
        eventually(lambda: greenroom.session(joined["session_id"])["state"] in ("live", "waiting"), within=40)

    async with Guest(greenroom.join(room, bot="assistant", user_id=own("ann", room))["connect"]) as ann:
        await ann.until(lambda ann: ann.bots, within=40)
        await answer(ann, "What is my name?", "Your name is Alice")
    assert pid_of_bot(greenroom, room)
