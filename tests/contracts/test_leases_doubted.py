"""When a bot counts as dead: not by its silence alone, but if it stays silent when it could be heard."""

from datetime import timedelta

import pytest

from greenroom.app.rooms.brief import Mode
from greenroom.app.rooms.leases import (
    DOUBT_KEEPS_FOR,
    DOUBT_LASTS,
    LOOKS_EVERY,
    SETTLES_WITHIN,
    STALE_AFTER,
    Beaten,
    Claimed,
    Found,
    Held,
    NotYet,
    ReadRoom,
    Release,
    Supersede,
)
from greenroom.app.rooms.sessions import State
from greenroom.app.rooms.workers import Host, Report
from tests.contracts.takeovers import take_over
from tests.rigs.makers import CELLAR, ME, STAGE, a_beat, a_brief, a_claim, adopted, of_bob

A_SECOND = timedelta(seconds=1)


def reaped(ledger, token="a-reaper-s-token"):
    return ledger.run(Supersede(STAGE, token, quiet_for=STALE_AFTER, raises_doubt=True))[0]


@pytest.fixture
def active(ledger):
    """The epoch of a claim that ME has adopted."""
    ledger.run(a_claim())
    return adopted(ledger)


@pytest.fixture(params=["by a claim", "by a reaper"])
def look(request, ledger):
    """Asks whether the room's bot is dead; a claim or a reaper, each says it in its own way."""
    looked = iter(range(100))

    def by_a_claim():
        outcome = ledger.run(of_bob(f"token-{next(looked)}"))
        return {Claimed: "dead", Held: "alive", NotYet: "doubted"}[type(outcome)]

    def by_a_reaper():
        found = reaped(ledger, f"token-{next(looked)}")
        return {Found.SUPERSEDED: "dead", Found.ALIVE: "alive", Found.DOUBTED: "doubted"}[found]

    return by_a_claim if request.param == "by a claim" else by_a_reaper


def test_a_silent_bot_is_doubted_first_and_dead_at_the_second_look(world, look, active):
    world.pass_time(STALE_AFTER + A_SECOND)
    assert look() == "doubted"
    world.pass_time(DOUBT_LASTS - A_SECOND * 2)
    assert look() == "doubted"
    world.pass_time(A_SECOND * 2)

    assert look() == "dead"


def test_a_beat_clears_the_doubt(world, ledger, look, active):
    """Redis was away for long, and is back: the first look comes before the bot's next beat."""
    world.pass_time(STALE_AFTER + A_SECOND)
    assert look() == "doubted"
    assert ledger.run(a_beat(active))[0] is Beaten.KEPT
    world.pass_time(DOUBT_LASTS)

    assert look() == "alive"


def test_an_old_doubt_does_not_count(world, look, active):
    """Redis went away right after the doubt: the bot could not be heard since."""
    world.pass_time(STALE_AFTER + A_SECOND)
    assert look() == "doubted"
    world.pass_time(DOUBT_KEEPS_FOR + A_SECOND)

    assert look() == "doubted"
    world.pass_time(DOUBT_LASTS)
    assert look() == "dead"


def test_a_doubt_from_before_a_beat_does_not_count_after_it(world, ledger, look, active):
    world.pass_time(STALE_AFTER + A_SECOND)
    assert look() == "doubted"
    ledger.run(a_beat(active))
    world.pass_time(STALE_AFTER + A_SECOND)

    assert look() == "doubted"


def test_a_doubt_from_before_a_beat_does_not_count_for_who_has_less_patience_either(world, ledger, active):
    claim = of_bob("another-token", stale_after=A_SECOND)
    world.pass_time(A_SECOND * 2)
    assert isinstance(ledger.run(claim), NotYet)
    world.pass_time(A_SECOND)
    ledger.run(a_beat(active))
    world.pass_time(DOUBT_LASTS)

    assert ledger.run(claim) == NotYet(DOUBT_LASTS)


def test_asking_again_does_not_put_the_end_of_the_doubt_off(world, look, active):
    world.pass_time(STALE_AFTER + A_SECOND)
    for _ in range(4):
        assert look() == "doubted"
        world.pass_time(DOUBT_LASTS / 4)

    assert look() == "dead"


def test_a_doubted_bot_keeps_its_room_and_may_give_it_up(world, ledger, look, active):
    world.pass_time(STALE_AFTER + A_SECOND)
    look()

    lease = ledger.run(ReadRoom(STAGE)).lease
    assert (lease.epoch, lease.owner) == (active, ME)
    assert ledger.run(Release(STAGE, active, ME)) is True


def test_a_claim_s_doubt_and_a_reaper_s_are_one(world, ledger, active):
    world.pass_time(STALE_AFTER + A_SECOND)
    assert isinstance(ledger.run(of_bob("another-token")), NotYet)
    world.pass_time(DOUBT_LASTS)

    assert reaped(ledger) is Found.SUPERSEDED


def test_a_claim_is_told_how_long_to_wait(world, ledger, active):
    world.pass_time(STALE_AFTER + A_SECOND)
    first = ledger.run(of_bob("another-token"))
    assert first == NotYet(DOUBT_LASTS)
    world.pass_time(A_SECOND)

    assert A_SECOND <= ledger.run(of_bob("another-token")).wait <= DOUBT_LASTS - A_SECOND
    world.pass_time(first.wait - A_SECOND)
    assert isinstance(ledger.run(of_bob("another-token")), Claimed)


def test_a_claim_may_be_more_patient_with_a_silent_bot(world, ledger, active):
    world.pass_time(STALE_AFTER + A_SECOND)

    assert isinstance(ledger.run(of_bob("another-token", stale_after=STALE_AFTER * 2)), Held)


# When the ledger's own clock is set back, and the last beat lies in its future

