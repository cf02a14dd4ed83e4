"""Handing a room over, on the real scripts: the one side and the other."""

import asyncio
from datetime import timedelta

import pytest

from greenroom.app.rooms.sessions import State
from greenroom.bots.stay import succession
from greenroom.bots.stay.succession import hand_over, turn_comes
from tests.model.world import HOSTS, ROOMS, Awaitable

pytestmark = pytest.mark.anyio


@pytest.fixture
def world(new_world, monkeypatch):
    monkeypatch.setattr(succession, "PREPARES_WITHIN", timedelta(seconds=10))
    return new_world()


@pytest.fixture
def bot(world):
    world.report(HOSTS[0])
    world.join(ROOMS[0], "ada")
    bot = world.deliver(HOSTS[0])
    bot.go_live()
    world.free = dict.fromkeys(HOSTS, 1)
    world.report(HOSTS[0])
    return bot


def handing_over(world, bot, last_moment):
    doing = hand_over(
        Awaitable(world.wire), world.queue, bot.session, owner=bot.owner, before_yielding=last_moment
    )
    return asyncio.create_task(doing)


async def successor_of(world):
    """Adopted, and not prepared yet."""
    while (successor := world.deliver(HOSTS[1])) is None:  # noqa: ASYNC110  another process's doing
        await asyncio.sleep(0.01)
    return successor


def turn_of(world, successor):
    doing = turn_comes(Awaitable(world.wire), successor.session, token=successor.token, owner=successor.owner)
    return asyncio.create_task(doing)


async def test_the_room_is_the_heir_s_once_it_is_prepared_and_the_last_moment_is_over(world, bot):
    came, goes = asyncio.Event(), asyncio.Event()

    async def last_moment():
        came.set()
        await goes.wait()
        return State.LIVE

    async with asyncio.timeout(20):
        handing = handing_over(world, bot, last_moment)
        successor = await successor_of(world)
        await asyncio.sleep(0.2)
        assert not came.is_set()  # nobody is prepared
        turn = turn_of(world, successor)
        await came.wait()
        await asyncio.sleep(0.2)
        assert not turn.done() and world.has_room(bot)
        goes.set()

        assert await handing == successor.epoch
        assert await turn
    assert world.has_room(successor)


async def test_whoever_ends_in_the_last_moment_yields_to_nobody(world, bot):
    async def last_moment():
        return None

    async with asyncio.timeout(20):
        handing = handing_over(world, bot, last_moment)
        turn = turn_of(world, await successor_of(world))
        assert await handing is None
        assert not turn.done() and world.has_room(bot)
        turn.cancel()


async def test_an_heir_whose_room_is_given_to_another_does_not_go_on_stage(world, bot):
    async def last_moment():
        return None

    async with asyncio.timeout(20):
        handing = handing_over(world, bot, last_moment)
        successor = await successor_of(world)
        world.die(bot)
        world.tell(bot)
        assert await turn_of(world, successor) is False
        assert await handing is None


async def test_without_a_free_slot_there_is_no_heir(world, bot):
    world.free = dict.fromkeys(HOSTS, 0)
    world.report(HOSTS[0])

    async def last_moment():
        raise AssertionError("there is nobody to yield to")

    async with asyncio.timeout(20):
        assert await handing_over(world, bot, last_moment) is None
    assert "next" not in world.look().lease(bot.room)
