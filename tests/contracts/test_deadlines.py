"""When a room must be looked at again."""

from datetime import timedelta

from greenroom.app.rooms.deadlines import ClearDeadline, OverdueRooms, SetDeadline
from tests.rigs.makers import CELLAR, STAGE


def test_a_room_is_overdue_when_its_time_is_over_and_not_before(world, ledger):
    ledger.run(SetDeadline(STAGE, timedelta(seconds=10)))
    assert ledger.run(OverdueRooms()) == []
    world.pass_time(timedelta(seconds=10))

    assert ledger.run(OverdueRooms()) == [STAGE]


def test_the_longest_overdue_come_first_and_no_more_than_asked_for(world, ledger):
    ledger.run(SetDeadline(STAGE, timedelta(seconds=20)))
    ledger.run(SetDeadline(CELLAR, timedelta(seconds=10)))
    world.pass_time(timedelta(seconds=30))

    assert ledger.run(OverdueRooms()) == [CELLAR, STAGE]
    assert ledger.run(OverdueRooms(limit=1)) == [CELLAR]


def test_a_mark_is_moved_unless_only_a_new_one_is_wanted(world, ledger):
    ledger.run(SetDeadline(STAGE, timedelta(seconds=10)))
    ledger.run(SetDeadline(STAGE, timedelta(hours=1), unless_set=True))
    world.pass_time(timedelta(seconds=10))
    assert ledger.run(OverdueRooms()) == [STAGE]

    ledger.run(SetDeadline(STAGE, timedelta(hours=1)))
    assert ledger.run(OverdueRooms()) == []


def test_an_unmarked_room_is_not_overdue_any_more(world, ledger):
    ledger.run(SetDeadline(STAGE, timedelta(seconds=10)))
    world.pass_time(timedelta(seconds=11))
    ledger.run(ClearDeadline(STAGE))

    assert ledger.run(OverdueRooms()) == []


def test_a_mark_that_was_made_anew_outlives_the_unmarking_of_the_old_one(world, ledger):
    ledger.run(SetDeadline(STAGE, timedelta(seconds=10)))
    ledger.run(ClearDeadline(STAGE))
    world.pass_time(timedelta(seconds=11))

    assert ledger.run(OverdueRooms()) == [STAGE]
