"""A bot hands its room to another, who is prepared: at any moment the room is exactly one's."""

from datetime import timedelta

import pytest

from greenroom.app.rooms.handovers import HandOver, HandoverTurn, Ready, Yield
from greenroom.app.rooms.leases import (
    ACTIVE_FOR,
    STALE_AFTER,
    Adopt,
    Adoption,
    Beaten,
    Found,
    Held,
    LeaseStatus,
    ReadRoom,
    Release,
    Successor,
    Supersede,
    Withdraw,
)
from greenroom.app.rooms.sessions import State
from tests.rigs.makers import CELLAR, ME, OTHER, STAGE, a_beat, a_claim, adopted, of_bob

SUCCESSOR = "the-successor-s-token"


@pytest.fixture
def active(ledger):
    """The epoch of a claim that ME has adopted."""
    ledger.run(a_claim())
    return adopted(ledger)


@pytest.fixture
def next_epoch(ledger, active):
    """That of the successor that ME has named."""
    return ledger.run(HandOver(STAGE, ME, active, SUCCESSOR))


@pytest.fixture
def ready(ledger, next_epoch):
    """The same, once OTHER is it, and is prepared."""
    assert adopt(ledger) == (Adoption.NEXT, next_epoch)
    assert prepare(ledger) is HandoverTurn.WAIT
    return next_epoch


def adopt(ledger, *, token=SUCCESSOR, owner=OTHER):
    return ledger.run(Adopt(STAGE, token, owner, "bots@there", "job"))


def prepare(ledger, *, token=SUCCESSOR, owner=OTHER):
    return ledger.run(Ready(STAGE, token, owner))


def give(ledger, epoch, *, owner=ME, state=State.LIVE):
    return ledger.run(Yield(STAGE, owner, epoch, state))


def test_a_room_goes_from_one_bot_to_the_next(ledger, active, ready):
    assert give(ledger, active, state=State.WAITING) == ready

    assert prepare(ledger) is HandoverTurn.YOURS
    assert prepare(ledger, owner=ME) is HandoverTurn.LAPSED
    view = ledger.run(ReadRoom(STAGE))
    lease = view.lease
    assert (lease.status, lease.owner, lease.epoch) == (LeaseStatus.ACTIVE, OTHER, ready)
    assert (lease.host, lease.job_id, lease.successor) == ("bots@there", "job", None)
    assert (lease.session_id, lease.brief.user_id) == ("session-of-a-token", "ada")
    assert (view.state, view.age < STALE_AFTER) == (State.WAITING, True)
    assert ledger.run(a_beat(ready, owner=OTHER))[0] is Beaten.KEPT
    assert ledger.run(a_beat(active))[0] is Beaten.SUPERSEDED
    assert ledger.run(Release(STAGE, active, ME)) is False
    assert ledger.run(Release(STAGE, ready, OTHER)) is True


def test_until_it_yields_the_bot_has_its_room(ledger, active, ready):
    lease = ledger.run(ReadRoom(STAGE)).lease
    assert (lease.status, lease.owner, lease.epoch) == (LeaseStatus.HANDING_OVER, ME, active)
    assert lease.successor == Successor(ready, is_ready=True)

    assert ledger.run(a_beat(active))[0] is Beaten.KEPT
    assert isinstance(ledger.run(of_bob("another-token")), Held)
    assert ledger.run(ReadRoom(STAGE)).lease.successor == Successor(ready, is_ready=True)


def test_the_successor_s_epoch_is_higher_and_not_given_to_anybody_else(ledger, active, next_epoch):
    assert next_epoch > active
    _, lease = ledger.run(Supersede(STAGE, "a-new-token"))

    assert lease.epoch > next_epoch


def test_only_who_has_the_room_names_a_successor(ledger, active):
    assert ledger.run(HandOver(STAGE, OTHER, active, SUCCESSOR)) is None
    assert ledger.run(HandOver(STAGE, ME, active - 1, SUCCESSOR)) is None
    assert ledger.run(HandOver(STAGE, ME, active + 1, SUCCESSOR)) is None
    assert ledger.run(HandOver(CELLAR, ME, active, SUCCESSOR)) is None
    assert ledger.run(ReadRoom(STAGE)).lease.status is LeaseStatus.ACTIVE
    assert ledger.run(ReadRoom(STAGE)).lease.successor is None


def test_naming_a_successor_twice_is_once(ledger, active, ready):
    assert ledger.run(HandOver(STAGE, ME, active, SUCCESSOR)) == ready
    assert ledger.run(ReadRoom(STAGE)).lease.successor == Successor(ready, is_ready=True)


def test_another_successor_takes_the_place_of_the_first(ledger, active, ready):
    again = ledger.run(HandOver(STAGE, ME, active, "another-successor"))

    assert again > ready
    assert prepare(ledger) is HandoverTurn.LAPSED
    assert adopt(ledger) == (Adoption.LAPSED, 0)
    assert give(ledger, active) is None
    assert adopt(ledger, token="another-successor", owner="bots@there/job/3") == (Adoption.NEXT, again)


def test_a_successor_is_one_however_often_it_is_launched(ledger, next_epoch):
    outcomes = [adopt(ledger, owner=f"bots@there/job/{number}") for number in range(5)]

    assert outcomes == [(Adoption.NEXT, next_epoch)] + [(Adoption.TAKEN, 0)] * 4
    assert adopt(ledger, owner="bots@there/job/0") == (Adoption.NEXT, next_epoch)


