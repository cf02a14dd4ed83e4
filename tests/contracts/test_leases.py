"""The lease: who may be the bot of a room."""

from dataclasses import replace
from datetime import timedelta

import pytest

from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.deadlines import OverdueRooms, SetDeadline
from greenroom.app.rooms.leases import (
    ACTIVE_FOR,
    PENDING_FOR,
    STALE_AFTER,
    Adopt,
    Adoption,
    Beaten,
    Claimed,
    Held,
    Hold,
    LeaseStatus,
    ReadRoom,
    Release,
    Supersede,
    Withdraw,
    WriteConfig,
)
from greenroom.app.rooms.line import Place, Push
from greenroom.app.rooms.minds import Memory, MemoryIs, Mind, ServiceFailure
from greenroom.app.rooms.sessions import State
from tests.contracts.takeovers import take_over
from tests.rigs.makers import CELLAR, ME, OTHER, STAGE, a_beat, a_brief, a_claim, a_session, adopted, of_bob

A_MOMENT = timedelta(milliseconds=200)
A_MIND = Mind(Memory(MemoryIs.LOADED), 40, 1200, ServiceFailure("ATTSService", "authentication", 7.5))


def adopt(ledger, *, token="a-token", owner=ME):
    return ledger.run(Adopt(STAGE, token, owner, host="bots@here", job_id="job"))[0]


def beat(ledger, epoch, **more):
    return ledger.run(a_beat(epoch, **more))[0]


@pytest.fixture
def pending(ledger):
    """The epoch of a claim."""
    return ledger.run(a_claim()).epoch


@pytest.fixture
def active(ledger, pending):
    """The epoch of a claim that ME has adopted."""
    assert adopted(ledger) == pending
    return pending


# Claiming


def test_a_free_room_is_claimed(ledger):
    outcome = ledger.run(a_claim())

    assert outcome == Claimed(outcome.epoch, "session-of-a-token")
    lease = ledger.run(ReadRoom(STAGE)).lease
    assert (lease.status, lease.session_id, lease.epoch) == (
        LeaseStatus.PENDING,
        "session-of-a-token",
        outcome.epoch,
    )
    assert lease.brief == a_brief()


def test_a_second_claim_learns_who_has_the_room(ledger, pending):
    outcome = ledger.run(a_claim("another-token"))

    assert isinstance(outcome, Held)
    assert outcome.lease.session_id == "session-of-a-token"
    assert outcome.lease.epoch == pending
    assert outcome.age is None
    assert outcome.state is State.PENDING
    assert ledger.run(ReadRoom(STAGE)).lease.epoch == pending


def test_claiming_twice_with_one_token_is_one_claim(ledger, pending):
    assert ledger.run(a_claim()) == Claimed(pending, "session-of-a-token")
    assert ledger.run(a_claim("another-token")).lease.epoch == pending


def test_a_claim_repeated_after_its_adoption_changes_nothing(ledger, active):
    assert ledger.run(a_claim()) == Claimed(active, "session-of-a-token")
    assert ledger.run(ReadRoom(STAGE)).lease.status is LeaseStatus.ACTIVE


def test_a_claim_holds_one_room_only(ledger, pending):
    assert isinstance(ledger.run(a_claim("another-token", room=CELLAR)), Claimed)


def test_a_pending_claim_lapses_when_nobody_adopts_it(world, ledger, pending):
    world.pass_time(PENDING_FOR - A_MOMENT * 10)
    assert isinstance(ledger.run(a_claim("early")), Held)
    world.pass_time(A_MOMENT * 10)

    outcome = ledger.run(a_claim("later"))

    assert outcome == Claimed(outcome.epoch, "session-of-later")
    assert outcome.epoch > pending


def test_a_claim_lasts_as_long_as_it_asked_for(world, ledger):
    ledger.run(a_claim(lasts=timedelta(seconds=5)))
    world.pass_time(timedelta(seconds=5))

    assert isinstance(ledger.run(a_claim("later")), Claimed)


def test_a_pending_claim_is_held_however_small_the_patience_with_stale_bots(ledger, pending):
    assert isinstance(ledger.run(a_claim("another-token", stale_after=timedelta(0))), Held)


def test_a_bot_that_beats_is_found_with_its_age_and_state(world, ledger, active):
    ledger.run(a_beat(active, state=State.WAITING))
    world.pass_time(timedelta(seconds=2))

    outcome = ledger.run(a_claim("another-token"))

    assert isinstance(outcome, Held)
    assert outcome.state is State.WAITING
    assert timedelta(seconds=2) <= outcome.age < timedelta(seconds=12)


