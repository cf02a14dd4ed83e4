"""What the doctor tries at a LiveKit server: a room made, a way into it signed, and nothing left."""

from contextlib import closing

import pytest

from greenroom.app.errors.rooms import ProviderAway
from greenroom.app.providers.livekit import LiveKit
from greenroom.app.rooms.room import Room


def rooms_of(livekit):
    told = livekit._ask("ListRooms", {}, {"roomList": True})
    return {entry["name"] for entry in told.get("rooms") or []}


def test_a_rehearsal_makes_a_room_and_leaves_none(server):
    with closing(LiveKit(server.url, server.key, server.secret)) as livekit:
        before = rooms_of(livekit)
        livekit.rehearse(Room("livekit", "a-rehearsal", server.url))

        assert rooms_of(livekit) == before


def test_a_rehearsal_with_a_wrong_secret_fails(server):
    wrong = LiveKit(server.url, server.key, "another-secret-that-is-long-enough")

    with closing(wrong) as livekit, pytest.raises(ProviderAway):
        livekit.rehearse(Room("livekit", "a-rehearsal", server.url))
