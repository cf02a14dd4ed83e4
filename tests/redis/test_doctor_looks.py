"""What the doctor is told by a real Redis that is ill."""

import json
from contextlib import suppress

import pytest
from redis.exceptions import ResponseError

from greenroom.app.operate import facts, trial
from greenroom.app.rooms.leases import ReadRoom
from greenroom.app.rooms.probes import ReadCondition
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.workers import Host, ReadHost, Report
from greenroom.app.storage import keys
from greenroom.app.storage.ledger import RedisLedger


@pytest.fixture
def ledger(redis_url):
    ledger = RedisLedger(redis_url)
    yield ledger
    ledger.close()


def test_a_trial_join_leaves_one_memory_of_its_room_and_no_more(server, ledger):
    server.set(keys.MEMORY, 1)  # it has been up for long
    trial.claim(ledger)
    first = set(server.scan_iter())
    found = trial.claim(ledger)

    assert found.outcome is trial.Outcome.DONE
    assert set(server.scan_iter()) == first == {keys.MEMORY, keys.epoch(trial.ROOM)}
    assert server.pttl(keys.epoch(trial.ROOM)) > 0


def test_keys_that_would_stay_for_ever_are_found_among_all_others(server, ledger):
    for number in range(2_500):
        server.set(f"session:{{{number}}}", "", ex=600)
    forever = {"room_epoch:{local:stage}", "session:{lost}:events", "bot:config:{local:stage}"}
    for name in forever:
        server.set(name, "1")
    server.set("_kombu.binding.control", "1")
    server.set("another:program's", "1")
    server.zadd(keys.SESSIONS_LIVE, {"a": 1})

    assert set(facts.read(ledger).lasting) == forever


def test_what_clients_say_of_themselves_is_no_refusal(server, ledger):
    before = ledger.run(ReadCondition()).refused
    for _ in range(3):
        with suppress(ResponseError):
            server.execute_command("CLIENT", "SETINFO", "LIB-NAME", "kombu")

    assert ledger.run(ReadCondition()).refused == before


def test_a_full_redis_is_known_by_what_it_refuses(server, ledger):
    server.set(keys.MEMORY, 1)
    server.config_set("maxmemory", 1)
    try:
        found = trial.claim(ledger)
        told = ledger.run(ReadCondition())
        assert ledger.run(ReadRoom(Room.parse("local:stage"))).lease is None  # it may be read
    finally:
        server.config_set("maxmemory", 0)

    assert found.outcome is trial.Outcome.REFUSED
    assert found.why.startswith("OOM ")
    assert told.refused["ERR"] >= 1  # Redis 6 says so of whatever a script was refused; 7 says OOM
    assert trial.claim(ledger).outcome is trial.Outcome.DONE


def test_a_worker_of_a_later_version_may_say_more_than_we_know(server, ledger):
    """In an upgrade workers are new before web is."""
    host = Host("bots@new", "bots", slots=2, used=1, incarnation="1")
    ledger.run(Report(host))
    told = json.loads(server.get(keys.host(host.id)))
    server.set(keys.host(host.id), json.dumps({**told, "mood": "fine"}), ex=15)

    assert ledger.run(ReadHost(host.id)) == host