AN_HOUR = timedelta(hours=1)


def test_a_bot_that_died_as_the_clock_was_set_back_is_dead_at_the_second_look(world, look, active):
    """Its room was held for an hour."""
    world.pass_time(-AN_HOUR)
    assert look() == "doubted"
    world.pass_time(DOUBT_LASTS)

    assert look() == "dead"


def test_a_bot_that_lives_as_the_clock_is_set_back_is_found_after_its_next_beat(world, ledger, look, active):
    world.pass_time(-AN_HOUR)
    look()
    assert ledger.run(a_beat(active))[0] is Beaten.KEPT
    world.pass_time(DOUBT_LASTS)

    assert look() == "alive"


def test_a_clock_that_is_set_back_a_little_raises_no_doubt(world, look, active):
    world.pass_time(-A_SECOND)

    assert look() == "alive"


def test_a_bot_whose_process_is_known_to_be_dead_is_so_whatever_the_clock_says(world, ledger, active):
    """Its parent said so, and was told that the bot had just been heard."""
    world.pass_time(-A_SECOND)

    assert ledger.run(Supersede(STAGE, "a-token-of-its-parent", owner=ME))[0] is Found.SUPERSEDED


def test_who_raises_no_doubt_takes_a_bot_that_was_heard_in_the_future_for_one_that_lives(
    world, ledger, active
):
    world.pass_time(-AN_HOUR)

    assert ledger.run(Supersede(STAGE, "another-token", quiet_for=A_SECOND * 3.6))[0] is Found.ALIVE
    world.pass_time(A_SECOND)
    ledger.run(a_beat(active))
    world.pass_time(A_SECOND * 4)
    assert ledger.run(Supersede(STAGE, "another-token", quiet_for=A_SECOND * 3.6))[0] is Found.SUPERSEDED


# Who takes a dead bot's room over


def test_the_user_of_a_dead_bot_gets_the_same_session_under_a_higher_epoch(world, ledger, active):
    outcome = take_over(world, a_claim("another-token", personality="gruff", mode=Mode.FORUM))

    assert outcome == Claimed(outcome.epoch, "session-of-a-token")
    assert outcome.epoch > active
    view = ledger.run(ReadRoom(STAGE))
    assert (view.lease.session_id, view.lease.brief) == ("session-of-a-token", a_brief())
    assert view.age is None


@pytest.mark.parametrize("facts", [{"user_id": "bob"}, {"bot": "another"}], ids=["user", "bot"])
def test_another_user_and_another_bot_get_a_new_session(world, ledger, active, facts):
    outcome = take_over(world, a_claim("another-token", **facts))

    assert outcome == Claimed(outcome.epoch, "session-of-another-token", took_over="session-of-a-token")
    assert outcome.epoch > active
    assert ledger.run(ReadRoom(STAGE)).lease.session_id == "session-of-another-token"


@pytest.mark.parametrize("user_id", ["ada", "bob"])
def test_a_takeover_told_once_is_told_again_to_the_same_token(world, ledger, active, user_id):
    claim = a_claim("another-token", user_id=user_id)
    outcome = take_over(world, claim)

    assert ledger.run(claim) == outcome
    adopted(ledger, "another-token")
    assert ledger.run(claim) == outcome


def test_a_session_that_was_taken_over_twice_is_still_the_same(world, ledger, active):
    first = take_over(world, a_claim("second"))
    adopted(ledger, "second")
    second = take_over(world, a_claim("third"))

    assert second == Claimed(second.epoch, "session-of-a-token")
    assert second.epoch > first.epoch


# When Redis has no memory of who lives


def test_after_a_wipe_the_first_claims_wait_until_every_bot_could_be_heard(world, ledger):
    world.wipe()

    assert ledger.run(a_claim()) == NotYet(LOOKS_EVERY)
    assert looks(world, a_claim(room=CELLAR), LOOKS_EVERY) == SETTLES_WITHIN / LOOKS_EVERY
    assert ledger.run(ReadRoom(STAGE)).lease is None
    assert isinstance(ledger.run(a_claim()), Claimed)


def test_while_redis_is_away_after_a_wipe_no_bot_can_be_heard_and_the_wait_begins_again(world, ledger):
    """A worker reported, then Redis was away: the first claim after that took the room of a bot that lived."""
    world.wipe()
    ledger.run(Report(Host(id="bots@here", kind="bots", slots=4, used=1, incarnation="1"), {}))
    world.pass_time(LOOKS_EVERY)
    assert isinstance(ledger.run(a_claim()), NotYet)
    world.pass_time(10 * SETTLES_WITHIN)

    assert looks(world, a_claim(), LOOKS_EVERY) == SETTLES_WITHIN / LOOKS_EVERY


def looks(world, claim, every):
    """How often one has to look again, at this pace, until a room is given."""
    for number in range(100):
        if isinstance(world.ledger.run(claim), Claimed):
            return number
        world.pass_time(every)
    raise AssertionError("it is never given")


def test_a_bot_that_registers_after_a_wipe_is_found_at_once(world, ledger, active):
    world.wipe()
    assert isinstance(ledger.run(of_bob("another-token")), NotYet)
    assert ledger.run(a_beat(active, state=State.WAITING))[0] is Beaten.REGISTERED

    found = ledger.run(of_bob("another-token"))
    assert isinstance(found, Held)
    assert (found.lease.epoch, found.state) == (active, State.WAITING)


def test_a_worker_that_reports_ends_the_wait_of_those_who_come_later(world, ledger):
    world.wipe()
    for _ in range(4):
        ledger.run(Report(Host(id="bots@here", kind="bots", slots=4, used=1, incarnation="1"), {}))
        world.pass_time(SETTLES_WITHIN / 4)

    assert isinstance(ledger.run(a_claim()), Claimed)
