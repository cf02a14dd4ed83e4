"""Bots that beat while every core is busy and their processes stall: how many are reaped although they live.

    make bench-beats                        about six minutes
    make bench-beats ARGS="--beats 5000"

A few processes have some hundred bots each, which beat as bots do: the same step over a connection of its own, every
three seconds.  One process after another is stopped for four seconds (SIGSTOP), a burner runs on each core, the
reaper passes every three seconds as Celery beat has it, and people ask for rooms that have a bot.  A reap is false if
a bot's room was given to another while it lived: the reaper says so, or a join, or the bot's own next beat.

The peer is the rule of two missed beats, asked at the same moments of the same keepalives.
"""

import argparse
import asyncio
import itertools
import json
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

import redis
import uvloop

from benchmarks import report
from benchmarks.stage import HOST, NoWorkers, an_order, go_live
from greenroom.app.errors.storage import RedisAway
from greenroom.app.local.embedded_redis import temporary_redis
from greenroom.app.logging import configure
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.joining import Joining
from greenroom.app.rooms.leases import BEAT_EVERY, Beat, Beaten, Found
from greenroom.app.rooms.reaping import Reaper
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Session, State
from greenroom.app.settings import Settings
from greenroom.app.storage import keys
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.app.storage.ledger import RedisLedger

BEATS = 100_000
BOTS = 1000
PROCESSES = 4
REAPS_EVERY = 3.0  # seconds
JOINS_EVERY = 0.5
STALL = 4.0
STALLS_EVERY = 5.0
JITTER = 0.1  # of a beat's period, either way
MISSED_TWO = 2 * BEAT_EVERY.total_seconds() * 1000 * (1 + JITTER)  # ms: less would blame the jitter

_processes = multiprocessing.get_context("spawn")


@dataclass
class Lives:
    """What a process's bots have seen."""

    beats: int = 0
    unheard: int = 0  # beats that Redis did not answer
    superseded: int = 0
    longest_gap: float = 0.0  # seconds between two beats of a bot, as Redis answered them


@dataclass
class Seen:
    """What those who look at the rooms have seen."""

    reaped: int = 0
    doubted: int = 0
    taken: int = 0  # by a join
    joins: int = 0
    passes: int = 0
    missed_two: set[tuple[str, int]] = field(default_factory=set)  # the room, and its last beat


def main() -> None:
    """Let the bots beat until they have beaten often enough; then ask what became of them."""
    parser = argparse.ArgumentParser(prog="bench-beats")
    parser.add_argument("--beats", type=int, default=BEATS)
    parser.add_argument("--bots", type=int, default=BOTS)
    asked = parser.parse_args()
    with temporary_redis() as settings:
        settings = replace(settings, log_level="ERROR")
        configure(settings, sys.stderr)
        seen, stalls = Seen(), 0
        with _bots(settings, asked.bots) as bots, _busy_cores(), _onlookers(settings, asked.bots, seen):
            for process, _ in itertools.cycle(random.sample(bots, len(bots))):
                time.sleep(STALLS_EVERY * random.uniform(0.5, 1.5))
                _stall(process)
                stalls += 1
                if sum(_ask(orders, "beats") for _, orders in bots) >= asked.beats:
                    break
            lives = [_ask(orders, "enough") for _, orders in bots]
    _compare(lives, seen, stalls)


def _compare(lives: Sequence[Lives], seen: Seen, stalls: int) -> None:
    superseded = sum(each.superseded for each in lives)
    ours, peer = max(superseded, seen.reaped + seen.taken), len(seen.missed_two)
    report.say(
        bench="beats",
        ours=ours,
        peer=peer,
        peer_name="a rule of two missed beats, at the same moments",
        unit="living bots reaped",
        ratio=(peer + 1) / (ours + 1),
        beats=sum(each.beats for each in lives),
        stalls=stalls,
        longest_gap_s=round(max(each.longest_gap for each in lives), 2),
        unheard=sum(each.unheard for each in lives),
        doubted=seen.doubted,
        passes=seen.passes,
        joins=seen.joins,
    )


# What is done to them


def _stall(process: SpawnProcess) -> None:
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(STALL)
    os.kill(process.pid, signal.SIGCONT)


@contextmanager
def _busy_cores() -> Iterator[None]:
    burners = [_processes.Process(target=_burn, daemon=True) for _ in range(os.cpu_count() or 1)]
    for burner in burners:
        burner.start()
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()


