"""How long a bot waits in an empty room, and when it gives up."""

from datetime import timedelta

import pytest

from greenroom.app.rooms.consequences import KeepLeave, SetClock
from greenroom.app.rooms.happenings import LeaveAsked
from greenroom.app.rooms.sessions import LeaveAt, Reason
from greenroom.app.rooms.waiting import COMES_BACK_WITHIN, NO_SHOW_AFTER, Waiting
from greenroom.app.settings import Settings
from tests.rigs.makers import a_session

NOBODY = frozenset()
AT_ONCE = timedelta(0)
MINUTE_MS = 60_000
FIVE_MINUTES = timedelta(minutes=5)


def a_waiting(*, age=AT_ONCE, takes_over=False, **facts):
    return Waiting(a_session(created_ms=1, **facts), age=age, takes_over=takes_over)


def test_a_bot_waits_five_minutes_unless_its_join_says_otherwise():
    assert Settings().session_persistence == FIVE_MINUTES
    assert a_waiting(persistence=FIVE_MINUTES).begins() == SetClock(FIVE_MINUTES, Reason.IDLE)
    assert a_waiting(persistence=AT_ONCE).begins() == SetClock(AT_ONCE, Reason.IDLE)


@pytest.mark.parametrize(
    ("facts", "age", "takes_over", "seconds", "reason"),
    [
        ({}, 0, False, 120, Reason.NO_SHOW),
        ({}, 600, False, 120, Reason.NO_SHOW),  # it waited in line, and has not been live before
        ({"alone_ms": 1 + MINUTE_MS}, 90, False, 90, Reason.NO_SHOW),
        ({"alone_ms": 1 + MINUTE_MS}, 900, True, 0, Reason.NO_SHOW),
        ({"person": "ann"}, 0, True, 300, Reason.IDLE),
        ({"person": "ann", "alone_ms": 1 + MINUTE_MS}, 120, True, 240, Reason.IDLE),
        ({"person": "ann", "alone_ms": 1 + MINUTE_MS}, 900, True, 0, Reason.IDLE),
        # No bot was there to come back to
        ({"person": "ann", "alone_ms": 1 + MINUTE_MS}, 900, False, 30, Reason.IDLE),
    ],
)
def test_the_clock_of_an_empty_room_runs_on_through_its_bots(facts, age, takes_over, seconds, reason):
    waiting = a_waiting(age=timedelta(seconds=age), takes_over=takes_over, **facts)

    clock = waiting.for_somebody(NOBODY, AT_ONCE, last_person=facts.get("person"))

    assert clock == [SetClock(timedelta(seconds=seconds), reason)]


def test_the_time_in_which_the_bot_itself_prepared_counts_as_well():
    waiting = a_waiting(age=timedelta(seconds=60), alone_ms=1)

    clock = waiting.for_somebody(NOBODY, timedelta(seconds=20), last_person=None)

    assert clock == [SetClock(timedelta(seconds=40), Reason.NO_SHOW)]


def test_who_is_there_is_not_waited_for():
    waiting = a_waiting()

    assert waiting.for_somebody(frozenset({"ann"}), AT_ONCE, last_person="ann") == []
    assert not waiting.is_on


@pytest.mark.parametrize(("anybody_came", "least"), [(True, COMES_BACK_WITHIN), (False, NO_SHOW_AFTER)])
def test_who_is_on_their_way_has_time_to_come_however_short_the_persistence_is(anybody_came, least):
    waiting = a_waiting(persistence=AT_ONCE)
    waiting.begins()

    (clock,) = waiting.goes_on_for_somebody(anybody_came)

    assert clock.after == least
    waiting.end()
    assert waiting.goes_on_for_somebody(anybody_came) == []  # somebody is there


def test_a_leave_that_was_asked_for_holds_until_somebody_is_there():
    waiting = a_waiting(age=timedelta(seconds=10))
    asked = LeaveAsked(timedelta(seconds=40), "ann hung up", after=timedelta(seconds=5))
    clock = SetClock(asked.teardown_delay, Reason.LEFT, asked.detail)

    assert waiting.begins_as_asked(asked) == [clock, KeepLeave(LeaveAt(1 + 55_000, "ann hung up"))]
    waiting.suspend()  # the bot makes a move
    assert not waiting.is_on and waiting.is_as_asked
    assert waiting.for_somebody(NOBODY, AT_ONCE, last_person="ann") == [clock]
    assert waiting.end() == [KeepLeave(None)]
    assert not waiting.is_as_asked and waiting.end() == []
