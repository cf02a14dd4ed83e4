"""Who was in a session's room, as its history tells."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.app.rooms.archive import Departure, Visit
from greenroom.app.rooms.session_events import Appearance, Event
from greenroom.app.rooms.visits import account_of
from greenroom.app.rooms.waiting import COMES_BACK_WITHIN

LATER = COMES_BACK_WITHIN // timedelta(milliseconds=1) + 1


def a_history(*lines):
    """Each line: when, what, under which epoch, and who."""
    return [
        Event(f"{at_ms}-{number}", at_ms, event, epoch, person=person[0] if person else None)
        for number, (at_ms, event, epoch, *person) in enumerate(lines)
    ]


def visits(*lines, now_ms=0):
    return [
        (visit.identity, visit.joined_ms, visit.left_ms)
        for visit in account_of(a_history(*lines), now_ms).visits
    ]


CAME = (10, "person_arrived", 1, "ann")


def test_each_coming_and_going_of_each_person_is_a_visit():
    assert visits(
        (5, "live", 1),
        (10, "person_arrived", 1, "ann"),
        (20, "person_arrived", 1, "bob"),
        (30, "person_left", 1, "ann"),
        (40, "person_arrived", 1, "ann"),
    ) == [("ann", 10, 30), ("bob", 20, None), ("ann", 40, None)]


def test_what_the_room_tells_of_a_person_is_theirs():
    event = Event("1-0", 1, "person_arrived", 1, person="ann", appearance=Appearance("Ann", {"team": "red"}))

    assert account_of([event]).visits == (Visit("ann", 1, name="Ann", metadata={"team": "red"}),)


@pytest.mark.parametrize("last", ["waiting", "ended", "person_left"])
def test_nobody_is_left_where_the_bot_is_alone_or_gone_or_an_earlier_version_named_nobody(last):
    assert visits(CAME, (20, "person_arrived", 1, "bob"), (50, last, 1)) == [
        ("ann", 10, 50),
        ("bob", 20, 50),
    ]


LOST = (20, "lost", 2)
NEXT = (25, "live", 2)


def test_a_person_whom_the_next_bot_meets_was_there_all_the_while():
    assert visits(CAME, LOST, NEXT, (26, "person_arrived", 2, "ann"), (90, "person_left", 2, "ann")) == [
        ("ann", 10, 90)
    ]


def test_a_person_whom_the_next_bot_can_still_meet_is_there():
    assert visits(CAME, LOST) == visits(CAME, LOST, NEXT, now_ms=26) == [("ann", 10, None)]


def test_a_person_whom_the_next_bot_does_not_meet_left_when_the_one_before_it_was_gone():
    left = [("ann", 10, 20)]

    assert visits(CAME, LOST, NEXT, now_ms=25 + LATER) == left
    assert visits(CAME, LOST, NEXT, (26, "ended", 2)) == left
    assert visits(CAME, LOST, (22, "ended", 2)) == left
    assert visits(CAME, LOST, NEXT, (25 + LATER, "person_arrived", 2, "bob")) == [
        *left,
        ("bob", 25 + LATER, None),
    ]


def test_a_person_who_comes_long_after_the_next_bot_has_come_again():
    back = 25 + LATER

    assert visits(CAME, LOST, NEXT, (back, "person_arrived", 2, "ann")) == [
        ("ann", 10, 20),
        ("ann", back, None),
    ]


def test_two_bots_that_died_without_meeting_a_person_change_nothing_of_when_they_left():
    assert visits(CAME, LOST, (40, "lost", 3), (50, "live", 3), (60, "ended", 3)) == [("ann", 10, 20)]


def test_a_person_of_a_call_that_is_handed_over_has_one_visit():
    """The next bot may have met them before the record says that it has the room."""
    assert visits(CAME, (30, "person_arrived", 2, "ann"), (31, "handed_over", 2)) == [("ann", 10, None)]


@pytest.mark.parametrize("late", ["person_left", "person_arrived"])
def test_what_a_bot_says_late_that_was_replaced_counts_for_nothing(late):
    assert visits(CAME, LOST, (22, late, 1, "ann"), NEXT, (26, "person_arrived", 2, "ann")) == [
        ("ann", 10, None)
    ]


def test_who_comes_back_within_one_moment_has_two_visits():
    assert visits(CAME, (10, "person_left", 1, "ann"), CAME, (20, "person_left", 1, "ann")) == [
        ("ann", 10, 10),
        ("ann", 11, 20),
    ]


def test_who_leaves_and_had_come_before_the_history_begins_is_told_as_gone():
    account = account_of(a_history((10, "person_left", 1, "ann"), (20, "person_arrived", 1, "ann")))

    assert (account.visits, account.departures) == ((Visit("ann", 20),), (Departure("ann", 10),))


def test_the_last_one_who_leaves_leaves_once():
    assert account_of(a_history(CAME, (20, "waiting", 1), (20, "person_left", 1, "ann"))).departures == ()


WHAT = st.sampled_from(
    ["live", "waiting", "lost", "handed_over", "person_arrived", "person_arrived", "person_left", "ended"]
)


@given(
    st.lists(
        st.tuples(st.integers(0, LATER), WHAT, st.integers(0, 1), st.sampled_from(["ann", "bob"])),
        max_size=20,
    )
)
def test_the_end_of_a_visit_is_never_taken_back(steps):
    """What was stored of a history stays true of all that is added to it, and is one row for each coming."""
    lines, at_ms, epoch = [], 1, 1
    for after, event, more, person in steps:
        at_ms, epoch = at_ms + after, epoch + (more if event in ("lost", "handed_over") else 0)
        lines.append((at_ms, event, epoch, person) if event.startswith("person") else (at_ms, event, epoch))
    stored = {}
    for length in range(len(lines) + 1):
        told = account_of(a_history(*lines[:length])).visits
        now = {(visit.identity, visit.joined_ms): visit.left_ms for visit in told}
        assert stored.keys() <= now.keys()
        assert all(left is None or now[each] == left for each, left in stored.items())
        assert all(left is None or left >= joined for (_, joined), left in now.items())
        stored = now
