"""What is said in a call reaches Redis once, in order, through everything that befalls the way there."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.conversations import ReadTurns, Record, Source, ToolCall, Turn
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.resuming import NO_RESULT
from greenroom.app.rooms.sessions import ReadSession
from greenroom.bots import background_writer
from greenroom.bots.turns import Turns, writer
from tests.fakes.stays import FakePipeline
from tests.model.world import Awaitable
from tests.rigs.makers import a_session
from tests.rigs.redis_world import client, flush

pytestmark = pytest.mark.anyio
SESSION = a_session()
HERE, EPOCH = SESSION.conversation_id, SESSION.epoch
A_WHILE = timedelta(seconds=20)


class Flaky(Awaitable):
    """The way to Redis; every other time it is away, or only its answer."""

    def __init__(self, wire):
        super().__init__(wire)
        self.asked = 0

    async def run(self, step):
        self.asked += 1
        if self.asked % 3 == 0:
            raise RedisAway
        reply = await super().run(step)
        if self.asked % 3 == 1:
            raise RedisAway
        return reply


@pytest.fixture
def ledger(new_world, monkeypatch):
    monkeypatch.setattr(background_writer, "RETRY_AFTER", timedelta(milliseconds=1))
    return Flaky(new_world().wire)


@pytest.fixture
async def said(ledger):
    """What is said, while it is being written."""
    said = Turns(ledger, SESSION, [Turn("6-1", "user", "before", sequence=1)])
    writing = asyncio.create_task(said.write())
    yield said
    writing.cancel()


def say(said, *words, role="user"):
    for each in words:
        said.message_added({"role": role, "content": each})


def written(ledger, conversation_id=HERE):
    return [turn.content for turn in ledger._wire.run(ReadTurns(conversation_id))]


async def test_every_turn_is_there_once_and_in_order_although_redis_comes_and_goes(said, ledger):
    words = [f"turn {number}" for number in range(40)]
    say(said, *words)

    assert await said.written(A_WHILE)
    assert written(ledger) == words


async def test_what_was_lost_is_written_again_in_its_place(said, ledger, redis_url):
    say(said, *"abc")
    await said.written(A_WHILE)
    with client(redis_url) as server:
        flush(server)
    say(said, "d")  # heard before anybody knows of the loss
    await said.written(A_WHILE)
    said.restore(ledger._wire.run(ReadTurns(HERE)))
    say(said, "e")

    assert await said.written(A_WHILE)
    assert written(ledger) == ["before", *"abcde"]
    turns = ledger._wire.run(ReadTurns(HERE))
    assert [turn.sequence for turn in turns] == [1, 2, 3, 4, 5, 6]
    assert [turn.source for turn in turns] == [Source.RESTORED] * 4 + [Source.LIVE] * 2


async def test_what_was_not_lost_is_not_written_again(said, ledger):
    say(said, *"abc")
    await said.written(A_WHILE)
    asked = ledger.asked
    said.restore([Turn("6-1", "user", "before"), *(Turn(f"7-{n}", "user", "") for n in (1, 2, 3))])

    assert ledger.asked == asked
    assert await said.written(A_WHILE)


async def test_the_first_words_of_two_bots_of_a_session_are_two_turns(said, ledger):
    say(said, "what the first bot wrote")
    await said.written(A_WHILE)
    before = ledger._wire.run(ReadTurns(HERE))
    successor = Turns(ledger, replace(SESSION, epoch=EPOCH + 1), before)
    writing = asyncio.create_task(successor.write())
    say(successor, "what the second bot wrote")
    assert await successor.written(A_WHILE)
    writing.cancel()

    assert written(ledger) == ["what the first bot wrote", "what the second bot wrote"]


async def test_another_person_s_turns_are_not_written_again(said, ledger):
    say(said, *"ab")
    said.begin_another("bob")
    say(said, "c")

    assert await said.written(A_WHILE)
    said.restore([])
    assert await said.written(A_WHILE)
    assert (written(ledger), written(ledger, said.conversation_id)) == ([*"ab"], ["c"])
    assert said.conversation_id != HERE


def a_follower(new_world, before):
    """A bot with pipecat's aggregators, and its context."""
    said, context = Turns(Awaitable(new_world().wire), SESSION, before), LLMContext()
    said.hearing.follow(FakePipeline(*LLMContextAggregatorPair(context)))
    return said, context


def test_a_successor_catches_up_with_what_it_has_not_heard_yet(new_world):
    before = [Turn("6-1", "user", "known"), Turn("6-2", "assistant", "known as well")]
    said, context = a_follower(new_world, before)
    said.catch_up([*before, Turn("6-3", "user", "missed")], HERE)
    said.catch_up([*before, Turn("6-3", "user", "missed")], HERE)

    assert context.messages == [{"role": "user", "content": "missed"}]


def test_a_successor_that_was_prepared_while_a_tool_ran_has_its_result(new_world):
    called = Turn("6-1", "assistant", "", tool_calls=(ToolCall("look-1", "look", "{}"),))
    said, context = a_follower(new_world, [called])
    context.set_messages(said.before())
    assert context.messages[-1]["content"] == NO_RESULT
    result = Turn("6-2", "tool", "a star", tool_call_id="look-1")
    said.catch_up([called, result, Turn("6-3", "assistant", "A star.")], HERE)

    assert [message.get("content") for message in context.messages] == [None, "a star", "A star."]


def test_a_successor_leaves_a_conversation_that_is_over(new_world):
    said, context = a_follower(new_world, [])
    said.catch_up([Turn("6-1", "user", "a secret")], HERE)
    said.catch_up([Turn("6-2", "user", "hello")], "another")

    assert context.messages == [{"role": "user", "content": "hello"}]
    assert said.conversation_id == "another"


def test_it_is_not_quiet_while_the_person_waits_for_an_answer(new_world):
    said = Turns(Awaitable(new_world().wire), SESSION, [])
    assert said.floor.is_quiet
    say(said, "how are you?")
    assert not said.floor.is_quiet
    say(said, "well", role="assistant")
    assert said.floor.is_quiet


async def test_another_person_s_words_are_in_their_conversation_however_much_is_said_while_redis_is_away(
    new_world, monkeypatch
):
    monkeypatch.setattr(writer, "UNWRITTEN_AT_MOST", 5)
    ledger = Awaitable(new_world().wire)
    ledger._wire.run(Create(SESSION))
    ledger._wire.run(Record(SESSION.id, HERE, EPOCH, Turn("6-1", "user", "a secret")))
    said = Turns(ledger, SESSION, [])
    say(said, "a")
    said.begin_another("bob")
    say(said, *"bcdefgh")
    writing = asyncio.create_task(said.write())
    assert await said.written(A_WHILE)
    writing.cancel()

    assert (written(ledger), written(ledger, said.conversation_id)) == (["a secret"], [*"efgh"])
    assert ledger._wire.run(ReadSession(SESSION.id)).conversation_id == said.conversation_id


async def test_no_place_is_given_twice_although_redis_forgets_all_between_two_turns(new_world, redis_url):
    """A turn that waited got the place of the one before it, which was given while it waited."""
    ledger, places = Awaitable(new_world().wire), []
    said = Turns(ledger, SESSION, [])
    say(said, *"abc")
    run = ledger.run

    async def forgetful(step):
        places.append(await run(step))
        with client(redis_url) as server:
            flush(server)
        return places[-1]

    ledger.run = forgetful
    await said.write_all()

    assert places == [1, 2, 3]
