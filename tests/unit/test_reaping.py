"""Reaping: what died is cleared, what never started is launched again, and nothing else is touched."""

from datetime import timedelta

import pytest

from app.rooms.reaping import BENEFIT_OF_THE_DOUBT, LAUNCHES_AT_MOST, ORPHANED_AFTER
from app.rooms.sessions import Reason, State
from app.rooms.steps import (
    PENDING_FOR,
    STALE_AFTER,
    STARTS_WITHIN,
    Adoption,
    Beaten,
    Create,
    Finding,
    LiveSessions,
    Mark,
    Overdue,
    ReadEvents,
    ReadRoom,
    ReadSession,
)
from tests.makers import STAGE, a_claim, a_session, an_order, reap

A_MOMENT = timedelta(milliseconds=20)


@pytest.fixture
def joined(joining):
    return joining.join(an_order())


def session_of(ledger, joined):
    return ledger.run(ReadSession(joined.session_id))


def test_nothing_is_looked_at_before_its_time(reaper, ledger, joined):
    assert reap(ledger, reaper) == {}


def test_a_bot_that_beats_is_left_alone_and_looked_at_again(reaper, ledger, joined, puppet):
    bot = puppet().go_live()
    for _ in range(5):
        ledger.pass_time(STALE_AFTER - timedelta(seconds=1))
        bot.beat()
        ledger.run(Mark(STAGE, timedelta(0)))
        assert reap(ledger, reaper) == {Finding.ALIVE: 1}
        assert ledger.run(Overdue()) == []

    assert bot.beat() is Beaten.KEPT
    assert session_of(ledger, joined).state is State.LIVE


def test_the_room_of_a_dead_bot_is_free_and_its_session_has_ended(reaper, ledger, joined, puppet, joining):
    dead = puppet().go_live()
    ledger.pass_time(STALE_AFTER + A_MOMENT)

    assert reap(ledger, reaper) == {Finding.REAPED: 1}

    session = session_of(ledger, joined)
    assert (session.state, session.reason) == (State.ENDED, Reason.ERROR)
    assert [event.event for event in ledger.run(ReadEvents(session.id))][-2:] == ["lost", "ended"]
    assert ledger.run(ReadRoom(STAGE)).lease is None
    assert ledger.run(LiveSessions()) == []
    assert dead.beat() is Beaten.SUPERSEDED
    assert joining.join(an_order()).reused is False


def test_reaping_twice_has_one_effect(reaper, ledger, joined, puppet):
    puppet().go_live()
    ledger.pass_time(STALE_AFTER + A_MOMENT)
    reap(ledger, reaper)
    history = ledger.run(ReadEvents(joined.session_id))
    ledger.run(Mark(STAGE, timedelta(0)))

    assert reap(ledger, reaper) == {Finding.FREE: 1}
    assert ledger.run(ReadEvents(joined.session_id)) == history
    assert ledger.run(Overdue()) == []


def test_a_room_that_was_left_is_not_looked_at_for_ever(reaper, ledger, joined, puppet):
    puppet().go_live().leave()
    ledger.pass_time(STALE_AFTER + A_MOMENT)

    assert reap(ledger, reaper) == {Finding.FREE: 1}
    assert reap(ledger, reaper) == {}


def test_a_launch_that_nobody_started_is_launched_again_with_the_same_claim(
    reaper, launches, ledger, joined, puppet
):
    ledger.pass_time(STARTS_WITHIN)

    assert reap(ledger, reaper) == {Finding.PENDING: 1}

    assert launches.session_ids == [joined.session_id] * 2
    assert launches.asked[0][1] == launches.asked[1][1]
    assert session_of(ledger, joined).launches == 2
    assert puppet().adopt() is Adoption.ADOPTED


def test_both_deliveries_of_a_launch_make_one_bot(reaper, launches, ledger, joined, puppet):
    early = puppet()
    ledger.pass_time(STARTS_WITHIN)
    reap(ledger, reaper)
    late = puppet()

    assert [early.adopt(), late.adopt()] == [Adoption.ADOPTED, Adoption.TAKEN]


def test_a_launch_that_never_starts_is_given_up_before_its_claim_lapses(reaper, launches, ledger, joined):
    passed = timedelta(0)
    while session_of(ledger, joined).state is not State.ENDED:
        ledger.pass_time(STARTS_WITHIN)
        passed += STARTS_WITHIN
        reap(ledger, reaper)

    assert passed < PENDING_FOR
    assert len(launches.asked) == LAUNCHES_AT_MOST
    assert session_of(ledger, joined).reason is Reason.LAUNCH_FAILED
    assert ledger.run(ReadRoom(STAGE)).lease is None
    assert ledger.run(LiveSessions()) == []
    assert ledger.run(Overdue()) == []


def test_a_claim_whose_session_was_never_written_is_taken_back(reaper, launches, ledger):
    ledger.run(a_claim())
    ledger.run(Mark(STAGE, STARTS_WITHIN))
    ledger.pass_time(STARTS_WITHIN)

    assert reap(ledger, reaper) == {Finding.PENDING: 1}
    assert ledger.run(ReadRoom(STAGE)).lease is None
    assert launches.asked == []
    assert ledger.run(Overdue()) == []


def test_rooms_are_found_after_a_wipe_once_their_bots_have_beaten(reaper, ledger, joined, puppet):
    bot = puppet().go_live()
    ledger.wipe()
    assert bot.beat() is Beaten.REGISTERED
    ledger.pass_time(STALE_AFTER + A_MOMENT)

    assert reap(ledger, reaper) == {Finding.REAPED: 1}


