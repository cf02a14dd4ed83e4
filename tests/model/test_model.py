"""Anything that can happen, in any order, on the real scripts: what must be true is true all the time.

MODEL_EXAMPLES says how many worlds are tried (a night's worth: 100000), MODEL_SEED which; without it they are the
same every time.  A failure prints the shortest way to it that was found.
"""

import os
import random
import secrets
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from greenroom.app.rooms.sessions import Reason, State
from greenroom.app.rooms.workers import RequestedState
from greenroom.bots.stay.ending import Ending
from tests.model.world import HOSTS, QUEUE, ROOMS, USERS, Bot, World

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "1500"))
SEED = os.environ.get("MODEL_SEED")
SHRINKS = os.environ.get("MODEL_SHRINK", "yes") == "yes"
STEPS = 30
BOTS_AT_MOST = 6

ANY = st.integers(0, 11)  # which one; of those that there are
ROOM = st.sampled_from(ROOMS[:2])  # few enough that all meet
USER = st.sampled_from(USERS)
HOST = st.sampled_from(HOSTS)
FAULT = st.sampled_from([{}, {}, {}, {"asks_twice": True}, *({"dies_after": after} for after in range(1, 7))])
REPEAT = st.sampled_from([{}, {}, {"asks_twice": True}])
STORING = st.sampled_from(
    [
        {},
        {},
        *({"befalls": what} for what in ("is away", "dies before", "dies after")),
        *({"dies_after": after} for after in (1, 3, 6, 10)),
    ]
)
PASSES = st.sampled_from([0.5, 2, 2.9, 4.5, 7, 10.5, 16, 21, 26, 61, 605]).map(lambda s: timedelta(seconds=s))
AWAY = st.sampled_from([12, 30, 75]).map(lambda s: timedelta(seconds=s))
LATE_ACTS = ("beat", "say", "finish", "give_way", "name_heir", "change", "obey", "park")


