"""A session goes on with another bot: the one that had the room has died, or gives it up."""

from datetime import timedelta

import pytest

from greenroom.app.rooms.leases import (
    PARKED_FOR,
    PENDING_FOR,
    STALE_AFTER,
    Adopt,
    Adoption,
    Beaten,
    Found,
    Held,
    LeaseStatus,
    ReadRoom,
    Release,
    Supersede,
    Withdraw,
    WriteConfig,
)
from greenroom.app.rooms.sessions import State
from tests.rigs.makers import CELLAR, ME, OTHER, STAGE, a_beat, a_brief, a_claim, adopted, of_bob

A_SECOND = timedelta(seconds=1)


@pytest.fixture
def active(ledger):
    """The epoch of a claim that ME has adopted."""
    ledger.run(a_claim())
    return adopted(ledger)


def test_the_session_goes_on_under_a_higher_epoch_and_with_a_token_to_adopt(ledger, active):
    finding, lease = ledger.run(Supersede(STAGE, "a-new-token", owner=ME))

    assert finding is Found.SUPERSEDED
    assert (lease.session_id, lease.status, lease.token) == (
        "session-of-a-token",
        LeaseStatus.PENDING,
        "a-new-token",
    )
    assert (lease.owner, lease.host, lease.job_id) == (None, None, None)
    assert lease.brief == a_brief()
    assert lease.epoch > active
    view = ledger.run(ReadRoom(STAGE))
    assert (view.lease, view.age) == (lease, None)
    assert adopted(ledger, "a-new-token", owner=OTHER) == lease.epoch


def test_the_token_that_the_dead_bot_had_adopted_is_worth_nothing_any_more(ledger, active):
    ledger.run(Supersede(STAGE, "a-new-token"))

    assert ledger.run(Adopt(STAGE, "a-token", ME, "h", "j"))[0] is Adoption.LAPSED
    assert ledger.run(a_beat(active))[0] is Beaten.SUPERSEDED
    assert ledger.run(Release(STAGE, active, ME)) is False


def test_superseding_twice_with_one_token_is_once(ledger, active):
    once = ledger.run(Supersede(STAGE, "a-new-token", owner=ME, epoch=active))

    assert ledger.run(Supersede(STAGE, "a-new-token", owner=ME, epoch=active)) == once
    adopted(ledger, "a-new-token", owner=OTHER)
    finding, lease = ledger.run(Supersede(STAGE, "a-new-token", owner=ME, epoch=active))
    assert (finding, lease.epoch, lease.owner) == (Found.SUPERSEDED, once[1].epoch, OTHER)


def test_who_supersedes_second_finds_the_first_one_s_claim(ledger, active):
    _, first = ledger.run(Supersede(STAGE, "a-new-token"))

    finding, lease = ledger.run(Supersede(STAGE, "yet-another-token"))

    assert finding is Found.PENDING
    assert (lease.token, lease.epoch) == ("a-new-token", first.epoch)


def test_a_free_room_is_nobody_s_to_supersede(ledger):
    assert ledger.run(Supersede(STAGE, "a-new-token")) == (Found.FREE, None)
    assert ledger.run(ReadRoom(STAGE)).lease is None


def test_a_claim_that_may_still_be_adopted_is_left_alone(ledger):
    ledger.run(a_claim())

    finding, lease = ledger.run(Supersede(STAGE, "a-new-token"))

    assert finding is Found.PENDING
    assert lease.token == "a-token"
    adopted(ledger)


@pytest.mark.parametrize("difference", [-1, 1])
def test_only_the_bot_that_is_named_is_superseded(ledger, active, difference):
    for named in (
        {"owner": OTHER},
        {"epoch": active + difference},
        {"owner": ME, "epoch": active + difference},
    ):
        finding, lease = ledger.run(Supersede(STAGE, "a-new-token", **named))
        assert finding is Found.OTHER
        assert lease.epoch == active
    assert ledger.run(a_beat(active))[0] is Beaten.KEPT


def test_a_bot_that_was_heard_lately_is_not_superseded_by_who_wants_it_quiet(world, ledger, active):
    world.pass_time(STALE_AFTER - timedelta(seconds=5))

    finding, lease = ledger.run(Supersede(STAGE, "a-new-token", quiet_for=STALE_AFTER))

    assert (finding, lease.epoch) == (Found.ALIVE, active)
    assert ledger.run(a_beat(active))[0] is Beaten.KEPT


def test_a_bot_that_was_quiet_for_so_long_is_superseded_at_once_unless_it_is_doubted_first(
    world, ledger, active
):
    world.pass_time(A_SECOND * 4)

    assert ledger.run(Supersede(STAGE, "a-new-token", quiet_for=A_SECOND * 3.6))[0] is Found.SUPERSEDED


def test_who_is_known_to_be_dead_is_superseded_however_lately_it_was_heard(ledger, active):
    ledger.run(a_beat(active))

    assert ledger.run(Supersede(STAGE, "a-new-token", owner=ME))[0] is Found.SUPERSEDED


@pytest.mark.parametrize(("lasts", "of_step"), [(PENDING_FOR, {}), (PARKED_FOR, {"lasts": PARKED_FOR})])
def test_the_claim_of_the_next_bot_lapses_like_any_other(world, ledger, active, lasts, of_step):
    _, lease = ledger.run(Supersede(STAGE, "a-new-token", **of_step))
    assert lease.lasts == lasts
    world.pass_time(lasts - A_SECOND * 2)
    assert isinstance(ledger.run(of_bob("another-token")), Held)
    world.pass_time(A_SECOND * 2)

    assert ledger.run(ReadRoom(STAGE)).lease is None
    assert ledger.run(a_claim("another-token")).epoch > lease.epoch


def test_the_configuration_of_the_room_goes_on_with_the_session(ledger, active):
    ledger.run(WriteConfig(STAGE, active, {"voice": "deep"}))
    ledger.run(Supersede(STAGE, "a-new-token"))

    assert ledger.run(ReadRoom(STAGE)).config == {"voice": "deep"}


def test_the_claim_of_the_next_bot_can_be_withdrawn(ledger, active):
    _, lease = ledger.run(Supersede(STAGE, "a-new-token"))
    assert ledger.run(Withdraw(STAGE, active)) is False

    assert ledger.run(Withdraw(STAGE, lease.epoch)) is True
    assert ledger.run(ReadRoom(STAGE)) == ledger.run(ReadRoom(CELLAR))


def test_a_session_may_be_given_to_one_bot_after_another(ledger, active):
    epochs = [active]
    for number in range(5):
        _, lease = ledger.run(Supersede(STAGE, f"token-{number}", epoch=epochs[-1]))
        adopted(ledger, f"token-{number}")
        epochs.append(lease.epoch)

    assert epochs == sorted(set(epochs))
    assert ledger.run(a_beat(epochs[-1], state=State.LIVE))[0] is Beaten.KEPT