def test_a_claim_that_has_just_taken_over_an_overdue_room_is_given_its_time(
    reaper, joining, launches, ledger, joined, puppet
):
    """It was taken back between its claim and its record, and its bot could not adopt it."""
    puppet().go_live()
    ledger.pass_time(STALE_AFTER + A_MOMENT)
    ledger.run(a_claim("a-token"))

    assert reap(ledger, reaper) == {Finding.PENDING: 1}
    assert ledger.run(ReadRoom(STAGE)).lease.token == "a-token"
    assert ledger.run(Overdue()) == []
    ledger.pass_time(STARTS_WITHIN)
    assert ledger.run(Overdue()) == [STAGE]


# After a time in which nobody looked: Redis was away, and bots that live could not say so


def test_a_reaper_that_has_not_looked_for_long_frees_nothing_at_first(reaper, ledger, joined, puppet):
    bot = puppet().go_live()
    reap(ledger, reaper)
    ledger.pass_time(STALE_AFTER * 2)

    assert reaper.reap() == {}
    assert bot.beat() is Beaten.KEPT
    ledger.pass_time(BENEFIT_OF_THE_DOUBT)
    assert reap(ledger, reaper) == {}
    assert session_of(ledger, joined).state is State.LIVE


def test_a_bot_that_is_not_heard_soon_after_is_dead(reaper, ledger, joined, puppet):
    puppet().go_live()
    ledger.pass_time(STALE_AFTER * 2)
    assert reaper.reap() == {}
    for _ in range(2):
        ledger.pass_time(BENEFIT_OF_THE_DOUBT - timedelta(seconds=1))
        found = reaper.reap()

    assert found == {Finding.REAPED: 1}
    assert session_of(ledger, joined).state is State.ENDED


# What a parent tells of its child


def test_a_bot_whose_process_is_known_to_be_dead_is_cleared_at_once(reaper, ledger, joined, puppet, joining):
    dead = puppet().go_live()

    assert reaper.lost(joined.session_id, owner=dead.owner, reason=Reason.ERROR) is True

    assert session_of(ledger, joined).reason is Reason.ERROR
    assert ledger.run(LiveSessions()) == []
    assert joining.join(an_order()).reused is False


def test_the_death_of_a_process_that_had_not_the_room_frees_nothing(reaper, ledger, joined, puppet):
    alive = puppet().go_live()

    assert reaper.lost(joined.session_id, owner="bots@stage/job/another", reason=Reason.ERROR) is False
    assert alive.beat() is Beaten.KEPT
    assert session_of(ledger, joined).state is State.LIVE


def test_a_bot_that_had_left_before_its_process_died_stays_as_it_ended(reaper, ledger, joined, puppet):
    bot = puppet().go_live()
    bot.leave(Reason.IDLE)

    assert reaper.lost(joined.session_id, owner=bot.owner, reason=Reason.ERROR) is False
    assert session_of(ledger, joined).reason is Reason.IDLE


def test_the_death_of_an_unknown_session_is_no_matter(reaper):
    assert reaper.lost("nobody", owner="bots@stage/job/0", reason=Reason.ERROR) is False


# What nobody says


def test_a_session_whose_room_is_nobody_s_for_long_is_ended(reaper, ledger, joined, puppet):
    puppet().go_live()
    ledger.free(STAGE)
    ledger.pass_time(ORPHANED_AFTER - timedelta(seconds=1))
    assert reaper.sweep() == 0
    ledger.pass_time(timedelta(seconds=1))

    assert reaper.sweep() == 1
    assert session_of(ledger, joined).reason is Reason.ERROR
    assert ledger.run(LiveSessions()) == []
    assert reaper.sweep() == 0


def test_a_session_that_never_started_and_lost_its_room_has_failed_to_launch(reaper, ledger, joined):
    ledger.pass_time(ORPHANED_AFTER)

    assert reaper.sweep() == 1
    assert session_of(ledger, joined).reason is Reason.LAUNCH_FAILED


def test_a_session_whose_room_is_another_s_is_ended_and_the_other_is_not(
    reaper, joining, ledger, joined, puppet
):
    puppet().go_live()
    ledger.free(STAGE)
    ledger.pass_time(ORPHANED_AFTER)
    second = joining.join(an_order())
    puppet().go_live()

    assert reaper.sweep() == 1
    assert session_of(ledger, joined).state is State.ENDED
    assert session_of(ledger, second).state is State.LIVE


def test_a_long_quiet_session_that_has_its_room_is_left_alone(reaper, ledger, joined, puppet):
    puppet().go_live()
    ledger.pass_time(ORPHANED_AFTER * 10)

    assert reaper.sweep() == 0


def test_what_has_ended_and_was_not_forgotten_is_forgotten(reaper, ledger, joined, puppet, looking):
    bot = puppet().go_live()
    bot.enter(State.ENDED, Reason.LEFT)
    assert ledger.run(LiveSessions()) == [joined.session_id]

    assert looking.sessions() == []
    assert ledger.run(LiveSessions()) == []


def test_a_listed_session_without_a_record_is_forgotten(reaper, ledger):
    ledger.run(Create(a_session()))
    ledger.pass_time(timedelta(days=3))

    assert reaper.sweep() == 0
    assert ledger.run(LiveSessions()) == []
