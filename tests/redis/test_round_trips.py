"""How often a process waits for Redis: what a caller, a bot and a worker do most is one round trip each."""

import pytest
import redis

from greenroom.app.rooms.conversations import Record, Turn
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.joining import Joining
from greenroom.app.rooms.line_upkeep import GIVES_WAY_AFTER, Positions, free_slots
from greenroom.app.rooms.overview import Overview
from greenroom.app.rooms.reaping import Reaper
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import State, Transition
from greenroom.app.rooms.sweeping import ORPHANED_AFTER, sweep
from greenroom.app.rooms.workers import Host, Report
from greenroom.app.storage.ledger import RedisLedger
from tests.fakes.launches import RememberedLaunches
from tests.rigs.makers import ME, a_beat, a_claim, a_session, adopted, an_order
from tests.rigs.redis_world import pass_time


@pytest.fixture
def ledger(redis_url, server):
    ledger = RedisLedger(redis_url)
    ledger.run(Report(Host("bots@here", "bots", 4, 0, "1")))
    yield ledger
    ledger.close()


@pytest.fixture
def trips(monkeypatch):
    """How many times something was sent."""
    sent = []
    send = redis.connection.AbstractConnection.send_packed_command

    def counting(connection, command, check_health=True):
        sent.append(command)
        return send(connection, command, check_health)

    monkeypatch.setattr(redis.connection.AbstractConnection, "send_packed_command", counting)
    return sent


def tell_positions(ledger):
    Positions(ledger).tell()


def inherit_bots_that_live(ledger):
    """A worker comes back under its name, and all the bots that it held before still beat."""
    held = {f"session-of-token-{number}": ME for number in range(30)}
    assert len(Reaper(ledger, RememberedLaunches()).inherit("bots@stage", held)) == 30


@pytest.mark.parametrize(
    ("what", "at_most"),
    [
        ("join", 2),  # claim and place; record, launch and deadline
        ("join a room whose bot is starting", 3),  # claim; session and place; the claim is held
        ("beat", 1),
        ("turn", 1),
        ("report", 1),
        ("hosts", 1),
        ("ten sessions", 2),
    ],
)
def test_what_is_done_most_takes_so_many_round_trips(ledger, trips, what, at_most):
    joining, overview = Joining(ledger, RememberedLaunches()), Overview(ledger)
    for number in range(10):
        joining.join(an_order(room=Room.parse(f"local:stage-{number}"), user_id=f"user-{number}"))
    act = {
        "join": lambda: joining.join(an_order(room=Room.parse("local:another"), user_id="another")),
        "join a room whose bot is starting": lambda: joining.join(an_order(room=Room.parse("local:stage-1"))),
        "beat": lambda: ledger.run(a_beat(7)),
        "turn": lambda: ledger.run(Record("a-session", "here", 7, Turn("7-1", "user", "hello"))),
        "report": lambda: ledger.run(Report(Host("bots@here", "bots", 4, 1, "1"), {})),
        "hosts": overview.hosts,
        "ten sessions": overview.sessions,
    }[what]
    trips.clear()
    act()

    assert len(trips) <= at_most


def test_whoever_makes_room_reads_only_as_many_sessions_as_slots_are_wanted(ledger, redis_url, trips):
    """It read all that were on, five hundred a trip."""
    for number in range(300):
        session_id = f"session-{number}"
        session = a_session(session_id, room=Room.parse(f"local:stage-{number}"), user_id=f"user-{number}")
        changes = [Transition(session_id, state, 7) for state in (State.JOINING, State.LIVE)]
        ledger.run_all([Create(session), *changes])
    pass_time(redis_url, GIVES_WAY_AFTER)
    joining = Joining(ledger, RememberedLaunches())
    ledger.run(Report(Host("bots@here", "bots", 4, 4, "1")))
    for number in range(3):
        joining.join(an_order(room=Room.parse(f"local:cellar-{number}")))
    trips.clear()

    assert free_slots(ledger) == 3
    assert b"".join(b"".join(sent) for sent in trips).count(b"HGETALL") == 3


@pytest.mark.parametrize(
    ("what", "at_most"),
    [
        (sweep, 3),  # their ids; they; their rooms
        (free_slots, 3),  # who waits; their ids; they
        (tell_positions, 4),  # who waits; how many slots; they; their places
        (inherit_bots_that_live, 32),  # they; their rooms; and whether each may be revived
    ],
)
def test_what_is_done_for_all_sessions_takes_no_more_round_trips_for_more_of_them(
    ledger, redis_url, trips, what, at_most
):
    joining = Joining(ledger, RememberedLaunches())
    for number in range(30):
        token, room = f"token-{number}", Room.parse(f"local:stage-{number}")
        ledger.run(a_claim(token, room=room))
        epoch = adopted(ledger, token, room=room)
        ledger.run(Create(a_session(f"session-of-{token}", epoch=epoch, room=room)))
    if what is sweep:
        pass_time(redis_url, ORPHANED_AFTER)
    for number in range(10):
        joining.join(an_order(room=Room.parse(f"local:cellar-{number}")))
    ledger.run(Report(Host("bots@here", "bots", 4, 4, "1")))
    trips.clear()
    what(ledger)

    assert 0 < len(trips) <= at_most
