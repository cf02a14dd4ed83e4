"""Which sessions are on, with whose bots nobody is, and a page of many at a time."""

from datetime import timedelta

import pytest

from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.session_events import Note
from greenroom.app.rooms.session_lists import Forget, LiveSessions, LongAlone, PageOfSessions, ReadSessions
from greenroom.app.rooms.sessions import ON_STAGE, ReadSession, State, Succeed, Transition
from tests.rigs.makers import a_session
from tests.rigs.ways import bring_to


@pytest.fixture
def session(ledger):
    ledger.run(Create(a_session()))
    return ledger.run(ReadSession("a-session"))


def test_sessions_that_are_on_are_listed_the_oldest_first_until_they_are_forgotten(world, ledger):
    for number in (3, 1, 2):
        ledger.run(Create(a_session(f"session-{number}")))
        world.pass_time(timedelta(seconds=1))
    assert set(ledger.run(LiveSessions())) == {"session-3", "session-1", "session-2"}
    assert len(ledger.run(LiveSessions(limit=2))) == 2

    ledger.run(Forget("session-1"))
    assert set(ledger.run(LiveSessions())) == {"session-3", "session-2"}


def test_those_that_are_on_are_listed_a_page_at_a_time_each_once(world, ledger):
    for number in range(10):
        ledger.run(Create(a_session(f"session-{number}")))
        if number % 3 == 2:
            world.pass_time(timedelta(seconds=1) if number == 5 else timedelta(0))
    listed, after = [], ""
    while after is not None and len(listed) < 100:  # else pages that repeat one are read for ever
        page = ledger.run(PageOfSessions(after, limit=3))
        assert len(page.session_ids) <= 3
        listed, after = listed + page.session_ids, page.after

    assert sorted(listed) == sorted(ledger.run(LiveSessions()))
    assert len(listed) == 10
    assert ledger.run(PageOfSessions(limit=10)).after is None


def test_the_next_page_is_found_though_the_last_one_of_the_page_before_has_gone(ledger):
    for number in range(4):
        ledger.run(Create(a_session(f"session-{number}")))
    page = ledger.run(PageOfSessions(limit=2))
    ledger.run(Forget(page.session_ids[-1]))
    following = ledger.run(PageOfSessions(page.after, limit=2))

    assert sorted([*page.session_ids, *following.session_ids]) == [f"session-{number}" for number in range(4)]


def test_many_records_are_read_at_once(ledger, session):
    assert ledger.run(ReadSessions(("nobody", "a-session"))) == [None, session]
    assert ledger.run(ReadSessions(())) == []
    assert ledger.run(PageOfSessions()).session_ids == ["a-session"]


def alone_now(ledger, limit=10):
    return ledger.run(LongAlone(ledger.run(Now()), limit))


@pytest.mark.parametrize("state", State)
def test_those_who_are_alone_on_stage_are_listed(ledger, session, state):
    bring_to(ledger, state)

    assert alone_now(ledger) == (["a-session"] if state in ON_STAGE else [])
    ledger.run(Note("a-session", "person_arrived", 7, person="ann"))
    assert alone_now(ledger) == []


@pytest.mark.parametrize("state", [State.LEAVING, State.LOST, State.ENDED])
def test_whose_bot_leaves_or_is_dead_is_not_listed_any_more(ledger, session, state):
    bring_to(ledger, State.LIVE)
    ledger.run(Transition("a-session", state, 7))

    assert alone_now(ledger) == []


def test_whoever_is_alone_is_listed_through_hand_overs_and_again_after_a_crash(ledger, session):
    bring_to(ledger, State.LIVE)
    ledger.run(Note("a-session", "person_arrived", 7, person="ann"))
    ledger.run(Transition("a-session", State.WAITING, 7))
    ledger.run(Succeed("a-session", 8, "handed_over"))
    assert alone_now(ledger) == ["a-session"]

    ledger.run(Succeed("a-session", 9, State.LOST, State.PENDING, is_crash=True))
    assert alone_now(ledger) == []
    for state in (State.JOINING, State.LIVE):
        ledger.run(Transition("a-session", state, 9))
    assert alone_now(ledger) == ["a-session"]
    ledger.run(Forget("a-session"))
    assert alone_now(ledger) == []


def test_the_longest_alone_are_found_and_no_more_than_are_wanted(world, ledger):
    for number in range(5):
        session_id = f"session-{number}"
        ledger.run(Create(a_session(session_id)))
        for state in (State.JOINING, State.LIVE):
            ledger.run(Transition(session_id, state, 7))
        world.pass_time(timedelta(seconds=10))

    assert alone_now(ledger, 2) == ["session-0", "session-1"]
    assert ledger.run(LongAlone(ledger.run(Now()) - 35_000, 10)) == ["session-0", "session-1"]
