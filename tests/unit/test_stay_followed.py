"""How a bot leaves its room: for good, or because another one follows."""

import asyncio
from datetime import timedelta

from greenroom.app.rooms.failures import BotFailure, FailureKind
from greenroom.app.rooms.sessions import Reason
from greenroom.app.settings import Settings
from greenroom.bots.stay import MOVED_ON, Ending, Errand, Stay
from tests.makers import ME, a_session


class Deaf:
    """A ledger that takes everything, and remembers nothing."""

    async def run(self, step):
        pass

    async def run_each(self, steps):
        return [None] * len(steps)


class Told:
    """A room and a pipeline that remember, in order, what was done with them."""

    def __init__(self):
        self.done = []
        self.people = frozenset({"ann"})

    def hush(self):
        self.done.append("hushed")

    async def cancel(self, reason):
        self.done.append("pipeline cancelled")

    async def disconnect(self):
        self.done.append("disconnected")


def leaving(ending, *, by_itself):
    """What is done in the room and to the pipeline of a bot that ends so."""

    async def left():
        errand = Errand(a_session(), ME, "here", "a-token", False, timedelta(0), (), {})
        ledger = Deaf()
        bot = Stay(errand, ledger=ledger, pulse=ledger, settings=Settings(), launches=None, reviving=None)
        bot._room = bot._pipeline = told = Told()
        performance = asyncio.create_task(asyncio.sleep(0 if by_itself else 60))
        await asyncio.sleep(0.01)
        bot.end(ending)
        await bot._finish(await bot._leave(performance))
        return told.done

    return asyncio.run(left())


def test_a_bot_that_another_follows_is_known_to_be_followed_before_its_line_is_closed():
    """Its pipeline closes the line, and what a client is told then decides whether it comes back."""
    assert leaving(MOVED_ON, by_itself=False)[:2] == ["hushed", "pipeline cancelled"]


def test_a_bot_that_crashed_is_known_to_be_followed_before_its_line_is_closed():
    crashed = Ending.by(BotFailure(FailureKind.RAISED, "raised ValueError"))
    assert leaving(crashed, by_itself=True) == ["hushed", "disconnected"]


def test_a_bot_that_nobody_follows_leaves_as_such():
    over = Ending(Reason.IDLE, politely=False)
    assert leaving(over, by_itself=False) == ["pipeline cancelled", "disconnected"]


def test_a_session_whose_bot_cannot_be_imported_ends_with_what_was_raised():
    """Three more launches would raise the same."""

    async def ending():
        errand = Errand(a_session(), ME, "here", "a-token", False, timedelta(0), (), {})
        bot = Stay(errand, ledger=Deaf(), pulse=Deaf(), settings=Settings(), launches=None, reviving=None)
        performance = asyncio.create_task(bot._perform("no_such_module:bot"))
        await asyncio.wait({performance})
        return await bot._leave(performance)

    ended = asyncio.run(ending())

    assert (ended.reason, ended.goes_on) == (Reason.LAUNCH_FAILED, False)
    assert ended.detail == (
        "the bot cannot be imported: it raised ModuleNotFoundError: No module named 'no_such_module'"
    )
