"""What a bot's tools open in their room: at once for the people, soon in Redis, whatever befalls Redis."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from greenroom.app.errors.rooms import TooMuchState
from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.room_states import Open, Opened, ReadState
from greenroom.bots import background_writer, room_state
from greenroom.bots.room_state import RoomState
from tests.rigs.makers import ME, STAGE, a_beat, a_claim, adopted

pytestmark = pytest.mark.anyio
SOON = timedelta(seconds=5)
NOTHING = dict.fromkeys(Open)
NOTE = {"id": "n-1", "title": "Groceries"}


class Way:
    """The way to a ledger; it may be away, or lose every answer."""

    def __init__(self, ledger):
        self._ledger = ledger
        self.is_away = False
        self.loses_answers = 0
        self.meanwhile = lambda: None  # happens while the next answer is on its way

    async def run(self, step):
        await asyncio.sleep(0)
        if self.is_away:
            raise RedisAway
        reply = self._ledger.run(step)
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        if self.loses_answers:
            self.loses_answers -= 1
            raise RedisAway
        return reply


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(background_writer, "RETRY_AFTER", timedelta(milliseconds=5))


@pytest.fixture
def epoch(ledger):
    ledger.run(a_claim())
    return adopted(ledger)


@pytest.fixture
def way(ledger):
    return Way(ledger)


@pytest.fixture
def told():
    return []


@pytest.fixture
def state(way, epoch, told):
    return RoomState(way, STAGE, epoch=epoch, owner=ME, tell=told.append)


@asynccontextmanager
async def writing(state):
    task = asyncio.create_task(state.write())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def kept(state, ledger):
    assert await state.written(SOON)
    return ledger.run(ReadState(STAGE))


async def test_what_a_tool_opens_is_told_at_once_and_written_soon(state, ledger, told):
    async with writing(state):
        state.open("active_note", NOTE, owner="ann")

        assert state.get("active_note") == state.get(Open.NOTE) == Opened(NOTE, "ann")
        assert told == [{**NOTHING, "active_note": {"value": NOTE, "owner": "ann"}}]
        assert await kept(state, ledger) == {Open.NOTE: Opened(NOTE, "ann")}


async def test_what_is_closed_is_told_and_written_too(state, ledger, told):
    async with writing(state):
        state.open("active_note", NOTE, owner="ann")
        state.open("desktop_mode", True, owner="bob")
        state.close("active_note")

        assert state.get("active_note") is None
        assert told[-1] == {**NOTHING, "desktop_mode": {"value": True, "owner": "bob"}}
        assert await kept(state, ledger) == {Open.DESKTOP: Opened(True, "bob")}
        state.close_all()
        assert told[-1] == NOTHING
        assert await kept(state, ledger) == {}


async def test_what_changes_nothing_is_neither_told_nor_written(state, told):
    state.close("active_note")
    state.open("active_applet", "clock", owner="ann")
    state.open("active_applet", "clock", owner="ann")

    assert len(told) == 1


async def test_who_arrives_is_told_what_is_open_and_nothing_where_nothing_is(state, told):
    state.tell()
    assert told == []
    state.open("active_applet", "clock", owner="ann")

    state.tell()

    assert told[0] == told[1]


@pytest.mark.parametrize("name", ["active_window", "", "NOTE"])
async def test_nothing_else_can_be_open(state, name):
    with pytest.raises(ValueError, match="is not a valid Open"):
        state.open(name, 1, owner="ann")


async def test_what_is_too_large_is_refused_and_leaves_what_was_open(state, told):
    state.open("active_note", NOTE, owner="ann")

    with pytest.raises(TooMuchState):
        state.open("active_note", "x" * 6000, owner="ann")

    assert state.get("active_note") == Opened(NOTE, "ann")
    assert len(told) == 1


async def test_without_redis_it_is_in_memory_and_written_after(state, way, ledger, told):
    way.is_away = True
    async with writing(state):
        state.open("active_note", NOTE, owner="ann")
        state.open("active_applet", "clock", owner="ann")
        state.close("active_note")
        assert not await state.written(timedelta(milliseconds=50))
        assert state.get("active_applet")
        assert len(told) == 3

        way.is_away = False

        assert await kept(state, ledger) == {Open.APPLET: Opened("clock", "ann")}


async def test_a_change_while_the_one_before_is_on_its_way_is_not_lost(state, way, ledger):
    way.meanwhile = lambda: state.open("active_note", "another", owner="bob")
    async with writing(state):
        state.open("active_note", NOTE, owner="ann")

        assert await kept(state, ledger) == {Open.NOTE: Opened("another", "bob")}


async def test_an_answer_that_is_lost_does_no_harm(state, way, ledger):
    way.loses_answers = 2
    async with writing(state):
        state.open("active_note", NOTE, owner="ann")
        state.close("active_note")

        assert await kept(state, ledger) == {}


async def test_what_redis_lost_is_written_again(state, ledger, epoch):
    async with writing(state):
        state.open("active_note", NOTE, owner="ann")
        assert await kept(state, ledger)
        ledger.wipe()
        state.open(
            "desktop_mode", True, owner="ann"
        )  # refused: the room is not this bot's until its next beat
        assert await kept(state, ledger) == {}

        ledger.run(a_beat(epoch))
        state.restore()

        assert await kept(state, ledger) == {
            Open.NOTE: Opened(NOTE, "ann"),
            Open.DESKTOP: Opened(True, "ann"),
        }


async def test_a_close_that_redis_forgot_is_done_again(state, ledger, epoch):
    """Its last second is lost when Redis is killed."""
    async with writing(state):
        state.open("active_note", NOTE, owner="ann")
        await kept(state, ledger)
        before = RoomState(Way(ledger), STAGE, epoch=epoch, owner=ME, tell=lambda _: None)
        state.close("active_note")
        await kept(state, ledger)
        async with writing(before):
            before.open("active_note", NOTE, owner="ann")
            assert await kept(before, ledger)

        state.restore()

        assert await kept(state, ledger) == {}


async def test_the_next_bot_has_what_was_open_and_catches_up(way, epoch, told):
    state = RoomState(
        way, STAGE, epoch=epoch, owner=ME, tell=told.append, before={Open.NOTE: Opened(NOTE, "ann")}
    )
    assert state.get("active_note")

    state.catch_up({Open.APPLET: Opened("clock", "ann")})

    assert dict(state.all) == {Open.APPLET: Opened("clock", "ann")}


async def test_a_tool_finds_the_state_of_its_own_session(state):
    async def tool():
        room_state.current().open("desktop_mode", "full", owner="ann")

    with pytest.raises(LookupError):
        room_state.current()
    state.make_current()
    await asyncio.create_task(tool())

    assert state.get("desktop_mode") == Opened("full", "ann")
