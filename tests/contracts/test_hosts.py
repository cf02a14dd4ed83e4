"""Workers that say that they live, and turns that one of many takes."""

from datetime import timedelta

from app.rooms.steps import Host, LivingHosts, Now, Ping, ReadHost, Report, Retire, SinceLast, TakeTurn

A_HOST = Host(id="bots@here", kind="bots", slots=4, used=1, incarnation="123")


def test_a_worker_that_reports_is_found_with_what_it_said(ledger):
    ledger.run(Report(A_HOST))

    assert ledger.run(LivingHosts()) == ["bots@here"]
    assert ledger.run(ReadHost("bots@here")) == A_HOST


def test_a_worker_that_reports_no_more_is_not_found(world, ledger):
    ledger.run(Report(A_HOST))
    world.pass_time(timedelta(seconds=14))
    assert ledger.run(LivingHosts()) == ["bots@here"]
    world.pass_time(timedelta(seconds=1))

    assert ledger.run(LivingHosts()) == []
    assert ledger.run(ReadHost("bots@here")) is None


def test_a_worker_that_reports_again_lives_on(world, ledger):
    ledger.run(Report(A_HOST))
    world.pass_time(timedelta(seconds=10))
    ledger.run(Report(A_HOST))
    world.pass_time(timedelta(seconds=10))

    assert ledger.run(LivingHosts()) == ["bots@here"]


def test_a_worker_that_retires_is_gone_at_once(ledger):
    ledger.run(Report(A_HOST))
    ledger.run(Retire("bots@here"))

    assert ledger.run(LivingHosts()) == []
    assert ledger.run(ReadHost("bots@here")) is None


def test_one_of_many_takes_a_turn_until_the_next(world, ledger):
    turns = [ledger.run(TakeTurn("reap", timedelta(seconds=3))) for _ in range(5)]
    assert turns == [True, False, False, False, False]
    assert ledger.run(TakeTurn("sweep", timedelta(seconds=3))) is True
    world.pass_time(timedelta(seconds=3))

    assert ledger.run(TakeTurn("reap", timedelta(seconds=3))) is True


def test_a_piece_of_work_knows_how_long_ago_it_was_last_begun(world, ledger):
    assert ledger.run(SinceLast("reap")) is None
    world.pass_time(timedelta(seconds=60))
    assert timedelta(seconds=60) <= ledger.run(SinceLast("reap")) < timedelta(seconds=70)
    assert ledger.run(SinceLast("reap")) < timedelta(seconds=10)
    assert ledger.run(SinceLast("sweep")) is None


def test_the_ledger_answers_and_its_time_goes_on(world, ledger):
    assert ledger.run(Ping()) is None
    before = ledger.run(Now())
    assert before > 1_700_000_000_000
    assert ledger.run(Now()) >= before
