"""Two users, four rooms, three bots: moves, pauses, returns, and crashes at every step.

At most one bot is on stage in a room, a session's bot is heard in at most one room, and nobody goes without who was
promised one.  MODEL_MOVES says how many worlds are tried, MODEL_SEED which.
"""

import asyncio
import gc
import heapq
import itertools
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psutil
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

import greenroom.bots.run
from greenroom.app.conversations.tables import metadata
from greenroom.app.rooms import moving as app_moving
from greenroom.app.rooms.moves import CommitMove
from greenroom.app.rooms.requests.changing import MoveTo
from greenroom.app.rooms.requests.leaving import Leave
from greenroom.app.rooms.sessions import State
from greenroom.bots.stay import carrying_out, parts
from greenroom.bots.stay import moving as stay_moving
from tests.model import moving
from tests.model.moving import MovingWorld
from tests.model.test_model import ANY, FAULT, HOST, REPEAT, USER, Machine, run_worlds
from tests.model.world import ROOMS, USERS
from tests.rigs.redis_world import client, patient_ledger

EXAMPLES = int(os.environ.get("MODEL_MOVES", "120"))
STEPS = 40
BOTS_AT_MOST = 3
ROOM = st.sampled_from(ROOMS)
BEFALLS = st.sampled_from(["", "", "", "cannot run twice", "is not let in"])
FATE = st.sampled_from(["goes on"] * 4 + ["asks twice", "loses the reply", "dies before", "dies behind"])


# What a bot waits for, which no time that passes in a world ends
REAL_WAITS = (
    (app_moving, "ASK_AGAIN_AFTER"),
    (stay_moving, "TOLD_WITHIN"),
    (stay_moving, "QUIET_WITHIN"),
    (stay_moving, "INTERRUPTED_WITHIN"),
    (carrying_out, "INTERRUPTED_WITHIN"),
)


@pytest.fixture
def new_moving_world(redis_url, database, monkeypatch) -> Iterator[Callable[[], MovingWorld]]:
    server, ledger = client(redis_url), patient_ledger(redis_url)
    for request in (Leave, MoveTo):
        monkeypatch.setattr(request, "within", timedelta(0))
        monkeypatch.setattr(request, "within_of_start", None)
    monkeypatch.setattr(parts, "BotRun", moving.Run)
    for module, name in REAL_WAITS:
        monkeypatch.setattr(module, name, timedelta(0))

    def new() -> MovingWorld:
        with database.writing() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
        for world in worlds:
            world.close()
        worlds[:] = [MovingWorld(server, ledger, database)]
        return worlds[0]

    worlds: list[MovingWorld] = []
    monkeypatch.setattr(greenroom.bots.run, "ledger_at", lambda _: worlds[0].wire)
    yield new
    for world in worlds:
        world.close()
    ledger.close()
    server.close()