@pytest.mark.parametrize("room", ["pending", "active"])
def test_who_finds_a_bot_learns_of_its_session_unless_that_is_lost(request, ledger, room):
    request.getfixturevalue(room)
    found = ledger.run(a_claim("another-token"))
    assert (found.recorded, found.conversation_id) == (None, a_brief().conversation_id)

    ledger.run(Create(replace(a_session("session-of-a-token"), conversation_id="the-next")))
    found = ledger.run(a_claim("another-token"))
    assert (found.recorded, found.conversation_id) == (State.PENDING, "the-next")


def test_who_finds_a_bot_that_is_starting_learns_how_many_are_before_it(ledger, pending):
    ledger.run(Push("a-queue", "a-launch", "another-session"))
    assert ledger.run(a_claim("another-token")).place == Place(None, 1, 0)

    ledger.run(Push("a-queue", "a-launch", "session-of-a-token"))
    assert ledger.run(a_claim("another-token")).place == Place(1, 2, 0)


def test_a_bot_heard_just_in_time_is_not_taken_over(world, ledger, active):
    world.pass_time(STALE_AFTER - timedelta(seconds=5))

    assert isinstance(ledger.run(a_claim("another-token")), Held)


def test_a_takeover_starts_without_the_configuration_of_the_bot_before(world, ledger, active):
    ledger.run(WriteConfig(STAGE, active, {"voice": "deep"}))
    take_over(world, of_bob("another-token"))

    assert ledger.run(ReadRoom(STAGE)).config == {}


# Epochs


def test_the_epoch_of_a_room_only_grows(ledger):
    epochs = []
    for turn in range(20):
        claimed = ledger.run(a_claim(f"token-{turn}"))
        epochs.append(claimed.epoch)
        ledger.run(Withdraw(STAGE, claimed.epoch))

    assert epochs == sorted(set(epochs))


def test_the_epoch_grows_through_a_wipe(world, ledger, active):
    world.wipe()
    ledger.run(a_claim("another-token"))
    world.pass_time(timedelta(seconds=1))
    world.settle()

    assert ledger.run(a_claim("another-token")).epoch > active


# Adopting


def test_a_claim_is_adopted_once_however_often_it_is_delivered(ledger, pending):
    outcomes = [adopt(ledger, owner=f"bots@here/job/{number}") for number in range(10)]

    assert outcomes == [Adoption.ADOPTED] + [Adoption.TAKEN] * 9
    lease = ledger.run(ReadRoom(STAGE)).lease
    assert (lease.status, lease.host, lease.job_id) == (LeaseStatus.ACTIVE, "bots@here", "job")


def test_who_adopts_twice_has_adopted(ledger, pending):
    assert [adopt(ledger), adopt(ledger)] == [Adoption.ADOPTED, Adoption.ADOPTED]


def test_another_token_adopts_nothing(ledger, pending):
    assert adopt(ledger, token="a-guess") is Adoption.LAPSED
    assert ledger.run(ReadRoom(STAGE)).lease.status is LeaseStatus.PENDING


def test_an_adoption_says_under_which_epoch_the_room_is_the_bot_s(ledger, pending):
    for _ in range(2):
        assert ledger.run(Adopt(STAGE, "a-token", ME, "bots@here", "job")) == (Adoption.ADOPTED, pending)


def test_a_claim_is_adopted_in_its_own_room_only(ledger, pending):
    ledger.run(a_claim("of-the-cellar", room=CELLAR))

    assert adopt(ledger, token="of-the-cellar") is Adoption.LAPSED


def test_a_lapsed_claim_is_not_adopted(world, ledger, pending):
    world.pass_time(PENDING_FOR + A_MOMENT)

    assert adopt(ledger) is Adoption.LAPSED
    assert ledger.run(ReadRoom(STAGE)).lease is None


def test_a_withdrawn_claim_is_not_adopted(ledger, pending):
    ledger.run(Withdraw(STAGE, pending))

    assert adopt(ledger) is Adoption.LAPSED


def test_an_adopted_room_is_heard_and_lasts_a_day(world, ledger, active):
    view = ledger.run(ReadRoom(STAGE))
    assert view.age < timedelta(seconds=10)
    assert view.state == State.JOINING
    world.pass_time(ACTIVE_FOR - timedelta(minutes=1))
    assert ledger.run(ReadRoom(STAGE)).lease is not None
    world.pass_time(timedelta(minutes=1))

    assert ledger.run(ReadRoom(STAGE)).lease is None


