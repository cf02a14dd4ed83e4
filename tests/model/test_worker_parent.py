"""What a worker's parent knows and tells, over the real scripts, without a worker."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from celery.worker import state

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.leases import LeaseStatus, ReadRoom
from greenroom.app.rooms.ledger import granted
from greenroom.app.rooms.reaping import Reaper
from greenroom.app.rooms.workers import ReadHeld, ReadHost, RequestedState
from greenroom.tasks.worker.parent import WorkerParent
from tests.model.world import HOSTS, ROOMS
from tests.rigs.makers import DIED

HOST = HOSTS[0]


@pytest.fixture
def world(new_world):
    return new_world()


@pytest.fixture
def bot(world):
    world.report(HOST)
    world.join(ROOMS[0], "ada")
    bot = world.deliver(HOST)
    bot.go_live()
    return bot


@pytest.fixture
def running(monkeypatch):
    """What the worker runs."""
    requests = []
    monkeypatch.setattr(state, "active_requests", requests)
    return requests


class Way:
    """To Redis, which may be away."""

    def __init__(self, world):
        self._ledger, self.is_cut = world.ledger, False

    def run(self, step):
        return granted(self.run_all([step])[0])

    def run_all(self, steps):
        if self.is_cut:
            raise RedisAway
        return self._ledger.run_all(steps)


@pytest.fixture
def way(world):
    return Way(world)


@pytest.fixture
def parent(world, way, running):
    return WorkerParent(way, Reaper(way, world.queue), bots={}, unready={})


@pytest.fixture
def consumer():
    pool = SimpleNamespace(maintain_pool=lambda: None, num_processes=2)
    return SimpleNamespace(
        hostname=HOST, pool=pool, cancel_task_queue=lambda _: None, add_task_queue=lambda _: None
    )


def tick(parent, consumer, times=4):
    for _ in range(times):
        parent.tick(consumer)


def status(world):
    return world.ledger.run(ReadRoom(ROOMS[0])).lease.status


def test_a_death_while_redis_is_away_is_told_when_it_is_back(world, way, parent, consumer, bot):
    tick(parent, consumer)
    world.die(bot)
    way.is_cut = True
    parent.lost(bot.session.id, bot.owner, DIED, None)
    tick(parent, consumer, 1)
    assert status(world) is LeaseStatus.ACTIVE
    way.is_cut = False
    tick(parent, consumer, 20)

    assert status(world) is LeaseStatus.PENDING
    assert world.look().session(bot.session.id)["state"] == "pending"


def test_a_death_that_cannot_be_told_does_not_keep_the_worker_from_reporting(world, parent, consumer, bot):
    """It was told again every tick, before any report: the fleet took a worker that took calls for dead."""

    def fails(*_, **__):
        raise ValueError("of a kind that nobody thought of")

    tick(parent, consumer)
    parent.reaper.lost = fails
    parent._undone.append(lambda: parent.reaper.lost())
    world.pass_time(timedelta(seconds=16))
    tick(parent, consumer)

    assert world.ledger.run(ReadHost(HOST)) is not None


def test_what_a_worker_held_that_died_a_moment_ago_is_revived_once_a_beat_is_missed(
    world, parent, consumer, bot
):
    world.die(bot, orphan=True)
    tick(parent, consumer)
    assert status(world) is LeaseStatus.ACTIVE
    world.look(after_ms=3700)
    tick(parent, consumer)

    assert status(world) is LeaseStatus.PENDING


def test_what_beats_under_its_name_is_left_alone(world, parent, consumer, bot):
    for _ in range(20):
        tick(parent, consumer, 3)
        world.pass_time(timedelta(seconds=1))

    assert status(world) is LeaseStatus.ACTIVE
    assert world.has_room(bot)


def test_it_says_what_it_runs_and_who(world, parent, consumer, bot, running):
    tick(parent, consumer)
    request = SimpleNamespace(
        worker_pid=7, args=(bot.session.id, "a-token"), name="bots.launch", hostname=HOST, id="job"
    )
    running.append(request)
    parent.accepted(7)
    tick(parent, consumer, 1)

    assert world.ledger.run(ReadHeld(HOST)) == {bot.session.id: f"{HOST}/job/7"}
    assert world.ledger.run(ReadHost(HOST)).used == 1


def test_it_drains_when_it_is_asked_and_not_for_the_wish_of_a_worker_before_it(
    world, parent, consumer, running
):
    world.ask(HOST, RequestedState.DRAIN)
    tick(parent, consumer, 8)
    assert not parent.is_draining
    world.ask(HOST, RequestedState.DRAIN)
    tick(parent, consumer, 8)

    assert parent.is_draining
    assert world.ledger.run(ReadHost(HOST)).draining
