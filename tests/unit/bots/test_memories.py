"""What a bot is told of earlier conversations: once, in time or not at all, and of nobody to anybody else."""

import asyncio
import logging
from datetime import timedelta

import pytest
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMAssistantAggregator, LLMUserAggregator

from greenroom.app.errors.storage import DatabaseAway
from greenroom.app.rooms.memory import as_message
from greenroom.app.rooms.minds import MemoryIs
from greenroom.app.rooms.room import Room
from greenroom.bots import memories
from greenroom.bots.assistant.ears import user_params
from greenroom.bots.assistant.people import People
from greenroom.bots.several_people import SeveralPeople
from greenroom.bots.stay import bot_run
from greenroom.bots.stay.stay import Stay
from tests.fakes.memory import FakeMemory, known_as
from tests.fakes.stays import FakePipeline, Visited, parts_of_a_stay, with_pipeline
from tests.rigs.makers import a_brief

pytestmark = pytest.mark.anyio


async def eventually_async(look):
    async with asyncio.timeout(10):
        while not look():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


SEVERAL = Room.parse("wss://livekit.acme.com/standup")
OF_ADA = known_as("Ada")


@pytest.fixture
def perform(monkeypatch):
    """Runs a stay with a bot that looks at what it is told, and returns that."""

    async def performed(**facts):
        told = []

        async def bot(body):
            told.append(body)
            await asyncio.sleep(0)

        monkeypatch.setattr(bot_run, "load_bot", lambda _target: bot)
        await Stay(parts_of_a_stay(**facts)).run()
        return told[0]

    return performed


async def test_a_bot_that_begins_is_told_of_its_user_alone_and_that_is_loaded_once(perform):
    memory = FakeMemory(ada="Ada", ben="Ben")

    assert (await perform(memory=memory))["remembered"] == OF_ADA
    assert memory.asked == [("main", "ada", "a-conversation")]


async def test_a_bot_that_shall_have_no_memory_is_told_nothing_and_nobody_is_asked(perform):
    memory = FakeMemory(ada="Ada")

    assert (await perform(memory=memory, brief=a_brief(memory=False)))["remembered"] == ""
    assert memory.asked == []


@pytest.mark.parametrize("nobody", ["guest", "guest-1f", "Guest-1F"])
async def test_of_guests_nothing_is_known(perform, nobody):
    memory = FakeMemory(**{nobody: "Ada"})

    assert (await perform(memory=memory, brief=a_brief(user_id=nobody)))["remembered"] == ""
    assert memory.asked == []


async def test_a_bot_of_a_room_of_several_is_told_of_nobody_since_others_would_hear_it(perform):
    memory = FakeMemory(ada="Ada")

    assert (await perform(memory=memory, room=SEVERAL))["remembered"] == ""


async def test_a_bot_begins_without_what_takes_too_long(perform, monkeypatch, caplog):
    memory = FakeMemory(ada="Ada")
    memory.answers.clear()
    monkeypatch.setattr(memories, "LOADED_WITHIN", timedelta(milliseconds=20))

    try:
        assert (await perform(memory=memory))["remembered"] == ""
    finally:
        memory.answers.set()
    assert memory.asked


@pytest.mark.parametrize("error", [DatabaseAway(because="OperationalError"), ValueError("canary")])
async def test_a_bot_begins_without_what_cannot_be_read_and_the_log_has_no_word_of_it(perform, error, caplog):
    memory = FakeMemory(ada="Ada")
    memory.error = error

    with caplog.at_level(logging.WARNING):
        assert (await perform(memory=memory))["remembered"] == ""
    assert "canary" not in caplog.text


@pytest.mark.parametrize("is_built_first", [True, False])
async def test_what_comes_late_is_in_the_context_from_then_on(monkeypatch, is_built_first):
    """Whoever is greeted a second after the bot's start is greeted as somebody who is known."""
    monkeypatch.setattr(memories, "LOADED_WITHIN", timedelta(milliseconds=10))
    memory = FakeMemory(ada="Ada")
    memory.answers.clear()
    parts = parts_of_a_stay(memory=memory)
    context = LLMContext([{"role": "user", "content": "Hello"}])

    async def build():
        await with_pipeline(parts, LLMUserAggregator(context, params=user_params()))

    assert await parts.turns.remembering.of("ada") == ""
    if is_built_first:
        await build()
    memory.answers.set()
    loading = next(iter(parts.memories._loading.values()))
    await eventually_async(loading.done)
    await asyncio.sleep(0)
    if not is_built_first:
        await build()

    assert context.messages == [as_message(OF_ADA), {"role": "user", "content": "Hello"}]
    assert len(memory.asked) == 1


async def test_what_comes_late_is_not_told_to_whoever_came_meanwhile(monkeypatch):
    monkeypatch.setattr(memories, "LOADED_WITHIN", timedelta(milliseconds=10))
    memory = FakeMemory(ada="Ada")
    memory.answers.clear()
    parts = parts_of_a_stay(memory=memory)
    assert await parts.turns.remembering.of("ada") == ""
    parts.turns.begin_another("ben")
    memory.answers.set()
    await eventually_async(next(iter(parts.memories._loading.values())).done)
    await asyncio.sleep(0)

    context = LLMContext()
    await with_pipeline(parts, LLMUserAggregator(context, params=user_params()))
    assert context.messages == []


async def test_the_loop_goes_on_while_memory_is_read():
    memory = FakeMemory(ada="Ada")
    memory.answers.clear()
    parts = parts_of_a_stay(memory=memory)

    reading = asyncio.create_task(parts.turns.remembering.of("ada"))
    await eventually_async(lambda: memory.asked)
    memory.answers.set()  # which nobody could do if the loop waited

    assert await reading == OF_ADA


# Nobody's memory reaches anybody else


