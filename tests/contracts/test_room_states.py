"""What is open in a room: written by the bot that has it, and by nobody else."""

from datetime import timedelta

import pytest

from greenroom.app.rooms.handovers import HandOver, Ready, Yield
from greenroom.app.rooms.leases import ACTIVE_FOR, PENDING_FOR, Adopt, Claimed, Release, Supersede, Withdraw
from greenroom.app.rooms.room_states import Open, Opened, ReadState, WriteState
from greenroom.app.rooms.sessions import State
from tests.contracts.takeovers import take_over
from tests.rigs.makers import CELLAR, ME, OTHER, STAGE, a_beat, a_claim, adopted

A_NOTE = Opened({"id": "n-1", "title": "Groceries — näch"}, "ann")
AN_APPLET = Opened({"id": "clock"}, "bob")


@pytest.fixture
def active(ledger):
    """The epoch of a room that is ME's."""
    ledger.run(a_claim())
    return adopted(ledger)


def write(ledger, epoch, owner=ME, room=STAGE, **changes):
    named = {Open[name.upper()]: it for name, it in changes.items()}
    return ledger.run(WriteState(room, epoch, owner, named))


def state(ledger, room=STAGE):
    return ledger.run(ReadState(room))


def test_nothing_is_open_at_first(ledger, active):
    assert state(ledger) == {}


def test_what_was_opened_is_found_with_its_owner(ledger, active):
    assert write(ledger, active, note=A_NOTE, applet=AN_APPLET, desktop=Opened(True, "ann"))

    assert state(ledger) == {Open.NOTE: A_NOTE, Open.APPLET: AN_APPLET, Open.DESKTOP: Opened(True, "ann")}
    assert state(ledger, CELLAR) == {}


def test_a_change_touches_nothing_else(ledger, active):
    write(ledger, active, note=A_NOTE, applet=AN_APPLET)

    assert write(ledger, active, note=None, desktop=Opened("full", "bob"))

    assert state(ledger) == {Open.APPLET: AN_APPLET, Open.DESKTOP: Opened("full", "bob")}


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}, {"a": [1, {"b": None}]}])
def test_any_value_comes_back_as_it_was(ledger, active, value):
    write(ledger, active, desktop=Opened(value, "ann"))

    assert state(ledger) == {Open.DESKTOP: Opened(value, "ann")}


def test_closing_twice_is_fine(ledger, active):
    assert write(ledger, active, note=None)
    assert write(ledger, active, note=None)


def test_only_the_rooms_own_bot_writes(ledger, active):
    assert not write(ledger, active, owner=OTHER, note=A_NOTE)
    assert not write(ledger, active - 1, note=A_NOTE)
    assert not write(ledger, active + 1, note=A_NOTE)
    assert not write(ledger, active, room=CELLAR, note=A_NOTE)

    assert state(ledger) == {}


def test_a_refused_change_closes_nothing(ledger, active):
    write(ledger, active, note=A_NOTE)

    assert not write(ledger, active, owner=OTHER, note=None)

    assert state(ledger) == {Open.NOTE: A_NOTE}


def test_nobody_writes_where_a_claim_is_pending(ledger):
    epoch = ledger.run(a_claim()).epoch

    assert not write(ledger, epoch, owner="", note=A_NOTE)


def test_the_state_outlives_its_bot_and_is_the_next_ones_to_write(ledger, active):
    write(ledger, active, note=A_NOTE)

    _, lease = ledger.run(Supersede(STAGE, "the-next", owner=ME, epoch=active))

    assert not write(ledger, active, note=None)
    assert state(ledger) == {Open.NOTE: A_NOTE}
    assert adopted(ledger, "the-next", owner=OTHER) == lease.epoch
    assert write(ledger, lease.epoch, owner=OTHER, note=None)


def test_who_hands_a_room_over_writes_until_it_yields(ledger, active):
    epoch = ledger.run(HandOver(STAGE, ME, active, "the-next"))
    ledger.run(Adopt(STAGE, "the-next", OTHER, "bots@there", "job"))
    ledger.run(Ready(STAGE, "the-next", OTHER))
    assert write(ledger, active, note=A_NOTE)
    assert not write(ledger, epoch, owner=OTHER, note=None)

    ledger.run(Yield(STAGE, ME, active, State.LIVE))

    assert not write(ledger, active, note=None)
    assert state(ledger) == {Open.NOTE: A_NOTE}
    assert write(ledger, epoch, owner=OTHER, note=None)


def test_the_state_goes_when_the_bot_leaves(ledger, active):
    write(ledger, active, note=A_NOTE, applet=AN_APPLET, desktop=Opened(True, "ann"))

    ledger.run(Release(STAGE, active, ME))

    assert state(ledger) == {}


def test_the_state_stays_when_another_tries_to_release(ledger, active):
    write(ledger, active, note=A_NOTE)

    ledger.run(Release(STAGE, active, OTHER))

    assert state(ledger) == {Open.NOTE: A_NOTE}


def test_a_withdrawn_claim_leaves_nothing_open(ledger, active):
    write(ledger, active, note=A_NOTE)
    _, lease = ledger.run(Supersede(STAGE, "the-next", owner=ME, epoch=active))

    ledger.run(Withdraw(STAGE, lease.epoch))

    assert state(ledger) == {}


def test_another_session_finds_nothing_of_the_one_before(world, ledger, active):
    ledger.run(a_beat(active))
    write(ledger, active, note=A_NOTE)

    taken = take_over(world, a_claim("another", user_id="bob"))

    assert isinstance(taken, Claimed)
    assert state(ledger) == {}


def test_the_same_user_who_is_back_finds_what_was_open(world, ledger, active):
    ledger.run(a_beat(active))
    write(ledger, active, note=A_NOTE)

    take_over(world, a_claim("again"))

    assert state(ledger) == {Open.NOTE: A_NOTE}


def test_a_session_that_nobody_took_up_again_leaves_nothing_to_the_next(world, ledger, active):
    write(ledger, active, note=A_NOTE)
    ledger.run(Supersede(STAGE, "the-next", owner=ME, epoch=active))
    world.pass_time(PENDING_FOR)

    assert isinstance(ledger.run(a_claim("another", user_id="bob")), Claimed)

    assert state(ledger) == {}


def test_what_is_open_is_kept_for_a_day(world, ledger, active):
    write(ledger, active, note=A_NOTE)
    world.pass_time(ACTIVE_FOR - timedelta(minutes=1))
    assert state(ledger) == {Open.NOTE: A_NOTE}

    world.pass_time(timedelta(minutes=1))

    assert state(ledger) == {}
