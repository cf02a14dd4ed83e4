"""Commands to bots whose connections to Redis are cut all the time: how many are lost, and how long one takes.

    make bench-commands
    make bench-commands ARGS="--commands 2000"

Askers ask as the web process does (`app.rooms.messages.ask`), two for each bot.  The bots read, obey and answer as
they do on stage (`bots.stay`), in a process of their own; what they do is write down what they were asked.  All of
them reach Redis through `benchmarks.shears`.  A command is lost if its asker was told that it was done and it was
not, or if it was accepted and neither done nor reported as expired.

The peer is Redis's publish/subscribe over the same way, as many publishers and subscribers.  A publisher that
learns that nobody listens tries again; a message is lost if Redis took it for somebody who never got it.
"""

import argparse
import asyncio
import itertools
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

import redis
import redis.asyncio
import uvloop

from benchmarks import report
from benchmarks.shears import CUTS_ALL_EVERY, CUTS_ONE_IN, shears
from benchmarks.stage import go_live
from greenroom.app.errors.bots import BotSilent
from greenroom.app.errors.storage import RedisAway
from greenroom.app.local.embedded_redis import temporary_redis
from greenroom.app.logging import configure
from greenroom.app.rooms.inbox import Message, Receive
from greenroom.app.rooms.leases import BEAT_EVERY
from greenroom.app.rooms.messages import ask
from greenroom.app.rooms.requests.answers import Done
from greenroom.app.rooms.requests.request import Request
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Session
from greenroom.app.settings import Settings
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.app.storage.ledger import CLIENT_OPTIONS, RETRY, RedisLedger
from greenroom.bots.room_state import RoomState
from greenroom.bots.stay.background import Chores
from greenroom.bots.stay.ending import End
from greenroom.bots.stay.heartbeat import Heartbeat
from greenroom.bots.stay.inbox import Inbox
from greenroom.bots.stay.journal import Journal
from greenroom.bots.turns import Turns

COMMANDS = 100_000
ROUNDS = 10
BOTS = 8
ASKERS = 16
PATIENCE = timedelta(seconds=5)  # of who changes a bot's configuration
CALMS_DOWN_WITHIN = 2 * BEAT_EVERY + PATIENCE  # what was not answered is read, and found to have expired

_processes = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class NoteDown(Request[Done]):
    """What is asked here, and nowhere else."""

    name = "note-down"
    answer = Done
    within = PATIENCE

    number: int


@dataclass
class Heard:
    """What arrived: by bot, what was obeyed, in order; the numbers that expired; what the peer's subscribers got."""

    obeyed: list[list[tuple[str, int]]]  # the message's id in the inbox, and the command's number
    expired: set[int] = field(default_factory=set)
    unread: set[int] = field(default_factory=set)  # what lies in the inboxes in the end
    published: list[int] = field(default_factory=list)


@dataclass(repr=False)
class Said:
    """What the askers, or the publishers, were told."""

    done: list[int] = field(default_factory=list)
    silent: list[int] = field(default_factory=list)  # accepted, perhaps, and no answer came
    refused: list[int] = field(default_factory=list)  # Redis could not be reached, twice in a row
    took: list[float] = field(default_factory=list)  # ms, of those that were done
    seconds: float = 0.0

    def __repr__(self) -> str:
        told = f"{len(self.done)} done, {len(self.silent)} silent, {len(self.refused)} refused"
        return f"{told} in {self.seconds:.1f} s"


class NotingInbox(Inbox):
    """Notes which messages had expired when they were read."""

    def __init__(self, *args: Any, heard: Heard, **more: Any) -> None:
        super().__init__(*args, **more)
        self._heard = heard

    def take_in(self, messages: Sequence[Message]) -> None:
        self._heard.expired |= {_number(message) for message in messages if message.expired}
        super().take_in(messages)