class Moves(Machine):
    """What can happen in any world, and what happens with moves."""

    world: MovingWorld

    # What has little to do with moves leaves them more steps
    ask = report = impersonate = read_for_later = act_on_what_was_read = None  # type: ignore[assignment]
    lose_launches = flush = be_away = beat_late = command = deliver_again = go_live = None  # type: ignore[assignment]

    @initialize(
        calm=st.booleans(), other=st.sampled_from(ROOMS[:3]), steps=st.integers(0, 6), befalls=BEFALLS
    )
    def begin(self, calm, other, steps, befalls):
        """Each user has a bot, and is with it; and one of them goes elsewhere, and is that far."""
        self.calm = calm
        for user, room in zip(USERS, [ROOMS[0], other], strict=True):
            with self.world.happening():
                self.world.join(room, user)
            with self.world.happening():
                self.world.go_well()
            with self.world.happening():
                if bot := self.some(-1, lambda bot: bot.on_stage):
                    self.world.come(user, bot)
        self.move(ROOMS[3], USERS[0])
        self.world.befalls = befalls
        for _ in range(steps):
            self.go_on(0, "goes on", befalls, False)

    @property
    def moves(self):
        return any(bot.stands for bot in self.world.bots)

    @rule(room=ROOM, user=USER, fault=FAULT)
    def join(self, room, user, fault):
        with self.world.happening(**self.fault(fault)):
            self.world.join(room, user)

    @rule(room=ROOM, user=USER)
    def move(self, room, user):
        """All that is between a join and the moment in which the bot begins to move."""
        with self.world.happening():
            self.world.join(room, user)
        with self.world.happening():
            self.world.carry()

    @rule(room=ROOM, user=USER)
    def move_by_room(self, room, user):
        """The same: of all that happens this is to happen most."""
        self.move(room, user)

    @rule()
    def all_goes_well(self):
        """For as long as it takes a bot to start."""
        with self.world.happening():
            for bot in list(self.world.bots):
                if bot.frozen:
                    self.world.wake(bot)
                if bot.alive and bot.believes:
                    bot.beat()
        with self.world.happening():
            self.world.go_well()

    @rule(room=ROOM, fault=FAULT)
    def leave(self, room, fault):
        with self.world.happening(**self.fault(fault)):
            self.world.leave(room)

    @rule(again=st.sampled_from([None, None, 0, 1, 2]), befalls=BEFALLS, fault=FAULT)
    def carry(self, again, befalls, fault):
        self.world.befalls = befalls
        if again is None or self.world.transitions:
            with self.world.happening(**self.fault(fault)):
                self.world.carry(again)

    @precondition(lambda self: self.moves)
    @rule(which=ANY, fate=FATE, befalls=BEFALLS, orphan=st.booleans())
    def go_on(self, which, fate, befalls, orphan):
        """A bot that moves does its next step."""
        bot = self.some(which, lambda bot: bot.stands)
        if bot is None:
            return
        self.world.befalls = befalls
        with self.world.happening(asks_twice=fate == "asks twice"):
            if fate.startswith("dies"):
                if fate == "dies behind":
                    bot.die_behind_step()
                self.world.die(bot, orphan=orphan)
            else:
                bot.go_on(loses_reply=fate == "loses the reply")

    @precondition(lambda self: self.moves)
    @rule(which=ANY, fate=FATE, befalls=BEFALLS)
    def go_on_by_step(self, which, fate, befalls):
        """The same: of all that may happen during a move this is to happen most."""
        self.go_on(which, fate, befalls, False)

    @precondition(lambda self: self.moves)
    @rule(which=ANY)
    def go_all_the_way(self, which):
        if bot := self.some(which, lambda bot: bot.stands):
            self.world.befalls = ""
            with self.world.happening():
                bot.go_on_to_the_end()

    @precondition(lambda self: len(self.world.bots) < BOTS_AT_MOST)
    @rule(host=HOST, fault=FAULT)
    def deliver(self, host, fault):
        with self.world.happening(**self.fault(fault)):
            self.world.deliver(host)

    @rule(which=ANY, user=USER)
    def come(self, which, user):
        if bot := self.some(which, lambda bot: bot.on_stage and bot.steady):
            with self.world.happening():
                bot.go_live()
                bot.go_live()
                self.world.come(user, bot)

    @precondition(lambda self: self.world.is_in)
    @rule(user=USER)
    def go(self, user):
        with self.world.happening():
            self.world.go(user)

    @rule(which=ANY, is_paused=st.booleans(), repeat=REPEAT)
    def pause(self, which, is_paused, repeat):
        if session_id := self.session(which):
            with self.world.happening(**repeat):
                self.world.pause(session_id, is_paused=is_paused)

    @precondition(lambda self: any(bot.waits for bot in self.world.bots))
    @rule(which=ANY, repeat=REPEAT)
    def heir_looks(self, which, repeat):
        if bot := self.some(which, lambda bot: bot.awake and bot.waits):
            with self.world.happening(**repeat):
                bot.see_whether_turn_has_come()

    @rule(which=ANY, repeat=REPEAT)
    def name_heir(self, which, repeat):
        if bot := self.some(which, lambda bot: bot.on_stage and not bot.moves.is_under_way):
            with self.world.happening(**repeat):
                bot.name_heir()

    @rule(which=ANY, fault=FAULT)
    def park(self, which, fault):
        if bot := self.some(which, lambda bot: bot.on_stage and not bot.moves.is_under_way):
            with self.world.happening(**self.fault(fault)):
                bot.park()


