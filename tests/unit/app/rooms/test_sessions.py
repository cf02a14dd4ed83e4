"""The table of states, as a whole."""

import pytest

from greenroom.app.rooms.sessions import FOLLOWERS, ON_STAGE, State, predecessors

ON = set(State) - {State.ENDED}


def reachable(start):
    seen, left = {start}, [start]
    while left:
        for state in FOLLOWERS[left.pop()] - seen:
            seen.add(state)
            left.append(state)
    return seen


def test_every_state_has_its_row():
    assert set(FOLLOWERS) == set(State)


def test_a_session_begins_pending_and_may_come_into_every_state():
    assert reachable(State.PENDING) == set(State)


def test_the_end_is_final():
    assert FOLLOWERS[State.ENDED] == frozenset()


@pytest.mark.parametrize("state", sorted(ON))
def test_a_session_may_end_and_may_be_lost_from_wherever_it_is(state):
    assert State.ENDED in FOLLOWERS[state]
    assert state is State.LOST or State.LOST in FOLLOWERS[state]


@pytest.mark.parametrize("state", sorted(ON - {State.LEAVING, State.LOST}))
def test_a_bot_may_leave_from_wherever_it_is(state):
    assert State.LEAVING in FOLLOWERS[state]


def test_only_a_bot_that_joins_or_was_on_stage_goes_on_stage():
    assert predecessors(State.LIVE) == ON_STAGE - {State.LIVE} | {State.JOINING}


@pytest.mark.parametrize("state", State)
def test_no_state_follows_itself(state):
    assert state not in FOLLOWERS[state]


def test_predecessors_are_the_table_read_backwards():
    for state in State:
        assert predecessors(state) == {before for before in State if state in FOLLOWERS[before]}
