"""Single keys that go missing: Redis is restored from an old copy, or somebody deletes what is not theirs."""

import pytest

from app.rooms.steps import Adopt, Beaten, Claimed, Finding, ReadRoom, Reap
from app.storage import keys
from tests.makers import ME, STAGE, a_beat, a_claim


@pytest.fixture
def active(ledger):
    epoch = ledger.run(a_claim()).epoch
    ledger.run(Adopt(STAGE, "a-token", epoch, ME, "h", "j"))
    return epoch


def test_a_bot_without_a_keepalive_is_not_found_but_taken_over(ledger, server, active):
    server.delete(keys.keepalive(STAGE))

    outcome = ledger.run(a_claim("another-token"))

    assert isinstance(outcome, Claimed)
    assert outcome.took_over == "session-of-a-token"
    assert outcome.epoch > active


def test_a_bot_without_a_keepalive_is_reaped(ledger, server, active):
    server.delete(keys.keepalive(STAGE))

    assert ledger.run(Reap(STAGE))[0] is Finding.REAPED


def test_a_bot_without_a_keepalive_that_beats_has_one_again(ledger, server, active):
    server.delete(keys.keepalive(STAGE))

    assert ledger.run(a_beat(active)) is Beaten.KEPT
    assert ledger.run(ReadRoom(STAGE)).age is not None


def test_a_bot_whose_lease_alone_is_gone_has_its_room_again(ledger, server, active):
    server.delete(keys.lease(STAGE))

    assert ledger.run(a_beat(active)) is Beaten.REGISTERED
    assert ledger.run(ReadRoom(STAGE)).lease.epoch == active


def test_a_bot_whose_epoch_alone_is_gone_keeps_its_room(ledger, server, active):
    server.delete(keys.epoch(STAGE))

    assert ledger.run(a_beat(active)) is Beaten.KEPT
    assert ledger.run(Reap(STAGE))[0] is Finding.ALIVE
