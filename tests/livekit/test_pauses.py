"""A bot that is paused in a LiveKit room: seen, heard and spoken to from the people's side."""

from pathlib import Path

import pytest

from tests.fakes.client import Client
from tests.fakes.device import device
from tests.fakes.livekit_guest import Guest
from tests.fakes.person import Person
from tests.livekit.test_calls import fell_silent, greeted
from tests.rigs.livekit_server import own

pytestmark = pytest.mark.anyio

GONE_WITHIN = 60  # seconds: it is the server that notices that nothing comes any more
VOICES = Path(__file__).parent.parent / "voices"


def told(guest: Client) -> list[str]:
    return [message["data"]["event"] for message in guest.of_type("server-message")]


def is_told_last(guest: Client) -> str | None:
    """Whether it is paused or resumed."""
    return next((event for event in reversed(told(guest)) if event in ("paused", "resumed")), None)


async def test_a_paused_bot_stays_in_the_room_and_hears_and_says_nothing_until_it_is_resumed(greenroom, room):
    joined = greenroom.join(room, bot="assistant", user_id=own("ann", room))
    url = f"/sessions/{joined['session_id']}"
    async with Guest(joined["connect"]) as ann:
        await greeted(ann)
        assert greenroom.post(f"{url}/pause")["state"] == "paused"
        await ann.until(lambda ann: "paused" in told(ann))
        started, before = len(ann.of_type("user-started-speaking")), ann.transcript

        ann.say(VOICES / "name.wav")
        ann.type("Are you there?")
        await ann.until(lambda ann: ann.of_type("error-response"))
        await ann.until(lambda ann: not len(ann._samples))  # all of it was said
        assert ann.bots, "it is in the room"
        assert len(ann.of_type("user-started-speaking")) == started, (
            "it did not even hear that somebody speaks"
        )
        assert ann.transcript == before

        assert greenroom.post(f"{url}/resume")["state"] == "live"
        await ann.until(lambda ann: "resumed" in told(ann))
        heard = sum(ann.heard_ms.values())
        ann.say(VOICES / "name.wav")
        await ann.until(lambda ann: "Alice" in ann.transcript[len(before) :])
        await fell_silent(ann)
        assert sum(ann.heard_ms.values()) > heard + 500


async def test_whoever_is_in_another_s_room_has_their_own_bot_paused_until_their_device_has_crashed(
    greenroom, room
):
    """The plan of the bot transition, test 3: the room has a different user's bot, which is joined as it is.

    Their own bot is on one device, and the call on another, of which no goodbye comes.
    """
    cleo = own("cleo", room)
    mine = greenroom.join(f"local:{cleo}", bot="assistant", user_id=cleo)
    greenroom.join(room, bot="assistant", user_id=own("dan", room))
    there = greenroom.join(room, user_id=cleo)
    assert there["reused"]
    async with Person(greenroom.url, mine["connect"]) as laptop:
        await greeted(laptop)
        with device(there["connect"]) as phone:
            await laptop.until(lambda laptop: is_told_last(laptop) == "paused", 40)
            assert greenroom.session(mine["session_id"])["pause"] == {"call": room}
            assert greenroom.get(f"/users/{cleo}/session")["activeSession"] == "forum"
            phone.kill()
            await laptop.until(lambda laptop: is_told_last(laptop) == "resumed", GONE_WITHIN)

        assert greenroom.get(f"/users/{cleo}/session")["activeSession"] == "voice"
    greenroom.post("/leave", {"session_id": mine["session_id"]})
