"""What another version of us left in Redis: nobody stumbles over it."""

import json

import pytest

from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.rooms.brief import NOBODYS
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.leases import Claimed, ReadRoom
from greenroom.app.rooms.session_lists import ReadSessions
from greenroom.app.rooms.sessions import ReadSession, State, Succeed, Transition
from greenroom.app.storage import keys
from tests.rigs.makers import STAGE, a_claim, a_session, adopted

BEFORE = {"user_id": "ada", "bot": "assistant", "personality": "host", "mode": "voice"}


@pytest.fixture
def old_record(ledger, server):
    ledger.run(Create(a_session()))
    record = keys.session("a-session")
    server.hdel(record, "brief")
    server.hset(record, mapping=BEFORE)


@pytest.mark.parametrize(
    "step",
    [ReadSession("a-session"), Transition("a-session", State.LEAVING, 7), Succeed("a-session", 8, "lost")],
)
def test_a_record_without_a_brief_is_of_nobody_we_know(ledger, old_record, step):
    with pytest.raises(NoSuchSession):
        ledger.run(step)


def test_it_is_left_out_of_a_list(ledger, old_record):
    ledger.run(Create(a_session("another")))

    first, second = ledger.run(ReadSessions(("a-session", "another")))

    assert (first, second.id) == (None, "another")


def test_a_lease_without_a_brief_is_held_until_its_bot_is_dead(ledger, server):
    ledger.run(a_claim())
    adopted(ledger)
    card = json.loads(server.get(keys.lease(STAGE)))
    del card["brief"]
    server.set(
        keys.lease(STAGE), json.dumps({**card, "user": "ada", "bot": "assistant", "doubted": 1}), ex=60
    )

    assert ledger.run(a_claim("a-second-token")).lease.brief == NOBODYS
    server.delete(keys.keepalive(STAGE))
    wait = ledger.run(a_claim("a-second-token"))  # its bot is doubted
    card = json.loads(server.get(keys.lease(STAGE)))
    server.set(keys.lease(STAGE), json.dumps({**card, "doubted": card["doubted"] - 5000}), ex=60)

    outcome = ledger.run(a_claim("a-second-token"))

    assert wait.wait.total_seconds() > 0
    assert isinstance(outcome, Claimed) and outcome.took_over == "session-of-a-token"
    assert ledger.run(ReadRoom(STAGE)).lease.brief.user_id == "ada"
