"""A short form of some scenarios, for every change; `make chaos` runs all of them at length, and with a watch."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.chaos.lab import Lab, lab
from tests.chaos.scenario import Play, Report
from tests.chaos.scenarios.commands import commands
from tests.chaos.scenarios.deaths import a_bot_is_killed, a_worker_is_killed
from tests.chaos.scenarios.deploys import workers_are_told_to_go
from tests.chaos.scenarios.launches import a_launch_is_delivered_often
from tests.chaos.scenarios.outages import redis_forgets


@pytest.fixture(scope="module")
def standing() -> Iterator[Lab]:
    with lab() as running:
        yield running


def passes(play: Play, on: Lab, **shorter: int) -> None:
    """Play a scenario, and fail with all that was wrong; leaves the lab empty."""

    async def shortly(lab: Lab, report: Report) -> None:
        await play(lab, report, **shorter)

    report = Report("", play.__name__, is_timed=False)
    asyncio.run(shortly(on, report))
    on.empty()

    assert report.faults == [], report.line()


def test_a_killed_bot_is_replaced_within_seconds_and_the_conversation_goes_on(standing):
    passes(a_bot_is_killed, standing, kills=2)


def test_after_a_flush_every_living_bot_has_its_room_again_within_a_beat(standing):
    passes(redis_forgets, standing, calls_at_once=2)


def test_a_launch_that_is_delivered_often_is_one_bot(standing):
    passes(a_launch_is_delivered_often, standing)


def test_commands_are_carried_out_once_and_in_order_over_breaking_lines(standing):
    passes(commands, standing, flood=1_500)


def test_a_killed_worker_takes_up_its_calls_when_it_is_back(standing):
    passes(a_worker_is_killed, standing)


def test_a_worker_that_is_told_to_go_hands_its_calls_over(standing):
    passes(workers_are_told_to_go, standing, parks=0)
