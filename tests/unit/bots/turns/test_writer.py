"""Turns on their way to Redis: one command each, in order, and nothing goes in silence."""

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.conversations import BeginConversation, Turn
from greenroom.bots import background_writer
from greenroom.bots.turns import writer
from greenroom.bots.turns.transcript import Transcript
from greenroom.bots.turns.writer import TurnWriter
from tests.fakes.async_ledgers import Told
from tests.rigs.makers import a_session

pytestmark = pytest.mark.anyio
A_WHILE = timedelta(seconds=10)


class Places(Told):
    """Gives each turn a place, when it is not away."""

    def __init__(self):
        super().__init__()
        self.is_away = False
        self.refuses = False

    async def run(self, step):
        if self.is_away:
            raise RedisAway
        await super().run(step)
        return 0 if self.refuses else len(self.told)

    def written(self):
        return [step.turn.content for step in self.told if not isinstance(step, BeginConversation)]


@pytest.fixture
def ledger(monkeypatch):
    monkeypatch.setattr(background_writer, "RETRY_AFTER", timedelta(milliseconds=1))
    return Places()


@pytest.fixture
async def writing(ledger):
    it = TurnWriter(ledger, a_session(), Transcript(7))
    task = asyncio.create_task(it.run())
    yield it
    task.cancel()


def write(to, *words):
    for each in words:
        to.write(Turn(each, "user", each))


async def test_each_turn_is_one_step_in_the_order_in_which_it_was_said(writing, ledger):
    write(writing, *"abc")

    assert await writing.written(A_WHILE)
    assert ledger.written() == [*"abc"]
    assert len(ledger.told) == 3


async def test_what_is_said_while_redis_is_away_is_written_when_it_is_back(writing, ledger):
    ledger.is_away = True
    write(writing, *"abc")
    assert not await writing.written(timedelta(milliseconds=50))
    ledger.is_away = False

    assert await writing.written(A_WHILE)
    assert ledger.written() == [*"abc"]
    assert writing.dropped == 0


async def test_what_is_too_much_is_counted_and_the_log_says_so(writing, ledger, monkeypatch):
    monkeypatch.setattr(writer, "UNWRITTEN_AT_MOST", 5)
    with capture_logs() as logs:
        for absence in ("abcdefgh", "ijklmno"):
            ledger.is_away = True
            write(writing, *absence)
            ledger.is_away = False
            assert await writing.written(A_WHILE)

    assert ledger.written() == [*"defgh", *"klmno"]
    assert writing.dropped == 5
    told = [line["turns"] for line in logs if line["event"] == "turns_dropped"]
    assert told == [1, 3, 4, 5]  # at once, and when Redis is back


async def test_that_conversations_begin_is_never_dropped(writing, ledger, monkeypatch):
    monkeypatch.setattr(writer, "UNWRITTEN_AT_MOST", 3)
    ledger.is_away = True
    writing.begin("of-bob", "main/bob")
    writing.begin("of-cem", "main/cem")
    write(writing, *"abc")
    ledger.is_away = False
    assert await writing.written(A_WHILE)

    begun = [step.conversation_id for step in ledger.told if isinstance(step, BeginConversation)]
    assert begun == ["of-bob", "of-cem"]
    assert ledger.written() == ["c"]


async def test_a_turn_that_is_refused_is_in_the_log_and_holds_nothing_up(writing, ledger):
    ledger.refuses = True
    with capture_logs() as logs:
        write(writing, *"ab")
        assert await writing.written(A_WHILE)

    assert [line["event"] for line in logs] == ["turn_refused", "turn_refused"]


async def test_what_was_said_before_another_person_came_is_written_although_the_rest_is_written_again(
    writing, ledger
):
    """What one person said while Redis was away was lost when the turns of the next were restored."""
    ledger.is_away = True
    write(writing, *"ab")
    writing.begin("of-bob", "main/bob")
    write(writing, "c")
    writing.write_again([Turn("c", "user", "c")])
    ledger.is_away = False

    assert await writing.written(A_WHILE)
    turns = [step for step in ledger.told if not isinstance(step, BeginConversation)]
    assert [(step.conversation_id, step.turn.content) for step in turns] == [
        ("a-conversation", "a"),
        ("a-conversation", "b"),
        ("of-bob", "c"),
    ]


async def test_a_turn_of_a_conversation_that_another_bot_began_names_its_owner(writing, ledger):
    """Should Redis have lost it, it is still that person's."""
    writing.go_on_with("of-bob", "main/bob")
    write(writing, "a")
    assert await writing.written(A_WHILE)

    assert [step.owner for step in ledger.told] == ["main/bob"]