# Beating


def test_a_beat_keeps_the_room(world, ledger, active):
    for _ in range(4):
        world.pass_time(STALE_AFTER - timedelta(seconds=5))
        assert beat(ledger, active) is Beaten.KEPT

    assert isinstance(ledger.run(a_claim("another-token")), Held)


def test_a_beat_renews_the_lease(world, ledger, active):
    for _ in range(3):
        world.pass_time(ACTIVE_FOR / 2)
        assert beat(ledger, active) is Beaten.KEPT

    assert ledger.run(ReadRoom(STAGE)).lease.epoch == active


def test_a_beat_of_anybody_else_is_refused_and_renews_nothing(world, ledger, active):
    world.pass_time(STALE_AFTER - timedelta(seconds=5))

    assert beat(ledger, active, owner=OTHER) is Beaten.SUPERSEDED
    assert ledger.run(ReadRoom(STAGE)).age >= STALE_AFTER - timedelta(seconds=5)


def test_a_beat_under_an_unadopted_claim_is_refused(ledger, pending):
    assert beat(ledger, pending) is Beaten.SUPERSEDED
    assert ledger.run(ReadRoom(STAGE)).lease.status is LeaseStatus.PENDING


def test_a_bot_that_lives_registers_again_after_a_wipe(world, ledger, active):
    world.wipe()

    assert beat(ledger, active) is Beaten.REGISTERED
    assert beat(ledger, active) is Beaten.KEPT
    found = ledger.run(a_claim("another-token"))
    assert isinstance(found, Held)
    assert (found.lease.session_id, found.lease.epoch, found.lease.host) == (
        "session-of-a-token",
        active,
        "bots@here",
    )
    assert ledger.run(Release(STAGE, active, ME)) is True


def test_after_a_wipe_the_first_who_registers_has_the_room(world, ledger, active):
    world.wipe()
    ledger.run(a_beat(active))

    assert beat(ledger, active - 1, owner=OTHER) is Beaten.SUPERSEDED
    assert beat(ledger, active, owner=OTHER) is Beaten.SUPERSEDED
    assert beat(ledger, active) is Beaten.KEPT


def test_after_a_wipe_a_later_epoch_takes_the_room_from_an_earlier_one(world, ledger, active):
    world.wipe()
    ledger.run(a_beat(active))

    assert beat(ledger, active + 1, owner=OTHER) is Beaten.REGISTERED
    assert beat(ledger, active) is Beaten.SUPERSEDED


def test_a_bot_whose_room_was_claimed_after_a_wipe_is_superseded(world, ledger, active):
    world.wipe()
    ledger.run(a_claim("another-token"))
    world.settle()
    ledger.run(a_claim("another-token"))

    assert beat(ledger, active) is Beaten.SUPERSEDED


def test_an_epoch_registered_again_is_never_given_a_second_time(world, ledger, active):
    world.wipe()
    ledger.run(a_beat(active + 10**9))  # a bot from a machine whose Redis had a clock ahead of this one's
    ledger.run(Release(STAGE, active + 10**9, ME))
    ledger.run(a_claim("another-token"))
    world.settle()

    assert ledger.run(a_claim("another-token")).epoch > active + 10**9


def test_a_bot_that_was_taken_over_is_superseded(world, ledger, active):
    taken = take_over(world, a_claim("another-token"))

    assert beat(ledger, active) is Beaten.SUPERSEDED
    assert ledger.run(ReadRoom(STAGE)).lease.epoch == taken.epoch


@pytest.mark.parametrize("is_withdrawn", [False, True])
def test_a_bot_whose_session_was_given_to_another_is_superseded(ledger, active, is_withdrawn):
    _, lease = ledger.run(Supersede(STAGE, "another-token"))
    if is_withdrawn:
        ledger.run(Withdraw(STAGE, lease.epoch))

    assert beat(ledger, active) is Beaten.SUPERSEDED
    assert (ledger.run(ReadRoom(STAGE)).lease is None) is is_withdrawn


def test_a_bot_is_superseded_though_the_claim_that_took_its_room_was_withdrawn(world, ledger, active):
    taken = take_over(world, of_bob("another-token"))
    ledger.run(Withdraw(STAGE, taken.epoch))

    assert beat(ledger, active) is Beaten.SUPERSEDED


# Releasing and withdrawing


