"""What becomes of a message to a bot."""

import asyncio

import pytest

from greenroom.app.errors.rooms import OthersThere
from greenroom.app.rooms.inbox import Answer, Message
from greenroom.app.rooms.session_events import Note
from greenroom.bots.stay import journal as journals
from greenroom.bots.stay.inbox import Inbox
from greenroom.bots.stay.journal import Journal
from tests.fakes.async_ledgers import ComesBack, Told
from tests.rigs.makers import a_session

pytestmark = pytest.mark.anyio


def a_message(number=1, *, epoch=7, expired=False):
    return Message(f"{number}-1", "do", {}, epoch=epoch, expired=expired)


class Bot:
    """An inbox, and what was done of what it was asked."""

    def __init__(self, ledger=None, *, result=None, raises=None):
        self.ledger = ledger or Told()
        self.done = []
        self.result, self.raises = {} if result is None else result, raises
        self.journal = Journal(self.ledger, a_session(), host="here", has_room=True, on_over=lambda: None)
        self.inbox = Inbox(self.ledger, self.journal, do=self._do)

    async def _do(self, message):
        self.done.append(message.id)
        if self.raises:
            raise self.raises
        return None if self.result == "later" else self.result

    async def obeys(self, *messages):
        self.inbox.take_in(messages)
        while not self.inbox.is_empty:
            await self.inbox.obey_next()
        return self.ledger.told


async def test_a_message_is_done_and_answered():
    bot = Bot(result={"so": "be it"})

    assert await bot.obeys(a_message()) == [Answer("a-session", "1-1", {"so": "be it"})]


async def test_messages_are_done_once_and_in_order_whatever_brings_them():
    bot = Bot()

    await bot.obeys(a_message(1), a_message(2))
    bot.inbox.read_from_start()
    assert bot.inbox.last_read == "0"
    await bot.obeys(a_message(1), a_message(2), a_message(3))

    assert bot.done == ["1-1", "2-1", "3-1"]
    assert bot.inbox.last_read == "3-1"


@pytest.mark.parametrize("message", [a_message(expired=True), a_message(epoch=6)])
async def test_what_has_expired_or_was_for_the_bot_before_is_not_done_and_its_sender_learns_it(message):
    bot = Bot()

    assert await bot.obeys(message) == [
        Note("a-session", "message_expired", 7, "do"),
        Answer("a-session", "1-1", {"error": "expired"}),
    ]
    assert bot.done == []


async def test_what_is_for_the_bot_that_comes_after_this_one_is_left_to_it():
    bot = Bot()
    assert await bot.obeys(a_message(epoch=8)) == []

    bot.journal.has_room = False
    assert await bot.obeys(a_message(2)) == []
    assert bot.done == []


@pytest.mark.parametrize(
    ("raised", "kind"), [(OthersThere(), OthersThere.kind), (ValueError("a bug"), "failed")]
)
async def test_who_asks_for_what_cannot_be_done_learns_why(raised, kind):
    assert await Bot(raises=raised).obeys(a_message()) == [Answer("a-session", "1-1", {"error": kind})]


async def test_who_asks_for_the_end_is_answered_when_the_bot_has_left():
    bot = Bot(result="later")

    assert await bot.obeys(a_message()) == []
    await bot.inbox.answer_rest()
    assert bot.ledger.told == [Answer("a-session", "1-1", {})]


async def test_an_answer_is_given_when_redis_is_back(monkeypatch):
    """What had been done was never answered, and stayed in the inbox for the next bot to report as expired."""
    monkeypatch.setattr(journals, "RETRY_AFTER", journals.RETRY_AFTER * 0)

    assert await Bot(ComesBack()).obeys(a_message()) == [Answer("a-session", "1-1", {})]


async def test_what_was_sent_while_the_bot_was_starting_is_read_when_it_has_started():
    class Full(Told):
        async def run(self, step):
            self.told.append(step)
            return [a_message()] if step.after == "0" else await asyncio.Future()

    bot, started = Bot(Full()), asyncio.Event()
    reading = asyncio.create_task(bot.inbox.read(started))
    await asyncio.sleep(0.05)
    assert bot.inbox.is_empty

    started.set()
    async with asyncio.timeout(10):
        while bot.inbox.is_empty:  # noqa: ASYNC110  read by another task
            await asyncio.sleep(0.01)
    reading.cancel()
