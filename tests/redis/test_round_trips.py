"""How often a process waits for Redis: what a caller, a bot and a worker do most is one round trip each."""

import pytest
import redis

from greenroom.app.rooms.joining import Joining
from greenroom.app.rooms.looking import Looking
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.workers import Host, Report
from greenroom.app.storage.ledger import RedisLedger
from tests.fakes.launches import RememberedLaunches
from tests.makers import a_beat, an_order


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
    joining, looking = Joining(ledger, RememberedLaunches()), Looking(ledger)
    for number in range(10):
        joining.join(an_order(room=Room.parse(f"local:stage-{number}")))
    act = {
        "join": lambda: joining.join(an_order(room=Room.parse("local:another"))),
        "join a room whose bot is starting": lambda: joining.join(an_order(room=Room.parse("local:stage-1"))),
        "beat": lambda: ledger.run(a_beat(7)),
        "report": lambda: ledger.run(Report(Host("bots@here", "bots", 4, 1, "1"), {})),
        "hosts": looking.hosts,
        "ten sessions": looking.sessions,
    }[what]
    trips.clear()
    act()

    assert len(trips) <= at_most
