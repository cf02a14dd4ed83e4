"""What a stay does when somebody comes or goes."""

import asyncio
from datetime import timedelta

import pytest
from pipecat.frames.frames import InterruptionFrame
from structlog.testing import capture_logs

from greenroom.app.rooms.failures import FailureKind
from greenroom.app.rooms.session_events import Note
from greenroom.app.rooms.sessions import Reason, Transition
from greenroom.bots.transports.stage import PutOut
from tests.fakes.async_ledgers import ComesBack, Told
from tests.fakes.stays import Visited, parts_of_a_stay, with_pipeline

pytestmark = pytest.mark.anyio


class Bot(Visited):
    """One that has started, and what was written of its session."""

    def __init__(self, ledger=None, **facts):
        self.ledger = ledger or Told()
        super().__init__(parts_of_a_stay(ledger=self.ledger, **facts))
        self.listener, self.stage, self.end = self.parts.listener, self.parts.stage, self.parts.end

    @property
    def history(self):
        return [
            str(step.to) if isinstance(step, Transition) else step.event
            for step in self.ledger.told
            if isinstance(step, Transition | Note)
        ]


@pytest.fixture
async def bot():
    bot = Bot(persistence=timedelta(0))
    await bot.listener.started()
    yield bot
    bot.parts.carry_out.stop_clock()


async def test_a_visit_stands_in_the_history_and_an_empty_room_ends_the_session(bot):
    await bot.comes("ann")
    assert not bot.end.has_begun
    await bot.goes("ann")

    assert bot.history == ["live", "person_arrived", "cleaned", "waiting", "person_left"]
    async with asyncio.timeout(10):
        await bot.end.wait()
    assert (bot.end.ending.reason, bot.end.ending.politely) == (Reason.IDLE, False)


async def test_the_history_and_the_log_say_who_came_and_who_went(bot):
    with capture_logs() as lines:
        await bot.comes("ann")
        await bot.comes("ben")
        await bot.goes("ann")

    notes = [(step.event, step.person) for step in bot.ledger.told if isinstance(step, Note)]
    assert notes == [("person_arrived", "ann"), ("person_arrived", "ben"), ("person_left", "ann")]
    logged = [(line["event"], line["person"]) for line in lines if "person" in line]
    assert logged == [("person_arrived", "ann"), ("person_arrived", "ben"), ("person_departed", "ann")]
    assert bot.parts.journal.session.person == "ben"


async def test_who_comes_back_in_time_stops_the_clock(bot):
    await bot.comes("ann")
    bot.stage.people = frozenset()
    leaving = asyncio.create_task(bot.listener.departed("ann"))
    await asyncio.sleep(0)
    await bot.comes("ann")
    await leaving

    await asyncio.sleep(0.1)
    assert not bot.end.has_begun
    assert bot.history[-2:] == ["live", "person_arrived"]


async def test_what_follows_is_written_in_the_order_in_which_it_happened_although_one_thing_takes_long():
    """A slow beginning of a conversation was overtaken by the departure after it."""
    bot = Bot()
    await bot.listener.started()
    await bot.comes("ann")
    await bot.goes("ann")
    begins, waiting, slow = asyncio.Event(), bot.parts.turns.written, ["the beginning"]

    async def written(within):
        if slow:
            slow.clear()
            await begins.wait()
        return await waiting(timedelta(0))

    bot.parts.turns.written = written
    bot.stage.people = frozenset({"ben"})
    arriving = asyncio.create_task(bot.listener.arrived("ben"))
    await asyncio.sleep(0.01)
    bot.stage.people = frozenset()
    going = asyncio.create_task(bot.listener.departed("ben"))
    await asyncio.sleep(0.01)
    begins.set()
    await asyncio.gather(arriving, going)

    assert bot.history[-6:] == [
        "conversation_begun",
        "live",
        "person_arrived",
        "cleaned",
        "waiting",
        "person_left",
    ]
    bot.parts.carry_out.stop_clock()


async def test_the_answer_is_cancelled_when_the_last_one_leaves_while_the_bot_speaks(bot):
    pipeline = await with_pipeline(bot.parts)
    await bot.comes("ann")
    await bot.comes("ben")
    bot.parts.turns.floor.begins("assistant")
    await bot.goes("ann")
    assert pipeline.frames == []  # the other one hears it still

    await bot.goes("ben")

    assert {type(frame) for frame in pipeline.frames} == {InterruptionFrame}


async def test_a_bot_that_says_nothing_is_not_interrupted_when_the_last_one_leaves(bot):
    pipeline = await with_pipeline(bot.parts)
    await bot.comes("ann")
    await bot.goes("ann")

    assert pipeline.frames == []


async def test_who_leaves_a_room_that_is_another_bot_s_by_now_ends_nothing(bot):
    await bot.comes("ann")
    bot.parts.journal.has_room = False
    await bot.goes("ann")

    assert bot.history[-1] == "person_arrived"


async def test_a_visit_while_redis_is_away_is_written_when_it_is_back():
    bot = Bot(ComesBack(away_for=2))
    await bot.listener.started()
    await bot.comes("ann")
    await bot.goes("ann")
    bot.parts.carry_out.stop_clock()

    assert bot.history == ["live", "person_arrived", "cleaned", "waiting", "person_left"]


@pytest.mark.parametrize(
    ("kind", "goes_on"), [(Reason.ROOM_GONE, False), (Reason.EJECTED, False), (FailureKind.LINE_LOST, True)]
)
async def test_a_bot_that_is_put_out_ends_and_its_session_with_it_if_the_room_says_so(bot, kind, goes_on):
    bot.listener.put_out(PutOut(kind, "was put out"))

    assert bot.end.ending.goes_on is goes_on
    assert (bot.end.ending.failure is not None) is goes_on


async def test_a_bot_that_gives_its_room_up_is_not_ended_by_the_one_that_takes_it(bot):
    bot.listener.gives_room_up = True
    bot.listener.put_out(PutOut(Reason.SUPERSEDED, "another bot came"))
    assert not bot.end.has_begun

    bot.listener.put_out(PutOut(Reason.ROOM_GONE, "the room was deleted"))
    assert bot.end.ending.reason is Reason.ROOM_GONE


@pytest.mark.parametrize(("person", "is_parked"), [(None, False), ("ann", True)])
async def test_a_session_that_nobody_ever_visited_waits_for_no_slot(person, is_parked):
    bot = Bot(person=person)
    await bot.listener.started()
    bot.parts.carry_out.stop_clock()

    assert bot.listener.waits_for_slot() is is_parked
    assert bot.end.has_begun is not is_parked
