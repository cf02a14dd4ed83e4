"""Emptying and replacing workers, with workers that are played: what is asked of them, and what the operator reads."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from greenroom.app.api.schemas.fields import Moment
from greenroom.app.operate import fleet
from greenroom.app.operate.fleet import NoSuchWorker, NotDone, Watch
from greenroom.app.rooms.leases import Adopt, Supersede
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.workers import Host, Report, RequestedState, Retire
from tests.fakes.puppet import Puppet
from tests.rigs.an_installation import BOTS, CONTROL
from tests.rigs.makers import an_order

SOON = timedelta(seconds=60)


@dataclass
class Worker:
    """Does what a worker does: reports, and when it is asked to, hands its bots over."""

    ledger: object
    host: Host
    bots: list[Puppet] = field(default_factory=list)
    obeys: bool = True
    comes_back: bool = True
    silent: int = 0  # for how many reports it has no connection
    each_second: Callable[["Worker"], None] = lambda worker: None
    _runs: bool = True

    def begin(self):
        self.ledger.run(Report(self.host, None))
        return self

    def second(self):
        if self.silent > 0:
            self.silent -= 1
            return
        if not self._runs:
            self._runs = self.comes_back
            if self._runs:
                self.host = replace(self.host, incarnation=self.host.incarnation + "+", draining=False)
                self.begin()
            return
        held = {bot.session.id: bot.owner for bot in self.bots}
        self.host = replace(self.host, used=len(self.bots), warm=self.host.slots - len(self.bots))
        wish = self.ledger.run(Report(self.host, held))
        for bot in self.bots:
            bot.beat()
        if not self.obeys:
            return
        self.host = replace(self.host, draining=wish is not RequestedState.WORK)
        if self.host.draining:
            self.each_second(self)
        if wish is RequestedState.STOP and not self.bots:
            self.ledger.run(Retire(self.host.id))
            self._runs = False


@dataclass
class Stage:
    """A fleet of played workers, and what the operator reads."""

    ledger: object
    workers: dict[str, Worker]
    said: list[str] = field(default_factory=list)
    seconds: float = 0

    def pause(self, seconds):
        for _ in range(2):  # twice as often as anybody looks
            self.seconds += seconds / 2
            self.ledger.pass_time(timedelta(seconds=seconds / 2))
            for worker in self.workers.values():
                worker.second()

    def watch(self, name="bots@stage"):
        host = fleet.find(self.ledger, name)
        return Watch(self.ledger, host, self.said.append, pause=self.pause, clock=lambda: self.seconds)

    @property
    def text(self):
        return "\n".join(self.said)


@pytest.fixture
def stage(ledger):
    def played(host, **habits):
        return Worker(ledger, host, **habits).begin()

    other = replace(BOTS, id="bots@other")
    stage = Stage(ledger, {host.id: played(host) for host in (BOTS, other, CONTROL)})
    stage.pause(1)
    return stage


@pytest.fixture
def two_bots(stage, joining, launches, ledger):
    """Two calls on bots@stage."""
    worker = stage.workers["bots@stage"]
    for number, name in enumerate(("one", "two")):
        joining.join(an_order(Room.parse(f"local:{name}"), user_id=name))
        session, token = launches.asked[-1]
        worker.bots.append(Puppet(ledger, session, token, owner=f"bots@stage/job/{number}").go_live())
    stage.pause(1)
    return worker


def end_one(worker):
    if worker.bots:
        worker.bots.pop().leave()


def test_workers_are_listed_with_what_is_left_of_them(stage, two_bots, ledger):
    table = fleet.as_table(fleet.workers(ledger), fleet.now_ms(ledger)).splitlines()

    assert table[0].split()[:7] == ["WORKER", "KIND", "SLOTS", "USED", "WARM", "FREE", "DOES"]
    assert table[2].split()[:7] == ["bots@stage", "bots", "2", "2", "0", "0", "works"]
    assert [row["host"] for row in fleet.as_objects(fleet.workers(ledger))] == [
        "bots@other",
        "bots@stage",
        "control@stage",
    ]


def test_workers_are_told_to_programs_in_the_words_of_the_api():
    (told,) = fleet.as_objects([replace(BOTS, since_ms=1_795_896_439_207)])

    assert told["host"] == BOTS.id  # as a session names the worker that its bot is on
    assert told["since"] == Moment()._serialize(1_795_896_439_207, None, None)
    assert not [name for name in told if name.endswith("_ms")]


def test_a_fleet_of_nobody_is_said_so(ledger):
    assert "No worker has reported" in fleet.as_table([], 0)


@pytest.mark.parametrize("name", ["bots@stage", "stage"])
def test_a_worker_is_found_by_its_name_or_its_machine(stage, ledger, name):
    assert fleet.find(ledger, name).id == "bots@stage"


def test_an_unknown_worker_is_answered_with_those_there_are(stage, ledger):
    with pytest.raises(NoSuchWorker, match="bots@other and bots@stage"):
        fleet.find(ledger, "bots@nowhere")
    with pytest.raises(NoSuchWorker):
        fleet.find(ledger, "control@stage")


def test_a_drained_worker_is_empty_and_the_operator_saw_it_happen(stage, two_bots):
    two_bots.each_second = end_one

    fleet.drain(stage.watch(), within=SOON)

    assert two_bots.host.draining and two_bots.bots == []
    assert "bots@stage: 2 calls left on it" in stage.said
    assert "bots@stage: 0 calls left on it, 2 ended" in stage.said
    assert stage.said[-1].startswith("bots@stage is empty, and takes no launches.")
    assert stage.workers["bots@other"].host.draining is False


def test_the_operator_reads_where_the_calls_went(stage, two_bots, ledger):
    def hand_one_over_and_park_the_other(worker):
        if len(worker.bots) == 2:
            bot = worker.bots.pop()
            ledger.run(Supersede(bot.session.room, "next", owner=bot.owner))
            ledger.run(Adopt(bot.session.room, "next", "bots@other/job/9", "bots@other", "job"))
        elif worker.bots:
            bot = worker.bots.pop()
            ledger.run(Supersede(bot.session.room, "later", owner=bot.owner))

    two_bots.each_second = hand_one_over_and_park_the_other

    fleet.drain(stage.watch(), within=SOON)

    assert "bots@stage: 0 calls left on it, 1 handed over, 1 parked" in stage.said


def test_a_worker_that_does_not_get_empty_goes_on_draining(stage, two_bots):
    with pytest.raises(NotDone, match=r"not empty after 60 s.*goes on draining"):
        fleet.drain(stage.watch(), within=SOON)

    assert two_bots.host.draining and len(two_bots.bots) == 2


def test_a_worker_that_hangs_is_not_waited_for_long(stage, two_bots):
    two_bots.obeys = False
    before = stage.seconds

    with pytest.raises(NotDone, match="does not react"):
        fleet.drain(stage.watch(), within=SOON)

    assert stage.seconds - before < 20


def test_what_was_drained_works_again(stage, two_bots):
    two_bots.each_second = end_one
    fleet.drain(stage.watch(), within=SOON)

    fleet.undo(stage.watch())

    assert two_bots.host.draining is False
    assert stage.said[-1] == "bots@stage takes launches again."


def test_a_drain_outlives_a_redis_that_is_away_for_a_while(stage, two_bots, ledger):
    two_bots.each_second = end_one
    watch, pauses = stage.watch(), []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 6:
            ledger.is_away = True
        elif 6 < len(pauses) < 10:
            stage.seconds += seconds
            return
        elif len(pauses) == 10:
            ledger.is_away = False
        if not ledger.is_away:
            stage.pause(seconds)

    two_bots.each_second = lambda worker: end_one(worker) if len(pauses) > 10 else None
    watch.pause = pause
    fleet.drain(watch, within=SOON)

    assert stage.said.count("Redis does not answer; still trying. Calls go on.") == 1
    assert "is empty" in stage.said[-1]


def test_a_rolling_restart_replaces_one_after_the_other(stage, two_bots):
    two_bots.each_second = end_one
    before = {name: worker.host.incarnation for name, worker in stage.workers.items()}

    fleet.restart([stage.watch("bots@other"), stage.watch("bots@stage")], empty_within=SOON, back_within=SOON)

    after = {name: worker.host.incarnation for name, worker in stage.workers.items()}
    assert {name for name in before if before[name] != after[name]} == {"bots@other", "bots@stage"}
    order = [line for line in stage.said if "is asked" in line or "is back" in line]
    assert [line.split()[0] for line in order] == ["bots@other", "bots@other", "bots@stage", "bots@stage"]


def test_a_worker_that_loses_its_connection_for_a_moment_has_not_ended(stage, two_bots, ledger):
    """It retires and reports again; it is still the one that was asked to stop."""
    seconds = []

    def lose_it_once_and_end_the_bots_later(worker):
        seconds.append(stage.seconds)
        if len(seconds) == 4:
            ledger.run(Retire(worker.host.id))
            worker.silent = 8
        if len(seconds) > 20:
            end_one(worker)

    two_bots.each_second = lose_it_once_and_end_the_bots_later

    fleet.restart([stage.watch()], empty_within=SOON, back_within=SOON)

    assert two_bots.host.incarnation == BOTS.incarnation + "+"
    assert stage.said.count("bots@stage has stopped; waiting for its supervisor to start it again") == 1
    assert "2 ended" in stage.said[-3]


def test_a_worker_that_does_not_come_back_ends_the_restart_in_one_clear_line(stage):
    stage.workers["bots@other"].comes_back = False
    watches = [stage.watch("bots@other"), stage.watch("bots@stage")]

    with pytest.raises(NotDone) as failure:
        fleet.restart(watches, empty_within=SOON, back_within=SOON)

    assert "bots@other did not come back within 60 s" in str(failure.value)
    assert "bots@stage was left alone" in str(failure.value)
    assert stage.workers["bots@stage"].host.incarnation == BOTS.incarnation


def test_a_worker_that_keeps_its_calls_is_not_stopped_by_force(stage, two_bots):
    with pytest.raises(NotDone, match="has not ended after 60 s"):
        fleet.restart([stage.watch()], empty_within=SOON, back_within=SOON)

    assert len(two_bots.bots) == 2
