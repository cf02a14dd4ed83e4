"""Rules that no run of the model can tell apart from their absence, because others cover for them most of the time."""

import json
import time
from datetime import timedelta

import pytest

from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.endings import end
from greenroom.app.rooms.inbox import Receive, Send
from greenroom.app.rooms.leases import (
    LOOKS_EVERY,
    SETTLES_WITHIN,
    Adopt,
    Beat,
    Claimed,
    Found,
    Hold,
    Lease,
    LeaseStatus,
    NotYet,
    Supersede,
)
from greenroom.app.rooms.sessions import STARTS_WITHIN, ReadSession, Reason
from greenroom.app.rooms.workers import Host
from tests.model.world import HOSTS, QUEUE, ROOMS
from tests.rigs.makers import ME, STAGE, a_claim

SECOND = timedelta(seconds=1)


@pytest.fixture
def world(new_world):
    return new_world()


@pytest.fixture
def epoch(world):
    """Of a room that ME has adopted."""
    epoch = world.ledger.run(a_claim()).epoch
    world.ledger.run(Adopt(STAGE, "a-token", ME, "bots@here", "job"))
    return epoch


@pytest.fixture
def bot(world):
    """The only one, live."""
    world.report(HOSTS[0])
    world.join(ROOMS[0], "ada")
    bot = world.deliver(HOSTS[0])
    bot.go_live()
    return bot


def beat(epoch):
    lease = Lease(LeaseStatus.ACTIVE, "session-of-a-token", epoch, since_ms=1)
    return Beat(STAGE, ME, epoch, "session-of-a-token", "live", lease)


def claim_of_an_impatient():
    return a_claim("another", stale_after=SECOND)


def supersede(world):
    return world.ledger.run(Supersede(STAGE, "another", quiet_for=SECOND, raises_doubt=True))[0]


def test_a_doubt_is_over_when_the_bot_is_heard_for_who_claims(world, epoch):
    world.look(after_ms=2000)
    assert isinstance(world.ledger.run(claim_of_an_impatient()), NotYet)
    world.look(after_ms=3000)
    world.ledger.run(beat(epoch))
    world.look(after_ms=2000)

    assert isinstance(world.ledger.run(claim_of_an_impatient()), NotYet)
    world.look(after_ms=4500)
    assert isinstance(world.ledger.run(claim_of_an_impatient()), Claimed)


def test_a_doubt_is_over_when_the_bot_is_heard_for_who_reaps(world, epoch):
    world.look(after_ms=2000)
    assert supersede(world) is Found.DOUBTED
    world.look(after_ms=3000)
    world.ledger.run(beat(epoch))
    world.look(after_ms=2000)

    assert supersede(world) is Found.DOUBTED
    world.look(after_ms=4500)
    assert supersede(world) is Found.SUPERSEDED


def test_only_a_claim_is_held(world, epoch):
    lasts = world.server.pttl(f"room_active:{{{STAGE}}}")

    assert world.ledger.run(Hold(STAGE, epoch, SECOND)) is False
    assert world.server.pttl(f"room_active:{{{STAGE}}}") > lasts / 2


def test_a_lost_launch_comes_again_in_front_of_those_that_never_had_a_bot(world):
    world.report(HOSTS[0])
    world.join(ROOMS[0], "ada")
    world.server.delete(QUEUE)
    world.look(after_ms=STARTS_WITHIN // timedelta(milliseconds=1))
    world.join(ROOMS[1], "bob")
    world.reap()

    rooms = [json.loads(message)[0] for message in world.server.lrange(QUEUE, 0, -1)]
    assert rooms[-1] == world.look().lease(ROOMS[0])["session_id"]  # who takes, takes from the right
    assert len(rooms) == 2


def test_a_session_that_was_given_up_before_it_started_has_no_bot_and_its_room_is_free(world):
    """Whoever gave it up died before the room was free again."""
    world.report(HOSTS[0])
    session = world.ledger.run(ReadSession(world.join(ROOMS[0], "ada").session_id))
    end(world.ledger, session, Reason.LEFT)

    assert world.deliver(HOSTS[0]) is None
    assert world.look().lease(ROOMS[0]) == {}


def test_a_message_that_a_beat_and_the_inbox_have_brought_is_obeyed_once(world, bot):
    world.command(bot.session.id)
    bot.beat()
    bot.inbox.read_from_start()  # as when the reply to a beat got lost
    bot.obey()

    assert (world.applied, world.wrong) == ([1], [])


@pytest.mark.parametrize("why_not", ["for the bot before", "expired"])
def test_a_bot_obeys_what_was_sent_to_it_and_has_not_expired(world, bot, why_not):
    world.command(bot.session.id, older=why_not == "for the bot before")
    if why_not == "expired":
        world.look(after_ms=11_000)
    world.command(bot.session.id)
    bot.obey()

    assert (world.applied, world.wrong) == ([2], [])


def test_a_worker_that_drains_has_no_free_slot():
    assert Host("h", "bots", slots=4, used=1, incarnation="1").free == 3
    assert Host("h", "bots", slots=4, used=1, incarnation="1", draining=True).free == 0


@pytest.mark.parametrize("by", [-3600, 3600])
def test_nothing_expires_by_a_worker_s_clock(world, monkeypatch, by):
    world.ledger.run(Send("a-session", "do", {}, 7, good_for=timedelta(seconds=60)))
    world.ledger.run(Send("a-session", "do", {}, 7, good_for=timedelta(seconds=-60)))
    seconds, _ = world.server.time()
    real, real_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: real() + by)
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + by * 10**9)

    assert [message.expired for message in world.ledger.run(Receive("a-session", "0", 0 * SECOND))] == [
        False,
        True,
    ]
    assert abs(world.ledger.run(Now()) - seconds * 1000) < 600_000


def test_a_free_room_is_given_soon_after_the_clock_was_set_back(world):
    """Redis was thought to remember nothing until the clock was where it had been: every join was refused."""
    world.server.set("memory", f"3000 {(world.server.time()[0] + 3600) * 1000}")

    for _ in range(SETTLES_WITHIN // LOOKS_EVERY):
        assert isinstance(world.ledger.run(a_claim()), NotYet)
        world.look(after_ms=LOOKS_EVERY // timedelta(milliseconds=1))
    assert isinstance(world.ledger.run(a_claim()), Claimed)