class Notetaker:
    """A bot without a stage, that obeys each message by writing it down."""

    def __init__(
        self, session: Session, owner: str, settings: Settings, *, heard: Heard, obeyed: list[tuple[str, int]]
    ) -> None:
        ledger = AsyncRedisLedger(settings.redis_url)
        end, host = End(), session.host or ""
        journal = Journal(ledger, session, host=host, has_room=True, on_over=_nothing)
        self._obeyed = obeyed
        self._inbox = NotingInbox(ledger, journal, do=self._do, heard=heard)
        self._heartbeat = Heartbeat(
            AsyncRedisLedger(settings.redis_url, retries=0),
            journal,
            self._inbox,
            owner=owner,
            turns=Turns(ledger, session, ()),
            open_things=RoomState(
                ledger, session.room, epoch=session.epoch, owner=owner, tell=lambda _state: None
            ),
            end=end,
            silence=_nothing,
            begin=Chores().begin,
        )

    async def listen(self) -> None:
        started = asyncio.Event()
        started.set()
        await asyncio.gather(self._heartbeat.run(), self._inbox.read(started), self._inbox.obey())

    async def _do(self, message: Message) -> Mapping[str, object]:
        self._obeyed.append((message.id, _number(message)))
        return {}


def _nothing() -> None:
    pass


def main() -> None:
    """Ask and publish in turns, then compare what was told with what arrived."""
    parser = argparse.ArgumentParser(prog="bench-commands")
    parser.add_argument("--commands", type=int, default=COMMANDS)
    commands = parser.parse_args().commands
    with temporary_redis() as settings, shears(str(settings.redis_socket)) as way:
        configure(replace(settings, log_level="ERROR"), sys.stderr)
        straight_url = settings.redis_url
        with closing(RedisLedger(straight_url)) as straight:
            live = [
                go_live(straight, Room.parse(f"local:bench-{number}"), f"ann-{number}")
                for number in range(BOTS)
            ]
        settings = replace(settings, redis_url=way.url, log_level="ERROR")
        orders, theirs = _processes.Pipe()
        hearers = _processes.Process(target=_hear, args=(theirs, settings, live), daemon=True)
        hearers.start()
        theirs.close()
        orders.recv()  # they listen
        ledger = RedisLedger(way.url)
        client = redis.Redis.from_url(way.url, retry=RETRY, **CLIENT_OPTIONS)
        sessions = [session for session, _ in live]
        numbers = {"ours": iter(_portions(commands)), "peer": iter(_portions(commands))}
        said = report.alternate(
            ROUNDS,
            ours=lambda: _all_at_once(lambda *job: _ask(ledger, *job), sessions, next(numbers["ours"])),
            peer=lambda: _all_at_once(lambda *job: _publish(client, *job), sessions, next(numbers["peer"])),
        )
        time.sleep(CALMS_DOWN_WITHIN.total_seconds())
        orders.send("enough")
        heard = orders.recv()
        hearers.join()
        ledger.close()
        client.close()
        with closing(RedisLedger(straight_url)) as straight:
            inboxes = straight.run_all([Receive(session.id, "0", timedelta(0)) for session in sessions])
        heard.unread = {_number(message) for inbox in inboxes for message in inbox}
    _compare(commands, _together(said["ours"]), _together(said["peer"]), heard, way.cuts)


def _compare(commands: int, ours: Said, peer: Said, heard: Heard, cuts: int) -> None:
    obeyed = Counter(number for each in heard.obeyed for _, number in each)
    known = obeyed.keys() | heard.expired
    all_lost = (set(ours.done) - obeyed.keys()) | ((set(ours.silent) | heard.unread) - known)
    published = Counter(heard.published)
    lost, peer_lost = len(all_lost), len(set(peer.done) - published.keys())
    report.say(
        bench="commands",
        ours=lost,
        peer=peer_lost,
        peer_name="Redis publish/subscribe over the same cut connections",
        unit=f"lost of {commands}",
        ratio=(peer_lost + 1) / (lost + 1),
        p50=round(report.percentile(ours.took, 50), 2),
        p99=round(report.percentile(ours.took, 99), 2),
        doubled=_doubled(obeyed),
        disordered=sum(_disordered(each) for each in heard.obeyed),
        done=len(ours.done),
        silent=len(ours.silent),
        silent_though_done=sum(1 for number in ours.silent if number in obeyed),
        refused=len(ours.refused),
        expired=len(heard.expired),
        unanswered=len(heard.unread),
        peer_doubled=_doubled(published),
        peer_refused=len(peer.refused),
        cuts=cuts,
        per_second=round(len(ours.took) / ours.seconds),
        cut_how=f"one piece of data in {CUTS_ONE_IN}, and all connections every {CUTS_ALL_EVERY:.0f} s",
    )