class Machine(RuleBasedStateMachine):
    """Each rule is one thing that happens."""

    def __init__(self, new_world: Callable[[], World]) -> None:
        super().__init__()
        self.world = new_world()
        self.calm = True

    def some(self, which: int, fits: Callable[[Bot], bool]) -> Bot | None:
        fitting = [bot for bot in self.world.bots if fits(bot)]
        return fitting[which % len(fitting)] if fitting else None

    def session(self, which: int) -> str | None:
        known = list(self.world.promised)
        return known[which % len(known)] if known else None

    @initialize(calm=st.booleans(), room=ROOM, user=USER)
    def begin(self, calm, room, user):
        """Half of the worlds are without processes that die between two steps: bounds are narrower there."""
        self.calm = calm
        with self.world.happening():
            self.world.report(HOSTS[0])
            self.world.join(room, user)
            self.world.deliver(HOSTS[0]).go_live()

    def fault(self, fault):
        return {} if self.calm and "dies_after" in fault else fault

    # Callers

    @rule(room=ROOM, user=USER, fault=FAULT)
    def join(self, room, user, fault):
        with self.world.happening(**self.fault(fault)):
            self.world.join(room, user)

    @rule(room=ROOM, fault=FAULT)
    def leave(self, room, fault):
        with self.world.happening(**self.fault(fault)):
            self.world.leave(room)

    @rule(which=ANY, older=st.sampled_from([False, False, False, True]), repeat=REPEAT)
    def command(self, which, older, repeat):
        if session_id := self.session(which):
            with self.world.happening(**repeat):
                self.world.command(session_id, older=older)

    @rule(which=ANY)
    def read_for_later(self, which):
        if session_id := self.session(which):
            with self.world.happening():
                self.world.read_for_later(session_id)

    @precondition(lambda self: self.world.read is not None)
    @rule(repeat=REPEAT)
    def act_on_what_was_read(self, repeat):
        with self.world.happening(**repeat):
            self.world.act_on_what_was_read()

    # Workers

    @precondition(lambda self: len(self.world.bots) < BOTS_AT_MOST)
    @rule(host=HOST, fault=FAULT)
    def deliver(self, host, fault):
        with self.world.happening(**self.fault(fault)):
            self.world.deliver(host)

    @precondition(lambda self: len(self.world.bots) < BOTS_AT_MOST)
    @rule(host=HOST, which=ANY, repeat=REPEAT)
    def deliver_again(self, host, which, repeat):
        if self.world.delivered:
            with self.world.happening(**repeat):
                self.world.deliver(host, self.world.delivered[-1 - which % len(self.world.delivered)])

    @rule()
    def lose_launches(self):
        with self.world.happening():
            self.world.server.delete(QUEUE)

    @rule(host=HOST, free=st.integers(0, 2))
    def report(self, host, free):
        self.world.free[host] = free
        with self.world.happening():
            self.world.report(host)

    @rule(host=HOST, wish=st.sampled_from(RequestedState))
    def ask(self, host, wish):
        with self.world.happening():
            self.world.ask(host, wish)

    @rule(host=HOST)
    def boot(self, host):
        with self.world.happening():
            self.world.boot(host)

    @rule(fault=FAULT)
    def reap(self, fault):
        with self.world.happening(**self.fault(fault)):
            self.world.reap()

    @rule(storing=STORING, repeat=REPEAT)
    def flush(self, storing, repeat):
        with self.world.happening(**repeat):
            self.world.flush(**storing)

    # Bots

    @rule(which=ANY, repeat=REPEAT)
    def go_live(self, which, repeat):
        if bot := self.some(which, lambda bot: bot.on_stage):
            with self.world.happening(**repeat):
                bot.go_live()

    @rule(which=ANY, repeat=REPEAT)
    def beat(self, which, repeat):
        if bot := self.some(which, lambda bot: bot.on_stage):
            with self.world.happening(**repeat):
                bot.beat()

    @rule(which=ANY, speaker=st.sampled_from(["user", "assistant"]), repeat=REPEAT)
    def say(self, which, speaker, repeat):
        if bot := self.some(which, lambda bot: bot.on_stage):
            with self.world.happening(**repeat):
                bot.say(speaker)

    @rule(which=ANY)
    def obey(self, which):
        if bot := self.some(which, lambda bot: bot.on_stage):
            with self.world.happening():
                bot.obey()

    @rule(which=ANY, repeat=REPEAT)
    def finish(self, which, repeat):
        if bot := self.some(which, lambda bot: bot.on_stage):
            with self.world.happening(**repeat):
                bot.finish(Ending(Reason.IDLE))

    @rule(which=ANY, repeat=REPEAT)
    def name_heir(self, which, repeat):
        if bot := self.some(which, lambda bot: bot.on_stage):
            with self.world.happening(**repeat):
                bot.name_heir()

    @rule(which=ANY, repeat=REPEAT)
    def heir_looks(self, which, repeat):
        if bot := self.some(which, lambda bot: bot.awake and bot.waits):
            with self.world.happening(**repeat):
                bot.see_whether_turn_has_come()

    @rule(which=ANY, repeat=REPEAT)
    def give_way(self, which, repeat):
        if bot := self.some(which, lambda bot: bot.on_stage and bot.successor is not None):
            with self.world.happening(**repeat):
                bot.give_way()

    @rule(which=ANY, fault=FAULT)
    def park(self, which, fault):
        if bot := self.some(which, lambda bot: bot.on_stage):
            with self.world.happening(**self.fault(fault)):
                bot.park()

    # What goes wrong

    @rule(which=ANY, told=st.booleans(), orphan=st.booleans())
    def die(self, which, told, orphan):
        if bot := self.some(which, lambda bot: bot.alive):
            with self.world.happening():
                self.world.die(bot, orphan=orphan and not told)
                if told:
                    self.world.tell(bot)

    @rule(which=ANY, fault=FAULT)
    def tell(self, which, fault):
        if bot := self.some(which, lambda bot: not bot.alive and not bot.orphan):
            with self.world.happening(**self.fault(fault)):
                self.world.tell(bot)

    @rule(which=ANY)
    def freeze(self, which):
        if bot := self.some(which, lambda bot: bot.awake):
            with self.world.happening():
                self.world.freeze(bot)

    @rule(which=ANY, act=st.sampled_from(LATE_ACTS))
    def wake(self, which, act):
        if bot := self.some(which, lambda bot: bot.frozen and bot.alive):
            with self.world.happening():
                self.world.wake(bot)
                if bot.believes:
                    with self.world.fenced(bot):
                        self._act(bot, act)

    @rule(which=ANY, other=st.booleans())
    def impersonate(self, which, other):
        if bot := self.some(which, lambda bot: self.world.has_room(bot)):
            with self.world.happening():
                owner, epoch = ("somebody/else/1", bot.epoch) if other else (bot.owner, bot.epoch - 1)
                self.world.impersonate(bot, owner, epoch)
                self.world.write_late(bot)

    @rule(which=ANY)
    def beat_late(self, which):
        """A beat that was on its way when its bot left."""
        gone = [bot for bot in self.world.gone if bot.was_on_stage and not bot.unlisted]
        if gone:
            bot = gone[which % len(gone)]
            with self.world.happening(), self.world.fenced_all():
                self.world.wire.run(bot.heartbeat.next_beat())

    @rule(by=PASSES)
    def pass_time(self, by):
        with self.world.happening():
            self.world.pass_time(by)

    @rule(by=AWAY, look=st.sampled_from(["", "", "reap", "ask_once"]), room=ROOM, user=USER, again=AWAY)
    def be_away(self, by, look, room, user, again):
        """Once, or again as soon as somebody has looked."""
        with self.world.happening():
            self.world.be_away(by)
            if look == "reap":
                self.world.reap()
            elif look:
                self.world.ask_once(room, user)
        if look:
            with self.world.happening():
                self.world.be_away(again)

    @rule()
    def lose_everything(self):
        with self.world.happening():
            self.world.lose_everything()

    def _act(self, bot, act):
        match act:
            case "say":
                bot.say("user")
            case "finish":
                bot.finish(Ending(Reason.MAX_DURATION))
            case "change":
                bot.change(State.WAITING)
            case _:
                getattr(bot, act)()

    def teardown(self):
        if not self.world.is_broken:
            self.world.settle(WORKERS[len(self.world.delivered) % len(WORKERS)])


WORKERS = ("start bots", "start bots", "lose launches", "are full")


def run_worlds(machine, examples, steps):
    """Let so many worlds run, of so many steps at most; `machine` makes one."""
    phases = [Phase.generate, Phase.shrink] if SHRINKS else [Phase.generate]
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=SEED is None,
        phases=phases,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    if SEED is not None:
        machine = seed(int(SEED))(machine)
    with pytest.MonkeyPatch.context() as patch:
        # Hypothesis seeds `random`: a world that is tried again has the same ids, in the same order
        patch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=random.getrandbits(128), version=4))
        patch.setattr(secrets, "token_hex", lambda size: random.randbytes(size).hex())
        run_state_machine_as_test(machine, settings=chosen)


def test_whatever_happens_a_room_has_one_bot_and_a_session_ends_with_a_reason(new_world):
    run_worlds(lambda: Machine(new_world), EXAMPLES, STEPS)