def _burn() -> None:
    while True:
        sum(range(10_000))


@contextmanager
def _onlookers(settings: Settings, bots: int, seen: Seen) -> Iterator[None]:
    """A reaper, the peer's rule at the same moments, and people who join."""
    done = threading.Event()
    threads = [
        threading.Thread(target=work, args=(settings, bots, seen, done)) for work in (_reap, _join_rooms)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


def _reap(settings: Settings, bots: int, seen: Seen, done: threading.Event) -> None:
    ledger = RedisLedger(settings.redis_url)
    reaper = Reaper(ledger, NoWorkers())
    with redis.Redis.from_url(settings.redis_url) as server:
        while not done.wait(REAPS_EVERY):
            now_ms = ledger.run(Now())
            for number, kept in enumerate(server.mget([keys.keepalive(_room(each)) for each in range(bots)])):
                last_ms = json.loads(kept)["timestamp"] if kept else 0
                if now_ms - last_ms > MISSED_TWO:
                    seen.missed_two.add((str(_room(number)), last_ms))
            found = reaper.reap()
            seen.reaped += found[Found.SUPERSEDED]
            seen.doubted += found[Found.DOUBTED]
            seen.passes += 1
    ledger.close()


def _join_rooms(settings: Settings, bots: int, seen: Seen, done: threading.Event) -> None:
    ledger = RedisLedger(settings.redis_url)
    joining = Joining(ledger, NoWorkers())
    while not done.wait(JOINS_EVERY):
        joined = joining.join(an_order(_room(random.randrange(bots)), "somebody-else"))
        seen.joins += 1
        seen.taken += not joined.reused
    ledger.close()


# The bots


@contextmanager
def _bots(settings: Settings, bots: int) -> Iterator[list[tuple[SpawnProcess, Connection]]]:
    """Processes with bots that beat, each with the connection on which it is asked."""
    started: list[tuple[SpawnProcess, Connection]] = []
    for number in range(PROCESSES):
        orders, theirs = _processes.Pipe()
        rooms = range(number, bots, PROCESSES)
        process = _processes.Process(target=_live, args=(theirs, settings, rooms), daemon=True)
        process.start()
        theirs.close()
        started.append((process, orders))
    try:
        for _, orders in started:
            orders.recv()  # all of its bots are on stage
        time.sleep(2 * BEAT_EVERY.total_seconds())  # and each has beaten
        yield started
    finally:
        for process, _ in started:
            process.kill()


def _ask(orders: Connection, what: str) -> Any:
    orders.send(what)
    return orders.recv()


def _live(orders: Connection, settings: Settings, rooms: range) -> None:
    configure(settings, sys.stderr)
    ledger = RedisLedger(settings.redis_url)
    stays = [go_live(ledger, _room(number), f"user-{number}") for number in rooms]
    ledger.close()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_beat_all(orders, settings, stays))


async def _beat_all(orders: Connection, settings: Settings, stays: Sequence[tuple[Session, str]]) -> None:
    lives = Lives()
    bots = [asyncio.create_task(_beat(settings, session, owner, lives)) for session, owner in stays]
    orders.send("on stage")
    while (await asyncio.to_thread(orders.recv)) != "enough":
        orders.send(lives.beats)
    orders.send(lives)
    for bot in bots:
        bot.cancel()
    await asyncio.gather(*bots, return_exceptions=True)


async def _beat(settings: Settings, session: Session, owner: str, lives: Lives) -> None:
    pulse = AsyncRedisLedger(settings.redis_url, retries=0)
    beat = Beat.of(session, owner=owner, host=HOST, state=State.LIVE)
    heard = time.monotonic()
    while True:
        await asyncio.sleep(BEAT_EVERY.total_seconds() * random.uniform(1 - JITTER, 1 + JITTER))
        try:
            beaten, _ = await pulse.run(beat)
        except RedisAway:
            lives.unheard += 1
            continue
        lives.beats += 1
        lives.longest_gap = max(lives.longest_gap, time.monotonic() - heard)
        heard = time.monotonic()
        if beaten is Beaten.SUPERSEDED:
            lives.superseded += 1
            return


def _room(number: int) -> Room:
    return Room.parse(f"local:bench-{number}")


if __name__ == "__main__":
    main()