def test_the_holder_releases_its_room_and_what_was_configured_there(ledger, active):
    ledger.run(WriteConfig(STAGE, active, {"voice": "deep"}))

    assert ledger.run(Release(STAGE, active, ME)) is True
    assert ledger.run(ReadRoom(STAGE)) == ledger.run(ReadRoom(CELLAR))
    assert isinstance(ledger.run(a_claim("another-token")), Claimed)


def test_releasing_twice_does_nothing(ledger, active):
    ledger.run(Release(STAGE, active, ME))
    ledger.run(a_claim("another-token"))

    assert ledger.run(Release(STAGE, active, ME)) is False
    assert ledger.run(ReadRoom(STAGE)).lease is not None


def test_a_beat_that_comes_after_its_release_registers_nothing(ledger, active):
    ledger.run(Release(STAGE, active, ME))

    assert beat(ledger, active) is Beaten.SUPERSEDED
    assert ledger.run(ReadRoom(STAGE)).lease is None


def test_a_release_that_is_refused_lets_the_holder_beat(ledger, active):
    ledger.run(Release(STAGE, active, OTHER))

    assert beat(ledger, active) is Beaten.KEPT


def test_nobody_else_releases_a_room(ledger, active):
    assert ledger.run(Release(STAGE, active, OTHER)) is False
    assert ledger.run(ReadRoom(STAGE)).lease.epoch == active


@pytest.mark.parametrize("difference", [-1, 1])
def test_the_same_owner_of_another_epoch_releases_nothing(ledger, active, difference):
    assert ledger.run(Release(STAGE, active + difference, ME)) is False
    assert ledger.run(ReadRoom(STAGE)).lease.epoch == active


def test_a_claim_nobody_adopted_is_not_released_by_a_bot(ledger, pending):
    assert ledger.run(Release(STAGE, pending, ME)) is False


def test_a_claim_that_nobody_adopted_can_be_withdrawn(ledger, pending):
    assert ledger.run(Withdraw(STAGE, pending)) is True
    assert ledger.run(Withdraw(STAGE, pending)) is False
    assert ledger.run(ReadRoom(STAGE)).lease is None


def test_an_adopted_claim_cannot_be_withdrawn(ledger, active):
    assert ledger.run(Withdraw(STAGE, active)) is False
    assert ledger.run(ReadRoom(STAGE)).lease.epoch == active


@pytest.mark.parametrize("difference", [-1, 1])
def test_a_claim_of_another_epoch_is_not_withdrawn(ledger, pending, difference):
    assert ledger.run(Withdraw(STAGE, pending + difference)) is False
    assert ledger.run(ReadRoom(STAGE)).lease.epoch == pending


# Holding


def test_what_is_known_of_a_claim_s_launches_is_kept_with_it(world, ledger, pending):
    lease = ledger.run(ReadRoom(STAGE)).lease
    assert (lease.tries, lease.tried_ms) == (1, 0)

    for tries in (0, 1):
        ledger.run(Hold(STAGE, pending, tries=tries))
        assert (ledger.run(ReadRoom(STAGE)).lease.tries, lease.tried_ms) == (tries, 0)
    ledger.run(Hold(STAGE, pending, tries=2))
    ledger.run(Hold(STAGE, pending))
    lease = ledger.run(ReadRoom(STAGE)).lease
    assert lease.tries == 2
    assert lease.tried_ms >= lease.since_ms
    ledger.run(Hold(STAGE, pending, tries=0))
    assert ledger.run(ReadRoom(STAGE)).lease.tried_ms == lease.tried_ms


def test_a_claim_is_never_held_for_less_than_it_lasts(world, ledger):
    pending = ledger.run(a_claim(lasts=timedelta(minutes=10))).epoch
    assert ledger.run(Hold(STAGE, pending)) is True
    world.pass_time(timedelta(minutes=9))

    assert ledger.run(ReadRoom(STAGE)).lease is not None


def test_whose_bot_is_superseded_has_been_launched_once(ledger, pending):
    ledger.run(Hold(STAGE, pending, tries=4))
    adopted(ledger)
    _, lease = ledger.run(Supersede(STAGE, "a-new-token"))

    assert (lease.tries, lease.tried_ms) == (1, 0)


def test_a_claim_that_is_held_lasts_longer(world, ledger, pending):
    world.pass_time(PENDING_FOR - A_MOMENT * 10)

    assert ledger.run(Hold(STAGE, pending, PENDING_FOR)) is True
    world.pass_time(PENDING_FOR - A_MOMENT * 10)
    assert adopt(ledger) is Adoption.ADOPTED


