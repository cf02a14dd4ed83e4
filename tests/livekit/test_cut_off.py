"""A worker that cannot reach Redis goes on with its call, until the room itself has the next bot instead."""

from pathlib import Path

import pytest

from tests.chaos.proxy import Links
from tests.fakes.livekit_guest import Guest
from tests.livekit.test_calls import answer, fell_silent, greeted
from tests.rigs.eventually import eventually
from tests.rigs.livekit_server import own
from tests.rigs.product import product

pytestmark = pytest.mark.anyio

SUPERSEDED_WITHIN = 60  # seconds


async def test_of_a_bot_that_is_cut_off_and_its_successor_people_hear_one(server):
    room = server.room()
    with product(("redis", "web", "control", "beat"), SLOTS="1", **server.settings) as greenroom:
        links, direct = Links(Path(greenroom.folder, "redis", "redis.sock")), greenroom.environ["REDIS_URL"]
        greenroom.environ["REDIS_URL"] = links["a"].url
        greenroom.start("bots@a")
        greenroom.environ["REDIS_URL"] = direct
        joined = greenroom.join(room, bot="assistant", user_id=own("ann", room), wait=30)
        greenroom.start("bots@b")
        async with Guest(joined["connect"]) as ann:
            await greeted(ann)
            epoch, bots = greenroom.session(joined["session_id"])["epoch"], set(ann.tracks)
            links["a"].darken()
            await answer(
                ann, "My name is Alice.", "Alice"
            )  # said on the far side: nobody else may ever know it

            await ann.until(lambda ann: set(ann.tracks) > bots, within=SUPERSEDED_WITHIN)
            assert greenroom.session(joined["session_id"])["epoch"] > epoch
            await fell_silent(ann)
            await answer(ann, "What is my name?", "You have not told me")
            bots = set(ann.tracks)
            links["a"].mend()
            eventually(lambda: greenroom.redis.hget("hosts:free", "bots@a") == "1", within=40)

            await answer(ann, "What is my name?", "You have not told me")
            assert set(ann.tracks) == bots and len(ann.bots) == 1
        links.close()
