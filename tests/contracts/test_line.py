"""The line of sessions that wait for a slot: first come first served, and who was on stage already before all."""

from datetime import timedelta

import pytest

from greenroom.app.rooms.line import FindPlace, LeaveLine, Line, Place, Push, QueueLength
from greenroom.app.rooms.session_lists import Forget
from greenroom.app.rooms.workers import Host, Report, Retire

A_SECOND = timedelta(seconds=1)


def push(world, session_id, **more):
    """Later than whoever was pushed before."""
    world.pass_time(A_SECOND)
    world.ledger.run(Push("a-queue", f"launch of {session_id}", session_id, **more))


def a_host(name="bots@here", **more):
    facts = {"kind": "bots", "slots": 4, "used": 4, "incarnation": "1", **more}
    return Host(id=name, **facts)


@pytest.fixture
def three(world):
    for session_id in ("c", "a", "b"):
        push(world, session_id)


def test_an_empty_line_has_no_place(ledger):
    assert ledger.run(FindPlace("nobody")) == ledger.run(FindPlace()) == Place(None, 0, 0)
    assert ledger.run(Line()) == []
    assert ledger.run(QueueLength("a-queue")) == 0


@pytest.mark.usefixtures("three")
def test_those_who_came_first_are_served_first(ledger):
    assert ledger.run(Line()) == ["c", "a", "b"]
    assert ledger.run(Line(limit=2)) == ["c", "a"]
    assert [ledger.run(FindPlace(each)) for each in ("c", "a", "b")] == [Place(n, 3, 0) for n in range(3)]
    assert ledger.run(FindPlace("nobody")) == Place(None, 3, 0)
    assert ledger.run(QueueLength("a-queue")) == 3
    assert ledger.run(QueueLength("another-queue")) == 0


@pytest.mark.usefixtures("three")
def test_who_was_on_stage_already_goes_in_front(world, ledger):
    push(world, "on-stage", in_front=True)

    assert ledger.run(Line()) == ["on-stage", "c", "a", "b"]


@pytest.mark.usefixtures("three")
def test_a_launch_that_is_repeated_changes_no_place(world, ledger):
    push(world, "c")
    push(world, "b", in_front=True)

    assert ledger.run(Line()) == ["c", "a", "b"]
    assert ledger.run(QueueLength("a-queue")) == 5


@pytest.mark.parametrize("leave", [LeaveLine, Forget])
@pytest.mark.usefixtures("three")
def test_who_leaves_the_line_lets_the_others_move_up(ledger, leave):
    ledger.run(leave("c"))
    ledger.run(leave("c"))

    assert ledger.run(Line()) == ["a", "b"]
    assert ledger.run(FindPlace("a")) == Place(0, 2, 0)


@pytest.mark.usefixtures("three")
def test_who_comes_back_to_the_line_is_the_last(world, ledger):
    ledger.run(LeaveLine("c"))
    push(world, "c")

    assert ledger.run(Line()) == ["a", "b", "c"]


@pytest.mark.usefixtures("three")
def test_who_is_served_tells_those_that_came_before_so_and_no_others(ledger):
    since = {each: ledger.run(FindPlace(each)).since_ms for each in ("c", "a", "b")}
    assert since["c"] < since["a"] < since["b"]
    assert ledger.run(FindPlace("c")).served_ms == 0
    assert ledger.run(FindPlace("nobody")).since_ms == 0

    ledger.run(LeaveLine("a"))
    assert ledger.run(FindPlace("c")).served_ms == since["a"]
    ledger.run(LeaveLine("c"))
    assert ledger.run(FindPlace("b")).served_ms == since["a"]
    ledger.run(LeaveLine("b"))
    assert ledger.run(FindPlace()).served_ms == since["b"]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("leaves", [LeaveLine("b", is_served=False), LeaveLine("nobody"), Forget("b")])
def test_who_leaves_the_line_unserved_tells_nobody_anything(ledger, leaves):
    ledger.run(leaves)

    assert ledger.run(FindPlace("c")).served_ms == 0


@pytest.mark.usefixtures("three")
def test_that_somebody_in_front_was_served_says_nothing_of_the_others(world, ledger):
    ledger.run(LeaveLine("c"))
    push(world, "on-stage", in_front=True)
    ledger.run(LeaveLine("on-stage"))

    place = ledger.run(FindPlace("a"))
    assert place.served_ms < place.since_ms


@pytest.mark.usefixtures("three")
def test_free_slots_are_those_of_workers_for_bots_that_live_and_take_launches(world, ledger):
    ledger.run(Report(a_host("bots@one", slots=4, used=3)))
    ledger.run(Report(a_host("bots@two", slots=4, used=2)))
    ledger.run(Report(a_host("bots@full", slots=4, used=5)))
    ledger.run(Report(a_host("bots@draining", slots=4, used=0, draining=True)))
    ledger.run(Report(a_host("control@one", kind="control", slots=8, used=0)))
    assert ledger.run(FindPlace("c")) == Place(0, 3, 3)

    ledger.run(Report(a_host("bots@two", slots=4, used=4)))
    assert ledger.run(FindPlace("c")) == Place(0, 3, 1)
    ledger.run(Retire("bots@one"))
    assert ledger.run(FindPlace("c")) == Place(0, 3, 0)


@pytest.mark.usefixtures("three")
def test_a_worker_that_is_not_heard_any_more_has_no_free_slots(world, ledger):
    ledger.run(Report(a_host(used=0)))
    world.pass_time(timedelta(seconds=16))

    assert ledger.run(FindPlace("c")).free == 0


@pytest.mark.parametrize(
    ("ahead", "free", "position"),
    [
        (None, 0, None),
        (None, 3, None),
        (0, 0, 1),
        (4, 0, 5),
        (0, 1, None),
        (4, 4, 1),
        (4, 5, None),
        (4, 1, 4),
    ],
)
def test_the_position_counts_those_who_have_no_slot(ahead, free, position):
    assert Place(ahead, 5, free).position == position
