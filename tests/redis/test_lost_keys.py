"""Single keys that go missing: Redis is restored from an old copy, or somebody deletes what is not theirs."""

import pytest

from greenroom.app.rooms.leases import (
    DOUBT_LASTS,
    STALE_AFTER,
    Beaten,
    Claimed,
    Found,
    NotYet,
    ReadRoom,
    Supersede,
)
from greenroom.app.storage import keys
from tests.rigs.makers import STAGE, a_beat, a_claim, adopted, of_bob
from tests.rigs.redis_world import pass_time


@pytest.fixture
def active(ledger):
    ledger.run(a_claim())
    return adopted(ledger)


def reaped(ledger):
    return ledger.run(Supersede(STAGE, "a-new-token", quiet_for=STALE_AFTER, raises_doubt=True))[0]


def test_a_bot_without_a_keepalive_is_doubted_and_then_taken_over(ledger, server, redis_url, active):
    server.delete(keys.keepalive(STAGE))
    assert ledger.run(of_bob("another-token")) == NotYet(DOUBT_LASTS)
    pass_time(redis_url, DOUBT_LASTS)

    outcome = ledger.run(of_bob("another-token"))

    assert isinstance(outcome, Claimed)
    assert outcome.took_over == "session-of-a-token"
    assert outcome.epoch > active


def test_a_bot_without_a_keepalive_is_doubted_and_then_reaped(ledger, server, redis_url, active):
    server.delete(keys.keepalive(STAGE))
    assert reaped(ledger) is Found.DOUBTED
    pass_time(redis_url, DOUBT_LASTS)

    assert reaped(ledger) is Found.SUPERSEDED


def test_a_bot_without_a_keepalive_that_beats_has_one_again(ledger, server, active):
    server.delete(keys.keepalive(STAGE))
    reaped(ledger)

    assert ledger.run(a_beat(active))[0] is Beaten.KEPT
    assert ledger.run(ReadRoom(STAGE)).age is not None
    assert reaped(ledger) is Found.ALIVE


def test_a_bot_whose_lease_alone_is_gone_has_its_room_again(ledger, server, active):
    server.delete(keys.lease(STAGE))

    assert ledger.run(a_beat(active))[0] is Beaten.REGISTERED
    assert ledger.run(ReadRoom(STAGE)).lease.epoch == active


def test_a_bot_whose_epoch_alone_is_gone_keeps_its_room(ledger, server, active):
    server.delete(keys.epoch(STAGE))

    assert ledger.run(a_beat(active))[0] is Beaten.KEPT
    assert reaped(ledger) is Found.ALIVE