def _doubled(times: Counter[int]) -> int:
    return sum(1 for count in times.values() if count > 1)


def _disordered(obeyed: Sequence[tuple[str, int]]) -> int:
    """How many were obeyed after one that came into the inbox later."""
    places = [tuple(map(int, message_id.split("-"))) for message_id, _ in obeyed]
    return sum(1 for before, after in itertools.pairwise(places) if after < before)


# Those who ask


def _ask(ledger: RedisLedger, session: Session, numbers: Sequence[int], said: Said) -> None:
    for number in numbers:
        began = time.perf_counter()
        try:
            ask(ledger, session, NoteDown(number))
        except RedisAway:
            said.refused.append(number)
        except BotSilent:
            said.silent.append(number)
        else:
            said.done.append(number)
            said.took.append((time.perf_counter() - began) * 1000)


def _publish(client: "redis.Redis", session: Session, numbers: Sequence[int], said: Said) -> None:
    for number in numbers:
        until = time.monotonic() + PATIENCE.total_seconds()
        try:
            while not client.publish(_channel(session), str(number)) and time.monotonic() < until:
                time.sleep(0.001)
        except redis.RedisError:
            said.refused.append(number)
        else:
            said.done.append(number)


def _all_at_once(
    work: Callable[[Session, Sequence[int], Said], None], sessions: Sequence[Session], numbers: range
) -> Said:
    said = [Said() for _ in range(ASKERS)]
    askers = [
        Thread(target=work, args=(sessions[asker % BOTS], numbers[asker::ASKERS], said[asker]))
        for asker in range(ASKERS)
    ]
    began = time.perf_counter()
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    together = _together(said)
    together.seconds = time.perf_counter() - began
    return together


def _together(all_said: Sequence[Said]) -> Said:
    together = Said()
    for said in all_said:
        together.done += said.done
        together.silent += said.silent
        together.refused += said.refused
        together.took += said.took
        together.seconds += said.seconds
    return together


def _portions(commands: int) -> list[range]:
    return [range(number * commands // ROUNDS, (number + 1) * commands // ROUNDS) for number in range(ROUNDS)]


# Those who hear


def _hear(orders: Connection, settings: Settings, sessions: Sequence[tuple[Session, str]]) -> None:
    configure(settings, sys.stderr)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_listen(orders, settings, sessions))


async def _listen(orders: Connection, settings: Settings, sessions: Sequence[tuple[Session, str]]) -> None:
    heard = Heard(obeyed=[[] for _ in sessions])
    listening = [
        asyncio.create_task(work)
        for (session, owner), obeyed in zip(sessions, heard.obeyed, strict=True)
        for work in (
            Notetaker(session, owner, settings, heard=heard, obeyed=obeyed).listen(),
            _subscribe(settings, session, heard.published),
        )
    ]
    orders.send("listening")
    is_enough = asyncio.Event()
    asyncio.get_running_loop().add_reader(orders.fileno(), is_enough.set)
    enough = asyncio.create_task(is_enough.wait())
    ended, _ = await asyncio.wait({enough, *listening}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*ended)
    assert is_enough.is_set(), "a bot stopped listening"
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    asyncio.get_running_loop().remove_reader(orders.fileno())
    os.set_blocking(orders.fileno(), True)  # the loop has made it what a Connection cannot write to
    orders.send(heard)


async def _subscribe(settings: Settings, session: Session, published: list[int]) -> None:
    client = redis.asyncio.Redis.from_url(settings.redis_url, decode_responses=True)
    while True:
        try:
            async with client.pubsub() as subscriber:
                await subscriber.subscribe(_channel(session))
                async for message in subscriber.listen():
                    if message["type"] == "message":
                        published.append(int(message["data"]))
        except (redis.RedisError, OSError, RuntimeError):  # the last is uvloop's, for a closed connection
            await asyncio.sleep(0.001)


def _channel(session: Session) -> str:
    return f"commands:{session.id}"


def _number(message: Message) -> int:
    number = message.body["number"]
    assert isinstance(number, int)
    return number


if __name__ == "__main__":
    main()