def test_who_was_not_launched_is_nobody_s_successor(ledger, active, next_epoch):
    assert prepare(ledger) is HandoverTurn.LAPSED  # it has not adopted
    adopt(ledger)
    assert prepare(ledger, token="a-guess") is HandoverTurn.LAPSED
    assert prepare(ledger, owner=ME) is HandoverTurn.LAPSED
    assert ledger.run(ReadRoom(STAGE)).lease.successor == Successor(next_epoch, is_ready=False)


def test_a_room_is_not_given_to_who_is_not_prepared(ledger, active, next_epoch):
    assert give(ledger, active) is None
    adopt(ledger)
    assert give(ledger, active) is None
    assert ledger.run(a_beat(active))[0] is Beaten.KEPT


@pytest.mark.parametrize("difference", [-1, 1])
def test_only_who_has_the_room_yields_it(ledger, active, ready, difference):
    assert give(ledger, active, owner=OTHER) is None
    assert give(ledger, active + difference) is None
    assert ledger.run(ReadRoom(STAGE)).lease.owner == ME


def test_nobody_yields_without_a_successor(ledger, active):
    assert give(ledger, active) is None
    assert ledger.run(a_beat(active))[0] is Beaten.KEPT


def test_yielding_twice_is_once(ledger, active, ready):
    assert [give(ledger, active), give(ledger, active)] == [ready, ready]
    assert ledger.run(a_beat(ready, owner=OTHER))[0] is Beaten.KEPT
    assert give(ledger, active) == ready


def test_who_has_yielded_has_nothing_to_give_when_a_third_has_the_room(ledger, active, ready):
    give(ledger, active)
    _, lease = ledger.run(Supersede(STAGE, "a-new-token", owner=OTHER))

    assert give(ledger, active) is None
    assert ledger.run(ReadRoom(STAGE)).lease == lease


def test_a_successor_hands_over_in_its_turn(ledger, active, ready):
    give(ledger, active)
    third = ledger.run(HandOver(STAGE, OTHER, ready, "third"))
    assert adopt(ledger, token="third", owner=ME) == (Adoption.NEXT, third)
    assert prepare(ledger, token="third", owner=ME) is HandoverTurn.WAIT

    assert give(ledger, ready, owner=OTHER) == third
    assert prepare(ledger, token="third", owner=ME) is HandoverTurn.YOURS
    assert prepare(ledger) is HandoverTurn.LAPSED


def test_a_bot_that_dies_while_it_hands_over_is_superseded_and_its_successor_with_it(ledger, active, ready):
    _, lease = ledger.run(Supersede(STAGE, "a-new-token", owner=ME))

    assert (lease.status, lease.successor) == (LeaseStatus.PENDING, None)
    assert prepare(ledger) is HandoverTurn.LAPSED
    assert adopt(ledger) == (Adoption.LAPSED, 0)
    assert give(ledger, active) is None
    assert adopted(ledger, "a-new-token", owner="bots@there/job/3") == lease.epoch


def test_a_bot_that_leaves_while_it_hands_over_leaves_nothing_to_its_successor(ledger, active, ready):
    assert ledger.run(Release(STAGE, active, ME)) is True

    assert prepare(ledger) is HandoverTurn.LAPSED
    assert give(ledger, active) is None


def test_a_room_that_is_being_handed_over_is_not_withdrawn(ledger, active, ready):
    assert ledger.run(Withdraw(STAGE, active)) is False
    assert ledger.run(Withdraw(STAGE, ready)) is False


def test_after_a_wipe_the_bot_has_its_room_again_and_its_successor_nothing(world, ledger, active, ready):
    world.wipe()
    assert prepare(ledger) is HandoverTurn.LAPSED
    assert give(ledger, active) is None

    assert ledger.run(a_beat(active))[0] is Beaten.REGISTERED
    assert prepare(ledger) is HandoverTurn.LAPSED
    world.pass_time(timedelta(milliseconds=1))
    assert ledger.run(HandOver(STAGE, ME, active, "another-successor")) > ready


def test_a_successor_that_beats_has_the_room_though_redis_forgot_that_it_was_given(ledger, active, ready):
    """Redis was restored from a copy that is older than the moment in which the room changed hands."""
    assert ledger.run(a_beat(ready, owner=OTHER))[0] is Beaten.REGISTERED

    assert ledger.run(a_beat(active))[0] is Beaten.SUPERSEDED
    assert ledger.run(ReadRoom(STAGE)).lease.owner == OTHER


def test_what_was_handed_over_lasts_as_long_as_what_was_adopted(world, ledger, active, ready):
    world.pass_time(ACTIVE_FOR - timedelta(minutes=1))
    give(ledger, active)
    world.pass_time(ACTIVE_FOR - timedelta(minutes=1))
    assert ledger.run(ReadRoom(STAGE)).lease.epoch == ready
    world.pass_time(timedelta(minutes=1))

    assert ledger.run(ReadRoom(STAGE)).lease is None


def test_nobody_yields_to_a_successor_that_is_known_to_be_dead(ledger):
    """The room was given to the dead, and without a voice until it was missed, half a minute later."""
    epoch = ledger.run(a_claim()).epoch
    assert ledger.run(Adopt(STAGE, "a-token", ME, "bots@here", "1"))[0] is Adoption.ADOPTED
    ledger.run(HandOver(STAGE, ME, epoch, "next"))
    ledger.run(Adopt(STAGE, "next", OTHER, "bots@there", "2"))
    ledger.run(Ready(STAGE, "next", OTHER))

    finding, _ = ledger.run(Supersede(STAGE, "relaunch", owner=OTHER))

    assert finding is Found.OTHER
    assert ledger.run(Yield(STAGE, ME, epoch, State.LIVE)) is None
    lease = ledger.run(ReadRoom(STAGE)).lease
    assert (lease.status, lease.owner, lease.successor) == (LeaseStatus.ACTIVE, ME, None)