class Talk(Visited):
    """A bot for one person in a room, as far as its context goes."""

    def __init__(self, parts, context):
        super().__init__(parts)
        self.context = context

    @property
    def is_told(self):
        return str(self.context.messages)


async def a_talk(memory, monkeypatch, **facts):
    """It has begun, as our own bot does, and nobody has come yet."""
    parts, begun, told = parts_of_a_stay(memory=memory, **facts), asyncio.Event(), []

    async def bot(body):
        told.append(body)
        begun.set()
        await asyncio.Future()

    monkeypatch.setattr(bot_run, "load_bot", lambda _target: bot)
    running = asyncio.create_task(Stay(parts).run())
    await begun.wait()
    context = LLMContext([as_message(told[0]["remembered"])] if told[0]["remembered"] else [])
    pipeline = await with_pipeline(
        parts, LLMUserAggregator(context, params=user_params()), LLMAssistantAggregator(context)
    )
    await pipeline.happens("on_pipeline_started")
    return Talk(parts, context), running


@pytest.fixture
async def talk(monkeypatch):
    memory, running = FakeMemory(ada="Ada", ben="Ben"), []

    async def begin(**facts):
        it, task = await a_talk(memory, monkeypatch, **facts)
        running.append(task)
        it.memory = memory
        return it

    yield begin
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_two_users_with_one_bot_in_turn_are_each_known_and_have_nothing_of_each_other(talk):
    it = await talk()
    await it.comes("ada")
    assert "Ada" in it.is_told
    it.parts.turns.message_added({"role": "user", "content": "canary"})
    await it.goes("ada")

    await it.comes("ben")

    await eventually_async(lambda: "Ben" in it.is_told)
    assert "Ada" not in it.is_told
    assert [user for _, user, _ in it.memory.asked] == ["ada", "ben"]


async def test_whoever_comes_first_and_is_another_than_the_one_whom_the_bot_is_for_hears_nothing_of_them(
    talk,
):
    it = await talk()
    assert "Ada" in it.is_told

    await it.comes("ben")

    await eventually_async(lambda: "Ben" in it.is_told)
    assert "Ada" not in it.is_told
    assert it.parts.journal.session.conversation_id != "a-conversation"


async def test_what_is_loaded_late_does_not_reach_the_person_who_came_meanwhile(talk):
    it = await talk()
    await it.comes("ada")
    await it.goes("ada")
    it.memory.answers.clear()
    await it.comes("ben")
    await it.goes("ben")
    await it.comes("guest-1f")  # of whom nothing is read that could take its place
    it.memory.answers.set()

    await asyncio.sleep(0.1)
    assert it.is_told == "[]"


async def test_what_is_loaded_for_a_conversation_that_is_over_reaches_no_other_one():
    memory, context = FakeMemory(ben="Ben"), LLMContext()
    memory.answers.clear()
    parts = parts_of_a_stay(memory=memory)
    await with_pipeline(parts, LLMUserAggregator(context, params=user_params()))
    parts.turns.remembering.load("ben")
    (loading,) = parts.memories._loading.values()

    parts.turns.begin_another("cy")
    memory.answers.set()
    await eventually_async(loading.done)
    await asyncio.sleep(0)

    assert context.messages == []


async def test_a_guest_who_comes_after_somebody_is_told_nothing_of_them(talk):
    it = await talk()
    await it.comes("ada")
    await it.goes("ada")

    await it.comes("guest-1f")

    assert it.is_told == "[]"


async def test_of_several_in_a_room_each_has_their_own_memory_in_their_own_context():
    memory = FakeMemory(ada="Ada", ben="Ben")
    parts = parts_of_a_stay(memory=memory, room=SEVERAL)
    people = People(lambda: None, user_params)
    parts.turns.hearing.follow(FakePipeline(people))

    for person in ("ada", "ben", "cy", "ada"):
        aggregator = LLMUserAggregator(people.context_of(person), params=user_params())
        await people._call_event_handler("on_person", person, aggregator)

    def told(person):
        return people.context_of(person).messages

    await eventually_async(lambda: told("ada") and told("ben"))
    assert told("ada") == [as_message(OF_ADA)]
    assert told("ben") == [as_message(known_as("Ben"))]
    assert told("cy") == []
    assert sorted(user for _, user, _ in memory.asked) == ["ada", "ben", "cy"]


async def test_a_bot_of_somebody_s_own_is_followed_where_it_tells_who_its_people_are():
    parts = parts_of_a_stay(memory=FakeMemory(ada="Ada"), room=SEVERAL)
    people, context = SeveralPeople(), LLMContext()

    parts.turns.hearing.follow(FakePipeline(people))
    await people._call_event_handler("on_person", "ada", LLMUserAggregator(context, params=user_params()))

    await eventually_async(lambda: context.messages == [as_message(OF_ADA)])


async def test_a_read_that_is_given_up_says_nothing_of_the_one_after_it():
    memory = FakeMemory(ada="Ada")
    memory.answers.clear()
    known = parts_of_a_stay(memory=memory).memories
    known.load("ada", "a-conversation")
    known.forget()
    assert known.health.state is MemoryIs.NONE
    known.load("ada", "another-conversation")
    await asyncio.sleep(0.05)

    assert known.health.state is MemoryIs.LOADING
    memory.answers.set()
    await eventually_async(lambda: known.health.state is MemoryIs.LOADED)


async def test_a_bot_that_becomes_one_without_a_memory_does_not_say_that_it_has_loaded_it():
    known = parts_of_a_stay(memory=FakeMemory(ada="Ada")).memories
    await known.of("ada", "a-conversation")
    assert known.health.state is MemoryIs.LOADED

    known.follow(a_brief(memory=False))

    assert known.health.state is MemoryIs.NONE
