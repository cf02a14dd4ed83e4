"""How long the voice waits for a turn to be written: beside the call, or where it is said.

    make bench-turns                    about a minute
    make bench-turns ARGS="--turns 2000"

A bot of pipecat's aggregators is followed as in a call, on the loop that bots have, and its context is given one
message after another.  The voice waits until `add_message` has returned: the turn is in memory then, and on its way to
Redis.  What that way costs the same loop later is measured too (`loop`): its thread's processor time, from one turn to
the next.  Between two turns the processor has forgotten the code, as in a call; `in_a_row` is what a turn right behind
another takes.

The peers do what `add_message` does, and write the turn before they return: to Redis, with the same script, which is
awaited, or with a commit to SQLite in a file, in a table as ours.  All take turns in one run.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvloop
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from sqlalchemy import insert

from benchmarks import report
from benchmarks.stage import go_live
from greenroom.app.conversations.database import Database
from greenroom.app.conversations.migrating import migrate
from greenroom.app.conversations.tables import conversations, turns, users
from greenroom.app.local.embedded_redis import temporary_redis
from greenroom.app.logging import configure
from greenroom.app.rooms.conversations import ReadTurns, Record, Turn
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Session
from greenroom.app.settings import Settings
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.app.storage.ledger import RedisLedger
from greenroom.bots.turns import Turns

TURNS = 500  # a round; Redis keeps a thousand of a conversation
ROUNDS = 5
PAUSE = (
    0.002  # seconds between two turns: in a call they are seconds apart, and each is written before the next
)
WORDS = "Well, that is a sentence of the usual length, is it not? " * 2

WRITTEN_WITHIN = timedelta(seconds=30)

Write = Callable[[LLMContext, dict[str, Any]], Awaitable[None]]


@dataclass(repr=False)
class Took:
    """What each turn of a round took."""

    voice: list[float] = field(default_factory=list)  # ms that it waited
    loop: list[float] = field(default_factory=list)  # ms of the loop's thread
    read: list[float] = field(default_factory=list)  # ms that reading the whole conversation takes then
    in_a_row: list[float] = field(default_factory=list)  # ms for each of many turns at once, written later

    def __repr__(self) -> str:
        return f"{report.median(self.voice):.4f} ms (p99 {report.percentile(self.voice, 99):.4f})"


def main() -> None:
    """Let each way write some rounds of turns, and compare what the voice waited."""
    parser = argparse.ArgumentParser(prog="bench-turns")
    parser.add_argument("--turns", type=int, default=TURNS)
    asked = parser.parse_args()
    with temporary_redis() as settings:
        settings = replace(settings, log_level="ERROR")
        configure(settings, sys.stderr)
        rounds = report.alternate(
            ROUNDS,
            beside=lambda: _run(settings, asked.turns, _beside),
            redis=lambda: _run(settings, asked.turns, _in_redis),
            sql=lambda: _run(settings, asked.turns, _in_sql),
        )
    _compare(**{name: _joined(each) for name, each in rounds.items()})


def _compare(beside: Took, redis: Took, sql: Took) -> None:
    ours, peer, by_sql = (report.median(each.voice) for each in (beside, redis, sql))
    report.say(
        bench="turns",
        ours=ours,
        p99=round(report.percentile(beside.voice, 99), 3),
        peer=peer,
        peer_name="awaiting Redis where it is said",
        peer_p99=round(report.percentile(redis.voice, 99), 3),
        sql=round(by_sql, 3),
        sql_p99=round(report.percentile(sql.voice, 99), 3),
        unit="ms that the voice waits for a turn",
        ratio=peer / ours,
        ratio_to_sql=round(by_sql / ours, 1),
        loop=round(report.median(beside.loop), 3),
        loop_p99=round(report.percentile(beside.loop, 99), 3),
        in_a_row=round(report.median(beside.in_a_row), 4),
        read=round(report.median(beside.read), 4),
        turns=len(beside.voice),
    )


def _joined(rounds: list[Took]) -> Took:
    return Took(
        [ms for each in rounds for ms in each.voice],
        [ms for each in rounds for ms in each.loop],
        [ms for each in rounds for ms in each.read],
        [ms for each in rounds for ms in each.in_a_row],
    )


def _run(settings: Settings, number: int, way: Callable[..., Coroutine[Any, Any, Took]]) -> Took:
    ledger = RedisLedger(settings.redis_url)
    now = time.monotonic_ns()  # a user who has a bot already would be followed by it
    session, _ = go_live(ledger, Room.parse(f"local:bench-{now}"), f"somebody-{now}")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        took: Took = runner.run(way(settings, session, number))
    ledger.close()
    return took


# The three ways


async def _beside(settings: Settings, session: Session, number: int) -> Took:
    ledger, context = AsyncRedisLedger(settings.redis_url), LLMContext()
    said = Turns(ledger, session, ())
    said.hearing.follow(_Pipeline(context))  # type: ignore[arg-type]
    writing = asyncio.create_task(said.write())

    async def write(context: LLMContext, message: dict[str, Any]) -> None:
        context.add_message(message)  # type: ignore[arg-type]

    took = await _say(context, write, number)
    if not await said.written(WRITTEN_WITHIN):
        raise SystemExit("not every turn was written")
    writing.cancel()
    kept: list[Turn] = await ledger.run(ReadTurns(session.conversation_id))
    if [turn.sequence for turn in kept] != list(range(1, number + 1)):
        raise SystemExit("not every turn is there, once and in order")
    for message in _messages(number):
        began = time.perf_counter()
        context.add_message(message)
        took.in_a_row.append((time.perf_counter() - began) * 1000)
    await ledger.close()
    return took


async def _in_redis(settings: Settings, session: Session, number: int) -> Took:
    ledger = AsyncRedisLedger(settings.redis_url)

    async def write(context: LLMContext, message: dict[str, Any]) -> None:
        context.add_message(message)  # type: ignore[arg-type]
        turn = Turn(f"{len(context.messages)}", message["role"], message["content"], epoch=session.epoch)
        await ledger.run(Record(session.id, session.conversation_id, session.epoch, turn))

    took = await _say(LLMContext(), write, number)
    await ledger.close()
    return took


async def _in_sql(settings: Settings, session: Session, number: int) -> Took:
    url = f"sqlite:///{Path(settings.var_dir) / f'{session.id}.db'}"
    migrate(url)
    database = Database(url)
    of, now = {"tenant": "main"}, {"created_ms": 1, "updated_ms": 1}
    with database.writing() as connection:
        connection.execute(insert(users).values(**of, id="somebody", **now))
        begun = {"id": session.conversation_id, "user_id": "somebody", "started_ms": 1, "last_ms": 1}
        connection.execute(insert(conversations).values(**of, **begun))

    async def write(context: LLMContext, message: dict[str, Any]) -> None:
        context.add_message(message)  # type: ignore[arg-type]
        sequence = len(context.messages)
        row = {
            **of,
            "conversation_id": session.conversation_id,
            "sequence": sequence,
            "id": f"{sequence}",
            "message": message,
            **message,
            "interrupted": False,
            "started_ms": 1,
            "ended_ms": 1,
            "source": "live",
        }
        with database.writing() as connection:
            connection.execute(insert(turns).values(**row))

    took = await _say(LLMContext(), write, number)
    database.close()
    return took


async def _say(context: LLMContext, write: Write, number: int) -> Took:
    took = Took()
    for message in _messages(number):
        busy, began = time.thread_time(), time.perf_counter()
        await write(context, message)
        took.voice.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(PAUSE)
        took.loop.append((time.thread_time() - busy) * 1000)
        began = time.perf_counter()
        context.get_messages()
        took.read.append((time.perf_counter() - began) * 1000)
    return took


def _messages(number: int) -> Iterator[Any]:
    for at in range(number):
        yield {"role": ("user", "assistant")[at % 2], "content": WORDS}


class _Pipeline:
    """As much of a bot's pipeline as is followed."""

    def __init__(self, context: LLMContext) -> None:
        self.pipeline = Pipeline(list(LLMContextAggregatorPair(context)))


if __name__ == "__main__":
    main()
