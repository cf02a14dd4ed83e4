"""What the model has found, each as short as it gets."""

import asyncio
from datetime import timedelta

import pytest

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.endings import end
from greenroom.app.rooms.leases import Beaten
from greenroom.app.rooms.session_lists import LiveSessions
from greenroom.app.rooms.sessions import ReadSession, Reason
from greenroom.bots.stay import heartbeat
from greenroom.bots.stay.background import Chores
from greenroom.bots.stay.ending import Ending
from tests.model.world import HOSTS, ROOMS


@pytest.fixture
def world(new_world):
    return new_world()


@pytest.fixture
def bot(world):
    """The only one, live."""
    with world.happening():
        world.report(HOSTS[0])
        world.join(ROOMS[0], "ada")
        bot = world.deliver(HOSTS[0])
        bot.go_live()
    return bot


def said(world, bot):
    return [turn["content"] for turn in world.look().turns(bot.session.id)]


def test_what_is_said_between_a_loss_and_the_next_beat_comes_last(world, bot):
    """It stood before all that had been said until then."""
    bot.say("assistant")
    bot.say("user")
    world.lose_everything()
    bot.say("assistant")

    assert bot.beat() is Beaten.REGISTERED
    assert said(world, bot) == ["sentence 1", "sentence 2", "sentence 3"]


class LosesTheFirstReply:
    """A way to Redis on which everything arrives, and one answer does not."""

    def __init__(self, world):
        self._wire, self._is_lost = world.wire, False

    async def run(self, step):
        reply = self._wire.run(step)
        if not self._is_lost:
            self._is_lost = True
            raise RedisAway
        return reply


def test_a_loss_is_made_good_whose_first_beat_has_lost_its_reply(world, bot, monkeypatch):
    """The beat after it was `kept`: the session stayed unknown, and what had been said was gone."""
    monkeypatch.setattr(heartbeat, "BEAT_EVERY", timedelta(milliseconds=10))
    bot.say("assistant")
    world.lose_everything()
    beats = bot.heartbeat_over(LosesTheFirstReply(world), begin=Chores().begin)

    async def beat_until_it_is_known():
        beating = asyncio.create_task(beats.run())
        async with asyncio.timeout(20):
            while not world.look().session(bot.session.id):  # noqa: ASYNC110  written by whom it waits for
                await asyncio.sleep(0.01)
        beating.cancel()

    asyncio.run(beat_until_it_is_known())
    bot.write()

    assert world.look().session(bot.session.id)["state"] == "live"
    assert said(world, bot) == ["sentence 1"]


def test_a_bot_that_ends_late_takes_no_session_off_the_list_that_goes_on(world, bot):
    """A frozen bot woke up and ended for a reason of its own: nobody could see its session any more."""
    world.freeze(bot)
    world.pass_time(timedelta(seconds=21))
    world.reap()
    world.pass_time(timedelta(seconds=5))
    world.reap()
    successor = world.deliver(HOSTS[0])
    world.wake(bot)
    bot.finish(Ending(Reason.MAX_DURATION))

    assert successor.session.id == bot.session.id
    assert world.ledger.run(LiveSessions()) == [bot.session.id]


def test_who_ends_a_session_that_goes_on_meanwhile_takes_it_off_no_list(world, bot):
    session = world.ledger.run(ReadSession(bot.session.id))
    world.die(bot)
    world.tell(bot)
    end(world.ledger, session, Reason.ERROR)

    assert world.ledger.run(LiveSessions()) == [session.id]
    end(world.ledger, world.ledger.run(ReadSession(session.id)), Reason.ERROR)
    assert world.ledger.run(LiveSessions()) == []


def test_a_session_is_at_the_epoch_of_its_bot_although_an_older_one_wrote_it_first_after_a_loss(world, bot):
    """A frozen bot woke up after Redis had lost everything, and beat before its successor: nobody could ask that for
    anything from then on, since what was sent was for the older epoch."""
    world.freeze(bot)
    for _ in range(2):
        world.pass_time(timedelta(seconds=21))
        world.reap()
        world.pass_time(timedelta(seconds=5))
        world.reap()
    successor = world.deliver(HOSTS[0])
    successor.go_live()
    successor.say("assistant")
    world.check()
    world.lose_everything()
    world.wake(bot)
    assert bot.beat() is Beaten.REGISTERED
    world.check()
    assert successor.beat() is Beaten.REGISTERED
    world.check()

    assert bot.beat() is Beaten.SUPERSEDED
    session = world.look().session(bot.session.id)
    assert (session["epoch"], session["state"]) == (str(successor.epoch), "live")
    bot.say("user")
    assert said(world, bot) == ["sentence 1"]
