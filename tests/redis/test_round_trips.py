"""How often a process waits for Redis: what a caller, a bot and a worker do most is one round trip each."""

import pytest
import redis

from greenroom.app.rooms.joining import Joining
from greenroom.app.rooms.overview import Overview
from greenroom.app.rooms.reaping import ORPHANED_AFTER, Reaper
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Create
from greenroom.app.rooms.workers import Host, Report
from greenroom.app.storage.ledger import RedisLedger
from tests.fakes.launches import RememberedLaunches
from tests.rigs.makers import a_beat, a_claim, a_session, adopted, an_order
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


@pytest.mark.parametrize(
    ("what", "at_most"),
    [
        ("join", 2),  # claim and place; record, launch and deadline
        ("join a room whose bot is starting", 3),  # claim; session and place; the claim is held
        ("beat", 1),
        ("report", 1),
        ("hosts", 1),
        ("ten sessions", 2),
    ],
)
def test_what_is_done_most_takes_so_many_round_trips(ledger, trips, what, at_most):
    joining, overview = Joining(ledger, RememberedLaunches()), Overview(ledger)
    for number in range(10):
        joining.join(an_order(room=Room.parse(f"local:stage-{number}")))
    act = {
        "join": lambda: joining.join(an_order(room=Room.parse("local:another"))),
        "join a room whose bot is starting": lambda: joining.join(an_order(room=Room.parse("local:stage-1"))),
        "beat": lambda: ledger.run(a_beat(7)),
        "report": lambda: ledger.run(Report(Host("bots@here", "bots", 4, 1, "1"), {})),
        "hosts": overview.hosts,
        "ten sessions": overview.sessions,
    }[what]
    trips.clear()
    act()

    assert len(trips) <= at_most


@pytest.mark.parametrize(
    ("what", "at_most"),
    [
        ("sweep", 3),  # their ids; they; their rooms
        ("make_room", 3),  # who waits; their ids; they
        ("tell_positions", 4),  # who waits; how many slots; they; their places
    ],
)
def test_what_is_done_for_all_sessions_takes_no_more_round_trips_for_more_of_them(
    ledger, redis_url, trips, what, at_most
):
    joining, reaper = Joining(ledger, RememberedLaunches()), Reaper(ledger, RememberedLaunches())
    for number in range(30):
        token, room = f"token-{number}", Room.parse(f"local:stage-{number}")
        ledger.run(a_claim(token, room=room))
        epoch = adopted(ledger, token, room=room)
        ledger.run(Create(a_session(f"session-of-{token}", epoch=epoch, room=room)))
    if what == "sweep":
        pass_time(redis_url, ORPHANED_AFTER)
    for number in range(10):
        joining.join(an_order(room=Room.parse(f"local:cellar-{number}")))
    ledger.run(Report(Host("bots@here", "bots", 4, 4, "1")))
    trips.clear()
    getattr(reaper, what)()

    assert 0 < len(trips) <= at_most
