"""Workers that say that they live, what is wanted of them, and turns that one of many takes."""

from datetime import timedelta

import pytest

from greenroom.app.rooms.workers import (
    AskHost,
    Host,
    ReadHeld,
    ReadHost,
    ReadHosts,
    Report,
    RequestedState,
    Retire,
)

A_HOST = Host(
    id="bots@here",
    kind="bots",
    slots=4,
    used=1,
    incarnation="123",
    draining=True,
    warm=3,
    since_ms=1790000000000,
    unfit={"mine": "cannot be imported"},
    unready={"assistant/host": "deepgram (hearing): set DEEPGRAM_API_KEY"},
)


def test_a_worker_that_reports_is_found_with_what_it_said(ledger):
    ledger.run(Report(A_HOST))

    assert [host.id for host in ledger.run(ReadHosts())] == ["bots@here"]
    assert ledger.run(ReadHost("bots@here")) == A_HOST


def test_a_worker_that_reports_no_more_is_not_found(world, ledger):
    ledger.run(Report(A_HOST))
    world.pass_time(timedelta(seconds=14))
    assert [host.id for host in ledger.run(ReadHosts())] == ["bots@here"]
    world.pass_time(timedelta(seconds=1))

    assert ledger.run(ReadHosts()) == []
    assert ledger.run(ReadHost("bots@here")) is None


def test_a_worker_that_reports_again_lives_on(world, ledger):
    ledger.run(Report(A_HOST))
    world.pass_time(timedelta(seconds=10))
    ledger.run(Report(A_HOST))
    world.pass_time(timedelta(seconds=10))

    assert [host.id for host in ledger.run(ReadHosts())] == ["bots@here"]


def test_a_worker_that_retires_is_gone_at_once(ledger):
    ledger.run(Report(A_HOST))
    ledger.run(Retire("bots@here"))

    assert ledger.run(ReadHosts()) == []
    assert ledger.run(ReadHost("bots@here")) is None


# What is wanted of a worker


def test_a_worker_works_unless_something_else_is_wanted_of_it(ledger):
    assert ledger.run(Report(A_HOST)) is RequestedState.WORK
    assert ledger.run(Report(A_HOST, {})) is RequestedState.WORK


def test_what_is_wanted_of_a_worker_it_learns_with_each_report_until_something_else_is(ledger):
    ledger.run(Report(A_HOST))
    for wish in (RequestedState.DRAIN, RequestedState.WORK, RequestedState.STOP):
        ledger.run(AskHost("bots@here", wish))
        assert [ledger.run(Report(A_HOST, {})) for _ in range(2)] == [wish, wish]


def test_what_was_wanted_of_the_worker_before_it_is_forgotten_at_its_first_report(ledger):
    ledger.run(Report(A_HOST))
    ledger.run(AskHost("bots@here", RequestedState.STOP))

    assert ledger.run(Report(A_HOST)) is RequestedState.WORK
    assert ledger.run(Report(A_HOST, {})) is RequestedState.WORK


def test_a_wish_is_of_one_worker_and_lasts_a_day(world, ledger):
    ledger.run(AskHost("bots@here", RequestedState.DRAIN))
    assert ledger.run(Report(Host("bots@there", "bots", 1, 0, "1"), {})) is RequestedState.WORK
    world.pass_time(timedelta(hours=24))

    assert ledger.run(Report(A_HOST, {})) is RequestedState.WORK


# What a worker runs


def test_what_a_worker_runs_is_known_after_its_death(world, ledger):
    assert ledger.run(ReadHeld("bots@here")) == {}
    ledger.run(Report(A_HOST, {"a-session": "bots@here/job/1", "another": "bots@here/job/2"}))
    ledger.run(Report(A_HOST, {"another": "bots@here/job/2"}))
    ledger.run(Retire("bots@here"))
    world.pass_time(timedelta(hours=1))

    assert ledger.run(ReadHeld("bots@here")) == {"another": "bots@here/job/2"}


def test_a_worker_s_first_report_leaves_what_the_one_before_it_ran(world, ledger):
    ledger.run(Report(A_HOST, {"a-session": "bots@here/job/1"}))
    ledger.run(Report(A_HOST))
    assert ledger.run(ReadHeld("bots@here")) == {"a-session": "bots@here/job/1"}

    ledger.run(Report(A_HOST, {}))
    assert ledger.run(ReadHeld("bots@here")) == {}


def test_what_a_worker_ran_is_forgotten_after_a_day(world, ledger):
    ledger.run(Report(A_HOST, {"a-session": "bots@here/job/1"}))
    world.pass_time(timedelta(hours=24))

    assert ledger.run(ReadHeld("bots@here")) == {}


# What it is worth


@pytest.mark.parametrize(
    ("free", "facts"),
    [
        (3, {"used": 1}),
        (0, {"used": 4}),
        (0, {"used": 5}),
        (0, {"draining": True}),
        (0, {"kind": "control"}),
    ],
)
def test_a_worker_for_bots_that_takes_launches_has_free_slots(free, facts):
    usual = {"kind": "bots", "slots": 4, "used": 0, "incarnation": "1"}

    assert Host("bots@here", **{**usual, **facts}).free == free
