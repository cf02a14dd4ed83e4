"""What people in a LiveKit room see of their bot: a picture that moves with its voice in forum mode, nothing else."""

import os
import signal
from functools import cache

import numpy as np
import pytest

from greenroom.bots.camera.portrait import HEIGHT, WIDTH, portraits
from tests.fakes.livekit_guest import Guest
from tests.livekit.test_calls import answer, greeted, pid_of_bot
from tests.rigs.livekit_server import own

pytestmark = pytest.mark.anyio
ALIKE = 6  # on average, of 255: what a codec makes of a picture
AT_REST = 0


def picture(guest):
    """The bot's, as this person sees it now; None without a camera."""
    return next((each for identity, each in guest.pictures.items() if identity.startswith("bot:")), None)


def apart(one, other):
    return np.abs(one.astype(np.int16) - other.astype(np.int16)).mean()


@cache
def drawn(name, stage=AT_REST):
    return np.frombuffer(portraits(name)[stage], dtype=np.uint8).reshape(HEIGHT, WIDTH, 3)


def mouth(guest, name):
    """How far it is open, of the stages that are drawn; a codec blurs all of them alike."""
    return min(range(len(portraits(name))), key=lambda stage: apart(picture(guest), drawn(name, stage)))


async def seen(guest, name, within=20):
    """Wait until somebody of this name is seen, at rest."""

    def is_seen(guest):
        now = picture(guest)
        return now is not None and now.shape == (HEIGHT, WIDTH, 3) and apart(now, still) < ALIKE

    still = drawn(name)
    await guest.until(is_seen, within=within)


async def unseen(guest):
    await guest.until(lambda guest: picture(guest) is None)


async def test_in_forum_mode_the_bot_is_seen_and_moves_when_it_speaks(greenroom, room):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room), mode="forum")
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        await seen(ann, "Robin")
        await ann.until(lambda ann: mouth(ann, "Robin") == AT_REST)
        ann.type("My name is Alice.")

        await ann.until(lambda ann: mouth(ann, "Robin") != AT_REST)
        await ann.until(lambda ann: "Alice" in ann.transcript)
        await ann.until(lambda ann: mouth(ann, "Robin") == AT_REST)
    assert joined["mode"] == "forum"


async def test_in_voice_mode_no_camera_is_published(greenroom, room):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)

        (bot,) = [each for each in ann.room.remote_participants.values() if each.identity.startswith("bot:")]
        assert [track.name for track in bot.track_publications.values()] == ["pipecat-audio"]


async def test_the_camera_goes_on_and_off_with_the_mode_and_the_talk_goes_on(greenroom, room):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        greenroom.post("/config", {"room_url": room, "mode": "forum"})
        await seen(ann, "Robin")
        greenroom.post("/config", {"room_url": room, "personality": "critic"})
        await seen(ann, "Beatrice")
        await answer(ann, "My name is Alice.", "Alice")

        greenroom.post("/config", {"room_url": room, "mode": "voice"})
        await unseen(ann)
        await answer(ann, "What is my name?", "Your name is Alice")

        greenroom.post("/config", {"room_url": room, "mode": "forum"})
        await seen(ann, "Beatrice")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "deployed"])
async def test_the_next_bot_is_in_the_mode_that_the_last_was_changed_to(greenroom, room, number):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        greenroom.post("/config", {"room_url": room, "mode": "forum"})
        await seen(ann, "Robin")
        before = len(ann.tracks)
        os.kill(pid_of_bot(greenroom, room), number)

        await ann.until(lambda ann: len(ann.tracks) > before)
        await seen(ann, "Robin")
