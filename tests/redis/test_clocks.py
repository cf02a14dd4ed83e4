"""Nobody's clock counts but Redis's own."""

import time
from datetime import timedelta

import pytest

from greenroom.app.rooms import steps
from greenroom.app.rooms.sessions import State
from greenroom.app.rooms.state import Open
from greenroom.app.rooms.steps import (
    STALE_AFTER,
    Adopt,
    Beaten,
    Claimed,
    Finding,
    Held,
    Mark,
    NotYet,
    Overdue,
    ReadRoom,
    Supersede,
)
from greenroom.app.storage.commands import encode
from tests.makers import ME, STAGE, a_beat, a_claim, a_session, adopted
from tests.redis_world import settle

A_STEP_OF_EACH_KIND = [
    a_claim(),
    Adopt(STAGE, "a-token", ME, "h", "j"),
    a_beat(7),
    steps.Release(STAGE, 7, ME),
    steps.Withdraw(STAGE, 7),
    ReadRoom(STAGE),
    steps.WriteConfig(STAGE, 7, {"voice": "deep"}),
    steps.Hold(STAGE, 7, STALE_AFTER),
    Supersede(STAGE, "a-token", quiet_for=STALE_AFTER, raises_doubt=True),
    steps.HandOver(STAGE, ME, 7, "a-token"),
    steps.Ready(STAGE, "a-token", ME),
    steps.Yield(STAGE, ME, 7, State.LIVE),
    Mark(STAGE, STALE_AFTER),
    steps.Unmark(STAGE),
    Overdue(),
    steps.Create(a_session()),
    steps.Transition("a-session", State.ENDED, 7),
    steps.Succeed("a-session", 8, "lost", State.PENDING, is_crash=True),
    steps.Forget("a-session"),
    steps.Note("a-session", "person_arrived", 7),
    steps.CountLaunch("a-session"),
    steps.ReadSession("a-session"),
    steps.LiveSessions(),
    steps.PageOfSessions(),
    steps.ReadSessions(("a-session",)),
    steps.ReadEvents("a-session"),
    steps.Send("a-session", "say", {}, 7, STALE_AFTER),
    steps.Receive("a-session", "0", STALE_AFTER),
    steps.Answer("a-session", "1-1", {}),
    steps.AwaitAnswer("a-session", "1-1", STALE_AFTER),
    steps.Record("a-session", 7, steps.Said("a-turn", "user", "words")),
    steps.Conversation("a-session"),
    steps.Erase("a-session", 7),
    steps.Report(steps.Host("h", "bots", 1, 0, "1"), {"a-session": ME}),
    steps.ReadHeld("h"),
    steps.AskHost("h", steps.Wish.DRAIN),
    steps.Retire("h"),
    steps.LivingHosts(),
    steps.ReadHost("h"),
    steps.TakeTurn("reap", STALE_AFTER),
    steps.Push("a-queue", "a-message", "a-session", in_front=True),
    steps.FindPlace("a-session"),
    steps.Line(),
    steps.LeaveLine("a-session"),
    steps.QueueLength("a-queue"),
    steps.Ping(),
    steps.Now(),
    steps.QueueLength("a-queue"),
    steps.ReadCondition(),
    steps.LastRun("reap"),
    steps.LeasedRooms(),
    steps.KeptNames(),
    steps.HaveLifetimes(("a-name",)),
    steps.LastSession(STAGE),
    steps.WriteState(STAGE, 7, ME, {Open.NOTE: None}),
    steps.ReadState(STAGE),
    steps.Once("a-webhook", STALE_AFTER),
    steps.NoteEmptied(STAGE, 1),
    steps.CountRequest({"key": 1}),
    steps.LastEmptied(STAGE),
]


@pytest.fixture
def clock(monkeypatch):
    """This process's clock, for tests that turn it."""
    real, real_ns = time.time, time.time_ns

    def turn(by):
        monkeypatch.setattr(time, "time", lambda: real() + by)
        monkeypatch.setattr(time, "time_ns", lambda: real_ns() + int(by * 10**9))

    return turn


def test_every_kind_of_step_is_here():
    assert {type(step) for step in A_STEP_OF_EACH_KIND} == set(steps.Step.__subclasses__())


@pytest.mark.parametrize("step", A_STEP_OF_EACH_KIND, ids=lambda step: type(step).__name__)
def test_no_step_brings_a_time_of_its_own(step, clock):
    before = encode(step).calls
    clock(86_400)

    assert encode(step).calls == before


@pytest.mark.parametrize("by", [-3600, 3600])
def test_a_bot_whose_clock_is_an_hour_wrong_is_as_fresh_as_its_beats(ledger, clock, by):
    epoch = ledger.run(a_claim()).epoch
    clock(by)
    adopted(ledger)
    assert ledger.run(a_beat(epoch))[0] is Beaten.KEPT
    clock(0)

    assert isinstance(ledger.run(a_claim("another-token")), Held)
    found, _ = ledger.run(Supersede(STAGE, "a-new-token", quiet_for=STALE_AFTER, raises_doubt=True))
    assert found is Finding.ALIVE
    assert timedelta(0) <= ledger.run(ReadRoom(STAGE)).age < timedelta(seconds=20)
    assert ledger.run(Overdue()) == []


def test_a_clock_that_was_set_back_does_not_say_that_those_who_wait_were_passed_over(ledger, server):
    ledger.run(steps.Push("a-queue", "a-launch", "a-session"))
    server.set("launches:served", (server.time()[0] + 3600) * 1000)
    assert ledger.run(steps.FindPlace("a-session")).served_ms == 0

    ledger.run(steps.Push("a-queue", "a-launch", "another"))
    ledger.run(steps.LeaveLine("another"))
    place = ledger.run(steps.FindPlace("a-session"))
    assert place.served_ms >= place.since_ms


@pytest.mark.parametrize("by", [-3600, 3600])
def test_a_claimer_whose_clock_is_an_hour_wrong_takes_no_live_bot_s_room(ledger, clock, by):
    ledger.run(a_claim())
    adopted(ledger)
    clock(by)

    assert isinstance(ledger.run(a_claim("another-token")), Held)


@pytest.mark.parametrize("by", [-3600, 3600])
def test_epochs_grow_whatever_the_claimers_clocks_say(ledger, server, redis_url, clock, by):
    first = ledger.run(a_claim()).epoch
    server.flushall()
    clock(by)
    assert isinstance(ledger.run(a_claim("another-token")), NotYet)
    settle(server)

    second = ledger.run(a_claim("another-token"))

    assert isinstance(second, Claimed)
    assert first < second.epoch < first + 60 * 10**6
