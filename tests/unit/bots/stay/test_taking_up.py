"""A session that takes a conversation up: its bot knows it, and nobody waits for a database that does not answer."""

import asyncio
import threading
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from greenroom.app.errors.storage import DatabaseAway
from greenroom.app.rooms.conversations import BeginConversation, Record, TakeUp, Turn
from greenroom.app.rooms.taking_up import Earlier
from greenroom.bots.stay import bot_run, taking_up
from greenroom.bots.stay.stay import Stay
from tests.fakes.memory import FakeMemory, known_as
from tests.fakes.stays import parts_of_a_stay

pytestmark = pytest.mark.anyio

BEFORE = Turn("5-1", "user", "I like tea.", epoch=5, sequence=41, started_ms=1, ended_ms=2)


class Kept:
    """What is kept of one conversation."""

    def __init__(self, earlier=None, error=None):
        self.earlier, self.error = earlier, error
        self.asked = []
        self.answers = threading.Event()
        self.answers.set()

    def find(self, tenant, conversation_id):
        self.asked.append((tenant, conversation_id))
        self.answers.wait(10)
        if self.error:
            raise self.error
        return self.earlier


async def taken_up(kept, **facts):
    parts = parts_of_a_stay(earlier=kept, **facts)
    parts.taking_up.read()
    await parts.taking_up.done()
    return parts


async def written_by(parts):
    """The steps with which what is said now comes to Redis."""
    parts.turns.message_added({"role": "user", "content": "And now?"})
    steps = []
    parts.turns._writer._background._ledger.run = lambda step: _noted(steps, step)
    await parts.turns.write_all()
    return steps


async def _noted(steps, step):
    steps.append(step)
    return 1


async def test_the_bot_is_told_what_was_said_and_redis_has_it_again():
    kept = Kept(Earlier("ada", (BEFORE,), 44))
    parts = await taken_up(kept)

    assert kept.asked == [("main", "a-conversation")]
    assert parts.turns.before() == [{"role": "user", "content": "I like tea."}]
    up, said = await written_by(parts)
    assert up == TakeUp("a-session", "a-conversation", 7, (BEFORE,), 44)
    assert isinstance(said, Record) and said.after == 44


async def test_a_new_conversation_begins_with_nothing():
    parts = await taken_up(Kept())

    assert parts.turns.before() == []
    (said,) = await written_by(parts)
    assert said.after == 0


async def test_what_redis_knows_is_not_asked_for():
    kept = Kept(Earlier("ada", (BEFORE,), 44))
    parts = await taken_up(kept, adopted={"conversation": (Turn("7-1", "user", "Hello", sequence=1),)})

    assert kept.asked == []
    assert parts.turns.before() == [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize("hangs", [True, False])
async def test_without_the_database_the_bot_begins_and_what_is_said_stands_behind_the_rest(hangs):
    kept = Kept(error=None if hangs else DatabaseAway())
    if hangs:
        kept.answers.clear()
    with capture_logs() as lines:
        parts = await taken_up(kept)
    kept.answers.set()

    assert [line["event"] for line in lines] == ["conversation_load_failed"]
    assert parts.turns.before() == []
    (said,) = await written_by(parts)
    assert said.after > 1_700_000_000


async def test_of_another_user_s_conversation_nothing_is_told_and_nothing_is_added_to_it():
    with capture_logs() as lines:
        parts = await taken_up(Kept(Earlier("bob", (BEFORE,), 44)))

    assert [line["event"] for line in lines] == ["conversation_name_failed"]
    assert parts.turns.before() == []
    begun, said = await written_by(parts)
    own = parts.journal.session.conversation_id
    assert own != "a-conversation"
    assert begun == BeginConversation("a-session", 7, own, "main/ada")
    assert said.conversation_id == own


async def test_a_conversation_whose_user_nobody_knows_any_more_is_its_caller_s():
    parts = await taken_up(Kept(Earlier("", (BEFORE,), 44)))
    assert parts.turns.before() == [{"role": "user", "content": "I like tea."}]


async def test_what_is_remembered_is_read_beside_what_was_said(monkeypatch):
    """One after the other kept a bot from its room for twice as long, where a backend answers neither."""
    monkeypatch.setattr(taking_up, "LOADED_WITHIN", timedelta(seconds=60))
    kept, memory, told = Kept(Earlier("ada", (BEFORE,), 44)), FakeMemory(ada="Ada"), []
    kept.answers.clear()

    async def bot(body):
        told.append(body)

    monkeypatch.setattr(bot_run, "load_bot", lambda _target: bot)
    running = asyncio.create_task(Stay(parts_of_a_stay(earlier=kept, memory=memory)).run())
    async with asyncio.timeout(10):
        while not (kept.asked and memory.asked):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    kept.answers.set()
    await running

    assert told[0]["remembered"] == known_as("Ada") and len(memory.asked) == 1
