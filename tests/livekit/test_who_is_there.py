"""GET /rooms/{room}: who is there, since when, and what each of them sends, by a real LiveKit server's account."""

import time
from datetime import datetime

import pytest
from livekit import rtc

from tests.fakes.livekit_guest import Guest
from tests.livekit.test_calls import greeted
from tests.rigs.eventually import eventually
from tests.rigs.livekit_server import own

pytestmark = pytest.mark.anyio


def told_of(greenroom, room, identity):
    participants = greenroom.get(f"/rooms/{room}")["presence"]["participants"]
    return next((each for each in participants if each["identity"] == identity), None)


def tracks(told):
    return {each["source"]: each["muted"] for each in told["tracks"]} if told else None


async def test_a_room_tells_of_each_person_since_when_and_which_of_their_tracks_are_muted(greenroom, room):
    """Forum checklist: who is in the room is known with the state of their audio and video."""
    user_id = own("ann", room)
    joined = greenroom.join(room, bot="assistant", user_id=user_id, mode="forum")
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        camera = rtc.LocalVideoTrack.create_video_track("camera", rtc.VideoSource(64, 64))
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA)
        await ann.room.local_participant.publish_track(camera, options)
        told = lambda: told_of(greenroom, room, user_id)  # noqa: E731

        eventually(lambda: tracks(told()) == {"microphone": False, "camera": False})
        since = datetime.fromisoformat(told()["since"]).timestamp()
        assert 0 <= time.time() - since < 120
        camera.mute()
        eventually(lambda: tracks(told()) == {"microphone": False, "camera": True})
        bot = told_of(greenroom, room, f"bot:{room.rpartition('/')[2]}")
        assert bot["is_bot"]
        assert tracks(bot) == {"microphone": False, "camera": False}