def test_a_claim_that_is_held_lapses_all_the_same_in_the_end(world, ledger, pending):
    ledger.run(Hold(STAGE, pending, PENDING_FOR))
    world.pass_time(PENDING_FOR)

    assert ledger.run(ReadRoom(STAGE)).lease is None
    assert ledger.run(Hold(STAGE, pending, PENDING_FOR)) is False


def test_an_adopted_claim_is_not_held(world, ledger, active):
    assert ledger.run(Hold(STAGE, active, timedelta(seconds=1))) is False
    world.pass_time(timedelta(seconds=1))
    assert ledger.run(ReadRoom(STAGE)).lease.epoch == active


@pytest.mark.parametrize("difference", [-1, 1])
def test_a_claim_of_another_epoch_is_not_held(ledger, pending, difference):
    assert ledger.run(Hold(STAGE, pending + difference, timedelta(hours=1))) is False


def test_whoever_finds_a_claim_is_known_to_have_asked_for_it(world, ledger, pending):
    before = ledger.run(ReadRoom(STAGE)).lease
    assert before.asked_ms == before.since_ms
    world.pass_time(timedelta(seconds=30))
    ledger.run(of_bob("another-token"))

    lease = ledger.run(ReadRoom(STAGE)).lease
    assert (
        timedelta(seconds=30)
        <= timedelta(milliseconds=lease.asked_ms - lease.since_ms)
        < timedelta(seconds=40)
    )
    world.pass_time(PENDING_FOR - timedelta(seconds=30))
    assert ledger.run(ReadRoom(STAGE)).lease is None  # asking alone does not make it last


def test_a_claim_says_how_long_it_was_to_last(ledger):
    ledger.run(a_claim(lasts=timedelta(seconds=5)))

    assert ledger.run(ReadRoom(STAGE)).lease.lasts == timedelta(seconds=5)


# Configuration


def test_changes_are_laid_over_the_configuration(ledger, active):
    ledger.run(WriteConfig(STAGE, active, {"voice": "deep", "language": "en"}))
    assert ledger.run(WriteConfig(STAGE, active, {"language": "de", "prompt": "Be “brief”.\n"})) is True

    config = ledger.run(ReadRoom(STAGE)).config
    assert config == {"voice": "deep", "language": "de", "prompt": "Be “brief”.\n"}


def test_null_takes_a_setting_back(ledger, active):
    ledger.run(WriteConfig(STAGE, active, {"voice": "deep", "language": "en"}))
    ledger.run(WriteConfig(STAGE, active, {"voice": None}))
    assert ledger.run(ReadRoom(STAGE)).config == {"language": "en"}

    ledger.run(WriteConfig(STAGE, active, {"language": None}))
    assert ledger.run(ReadRoom(STAGE)).config == {}


@pytest.mark.parametrize("difference", [-1, 1])
def test_a_configuration_for_another_epoch_is_refused(ledger, active, difference):
    assert ledger.run(WriteConfig(STAGE, active + difference, {"voice": "deep"})) is False
    assert ledger.run(ReadRoom(STAGE)).config == {}


def test_nothing_is_configured_in_an_empty_room(ledger):
    assert ledger.run(WriteConfig(STAGE, 1, {"voice": "deep"})) is False
    assert ledger.run(ReadRoom(STAGE)).config == {}


# When to look again


def test_a_beat_puts_off_the_next_look(world, ledger, active):
    ledger.run(SetDeadline(STAGE, timedelta(seconds=10)))
    ledger.run(a_beat(active))
    world.pass_time(STALE_AFTER - timedelta(seconds=5))
    assert ledger.run(OverdueRooms()) == []
    world.pass_time(timedelta(seconds=5) + A_MOMENT)

    assert ledger.run(OverdueRooms()) == [STAGE]


def test_steps_sent_together_are_done_in_order(ledger):
    claimed, view, withdrawn = ledger.run_all([a_claim(), ReadRoom(STAGE), Withdraw(STAGE, 1)])

    assert claimed.epoch == view.lease.epoch
    assert withdrawn is False


def test_what_a_bot_says_of_its_mind_is_read_with_its_room(ledger):
    ledger.run(a_claim())
    epoch = adopted(ledger)
    beat(ledger, epoch, mind=A_MIND)
    assert ledger.run(ReadRoom(STAGE)).mind == A_MIND

    beat(ledger, epoch)  # a bot of a version that does not say it

    assert ledger.run(ReadRoom(STAGE)).mind is None
