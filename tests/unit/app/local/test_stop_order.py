"""Who stops after whom, and how long each is waited for."""

import asyncio

import pytest

from greenroom.app.local.stop_order import ALONE_STOPS_WITHIN, stop_in_order

pytestmark = pytest.mark.anyio
PROCFILE = ("redis", "web", "bots", "control", "beat", "events", "flower", "livekit", "something-else")


class Stopping:
    """A process that takes a few turns of the loop to end."""

    def __init__(self, name, told):
        self.name, self.told, self.within, self.goes_on = name, told, 0.0, ""

    async def stop(self, within, goes_on):
        self.within, self.goes_on = within, goes_on
        for _ in range(3):
            await asyncio.sleep(0)
        self.told.append(self.name)


async def stopped(*, is_alone):
    told = []
    processes = {name: Stopping(name, told) for name in PROCFILE}
    await stop_in_order(processes, is_alone=is_alone)
    return told, processes


@pytest.mark.parametrize("is_alone", [True, False])
async def test_nobody_is_stopped_before_those_who_need_it(is_alone):
    order, _ = await stopped(is_alone=is_alone)

    assert sorted(order) == sorted(PROCFILE)
    assert set(order[:4]) == {"web", "beat", "flower", "something-else"}
    assert order[4] == "bots"
    assert set(order[5:7]) == {"control", "events"}
    assert set(order[7:]) == {"redis", "livekit"}


async def test_bots_have_the_time_to_hand_their_calls_over_where_other_workers_may_be():
    _, processes = await stopped(is_alone=False)

    assert processes["bots"].within >= 30


async def test_who_reads_that_bots_are_killed_learns_that_their_calls_are_not_lost():
    _, processes = await stopped(is_alone=True)

    assert "calls go on" in processes["bots"].goes_on
    assert not processes["web"].goes_on


async def test_a_laptop_is_done_in_seconds_and_its_bots_still_say_goodbye():
    _, processes = await stopped(is_alone=True)
    within = {name: process.within for name, process in processes.items()}

    assert 5 < within["bots"] < ALONE_STOPS_WITHIN
    assert 1 <= within["web"] < 5
    assert all(1 <= each < ALONE_STOPS_WITHIN for each in within.values())
