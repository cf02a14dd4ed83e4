"""What happens once in so long, or so many times."""

from datetime import timedelta

from greenroom.app.rooms.line import QueueLength
from greenroom.app.rooms.rates import ClaimPeriod, CountRequest, Once

MINUTE = timedelta(minutes=1)


def test_a_thing_happens_once_in_its_time(world, ledger):
    assert ledger.run(Once("a-thing", MINUTE)) is True
    assert ledger.run(Once("a-thing", MINUTE)) is False
    assert ledger.run(Once("another", MINUTE)) is True
    world.pass_time(MINUTE)

    assert ledger.run(Once("a-thing", MINUTE)) is True


def test_its_message_is_sent_with_it_and_not_again(ledger):
    for _ in range(3):
        ledger.run(Once("a-thing", MINUTE, "a-queue", "a message"))

    assert ledger.run(QueueLength("a-queue")) == 1


def test_one_of_many_takes_a_turn_until_the_next(world, ledger):
    turns = [ledger.run(ClaimPeriod("reap", timedelta(seconds=3))) for _ in range(5)]
    assert turns == [True, False, False, False, False]
    assert ledger.run(ClaimPeriod("sweep", timedelta(seconds=3))) is True
    world.pass_time(timedelta(seconds=3))

    assert ledger.run(ClaimPeriod("reap", timedelta(seconds=3))) is True


def test_so_many_may_be_made_in_a_minute_and_then_no_more_until_it_is_over(world, ledger):
    for _ in range(3):
        assert ledger.run(CountRequest({"user:ann": 3})) is None

    wait = ledger.run(CountRequest({"user:ann": 3}))
    assert timedelta(0) < wait <= MINUTE
    assert ledger.run(CountRequest({"user:bob": 3})) is None
    world.pass_time(MINUTE / 2)
    assert ledger.run(CountRequest({"user:ann": 3})) <= MINUTE / 2
    world.pass_time(MINUTE / 2)
    assert ledger.run(CountRequest({"user:ann": 3})) is None


def test_what_one_user_is_refused_is_not_counted_for_the_key(ledger):
    for _ in range(10):
        ledger.run(CountRequest({"user:ann": 1, "key": 3}))

    assert ledger.run(CountRequest({"user:bob": 1, "key": 3})) is None
    assert ledger.run(CountRequest({"key": 3})) is None
    assert ledger.run(CountRequest({"user:cy": 1, "key": 3})) is not None
