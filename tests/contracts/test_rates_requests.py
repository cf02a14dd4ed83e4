"""Requests: so many a minute, of a user and of the key together."""

from datetime import timedelta

from greenroom.app.rooms.rates import CountRequest

A_MINUTE = timedelta(minutes=1)


def test_so_many_may_be_made_in_a_minute_and_then_no_more_until_it_is_over(world, ledger):
    for _ in range(3):
        assert ledger.run(CountRequest({"user:ann": 3})) is None

    wait = ledger.run(CountRequest({"user:ann": 3}))
    assert timedelta(0) < wait <= A_MINUTE
    assert ledger.run(CountRequest({"user:bob": 3})) is None
    world.pass_time(A_MINUTE / 2)
    assert ledger.run(CountRequest({"user:ann": 3})) <= A_MINUTE / 2
    world.pass_time(A_MINUTE / 2)
    assert ledger.run(CountRequest({"user:ann": 3})) is None


def test_what_one_user_is_refused_is_not_counted_for_the_key(ledger):
    for _ in range(10):
        ledger.run(CountRequest({"user:ann": 1, "key": 3}))

    assert ledger.run(CountRequest({"user:bob": 1, "key": 3})) is None
    assert ledger.run(CountRequest({"key": 3})) is None
    assert ledger.run(CountRequest({"user:cy": 1, "key": 3})) is not None