def test_whatever_happens_a_bot_is_in_one_room_and_nobody_goes_without(new_moving_world):
    run_worlds(lambda: Moves(new_moving_world), EXAMPLES, STEPS)


@pytest.fixture
def moving_bot(new_moving_world):
    """One that moves, and has not done its first step."""
    world = new_moving_world()
    with world.happening():
        world.join(ROOMS[0], "ada")
        world.go_well()
    with world.happening():
        world.join(ROOMS[3], "ada")
        world.carry()
    return world.bots[0]


def test_a_bot_that_beats_before_it_knows_that_it_has_moved_goes_on_where_it_is(moving_bot):
    """Its room was taken from it by its own move, whose reply was lost: it left, and its session had no bot for half a
    minute."""
    world = moving_bot.world
    while not isinstance(moving_bot.stands_before[0][0], CommitMove):
        moving_bot.go_on()
    moving_bot.go_on(loses_reply=True)
    with world.happening():
        moving_bot.beat()
        assert moving_bot.room == ROOMS[0]
    with world.happening():
        moving_bot.go_on()
        moving_bot.beat()

    assert (moving_bot.room, moving_bot.on_stage, moving_bot.journal.state) == (ROOMS[3], True, State.LIVE)


CYCLES = 100


class Footprint:
    """What a process and its Redis hold, by kinds."""

    def __init__(self, world: MovingWorld) -> None:
        _drop_cancelled_timers(world.loop)
        gc.collect()
        process = psutil.Process()
        self.keys = sorted(key for key in world.server.keys("*") if not 0 <= world.server.ttl(key) <= 60)
        self.tasks = len(asyncio.all_tasks(world.loop))
        self.descriptors = process.num_fds()
        self.threads = threading.active_count()
        self.objects = Counter(type(each).__name__ for each in gc.get_objects())


def _drop_cancelled_timers(loop: Any) -> None:
    """asyncio keeps a hundred of them, and what they would call, until it tidies up."""
    loop._scheduled = [timer for timer in loop._scheduled if not timer.cancelled()]
    loop._timer_cancelled_count = 0
    heapq.heapify(loop._scheduled)


@pytest.fixture
def cycles(moving_bot):
    """What a bot does again and again: it goes there and back, is paused and resumed, is left alone and returned to."""
    world, rooms = moving_bot.world, itertools.cycle((ROOMS[0], ROOMS[3]))
    moving_bot.go_on_to_the_end()

    def go_round(times: int) -> None:
        for _ in range(times):
            room = next(rooms)
            world.join(room, "ada")
            world.carry()
            moving_bot.go_on_to_the_end()
            assert moving_bot.room == room
            world.come("ada", moving_bot)
            for is_paused in (True, False):
                world.pause(moving_bot.session.id, is_paused=is_paused)
                moving_bot.obey()
                assert moving_bot.parts.silence.is_on is is_paused
            world.go("ada")
            assert moving_bot.journal.state is State.WAITING
            world.come("ada", moving_bot)
            assert moving_bot.journal.state is State.LIVE
            world.go("ada")
            moving_bot.beat()
        # What the world itself remembers
        del moving_bot.stages[:-1]
        world.transitions.clear()

    return go_round


def test_a_hundred_moves_pauses_and_returns_leave_nothing_behind(moving_bot, cycles):
    cycles(20)
    footprints = [Footprint(moving_bot.world)]
    for _ in range(2):
        cycles(CYCLES // 2)
        footprints.append(Footprint(moving_bot.world))
    before, between, after = footprints

    assert after.keys == before.keys
    assert after.tasks == before.tasks
    assert after.descriptors == before.descriptors
    assert after.threads == before.threads
    # What is left behind grows with each round; what Python fills once, as its cache of which class is which, does not.
    at_least = CYCLES // 4
    first, then = between.objects - before.objects, after.objects - between.objects
    grown = {kind: (first[kind], n) for kind, n in then.items() if min(first[kind], n) >= at_least}
    assert grown == {}
