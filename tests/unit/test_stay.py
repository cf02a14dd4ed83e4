"""What a bot does with what it is asked, without a stage."""

import asyncio
from datetime import timedelta

from app.errors import RedisAway
from app.rooms.steps import Answer, Message
from app.settings import Settings
from bots.stay import Errand, Stay
from tests.makers import ME, a_session


class AwayAtFirst:
    """A ledger that does not answer the first time, and remembers what it was told then."""

    def __init__(self):
        self.told = None

    async def run(self, step):
        if self.told is None:
            self.told = []
            raise RedisAway
        self.told.append(step)


def test_an_answer_is_given_when_redis_is_back():
    """What had been done was never answered, and stayed in the inbox for the next bot to report as expired."""

    async def answered():
        errand = Errand(a_session(), ME, "here", "a-token", False, timedelta(0), (), {})
        ledger = AwayAtFirst()
        bot = Stay(errand, ledger=ledger, pulse=ledger, settings=Settings(), launches=None, reviving=None)
        await bot._obey(Message("1-1", "candidates-of-tomorrow", {}, epoch=7))
        return ledger.told

    assert asyncio.run(answered()) == [Answer("a-session", "1-1", {"error": "unknown"})]


def test_a_change_leaves_what_was_changed_before():
    """Seen under the name of the personality that it was given, whatever else is changed after that."""

    async def seen():
        errand = Errand(a_session(), ME, "here", "a-token", False, timedelta(0), (), {})
        ledger, names = AwayAtFirst(), []
        bot = Stay(errand, ledger=ledger, pulse=ledger, settings=Settings(), launches=None, reviving=None)

        async def show(name):
            names.append(name)

        bot._room.show = show
        for change in (
            {"mode": "forum"},
            {"personality": "critic"},
            {"mode": "voice"},
            {"voice": "deep"},
            {"mode": "forum"},
            {"personality": None},
            {"mode": None},
        ):
            await bot._reconfigure(change)
        return names

    assert asyncio.run(seen()) == ["Robin", "Beatrice", None, "Beatrice", "Robin", None]
