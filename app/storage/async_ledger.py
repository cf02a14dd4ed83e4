"""The ledger over Redis for bots, whose code is asynchronous: the same commands, awaited."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar, cast

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisError

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.ledger import Step, granted
from greenroom.app.storage.commands import (
    LOADING,
    Call,
    are_undone,
    by_sha,
    is_transaction,
    note_refusal,
    results_of,
    scripts_are_unknown,
)
from greenroom.app.storage.encoding import encode

T = TypeVar("T")

# uvloop raises a RuntimeError with these words where a connection was reset between two steps of its loop; redis-py
# does not make an error of its own of it.
CLOSED_MEANWHILE = "the handler is closed"
ANSWER_WITHIN = timedelta(seconds=2)  # longer than any step waits, shorter than the 3 s between two beats


class AsyncRedisLedger:
    """Runs steps on Redis over connections of its own.  Raises RedisAway, within two seconds, when it cannot."""

    def __init__(self, url: str, *, retries: int = 1) -> None:
        self._redis = redis.Redis.from_url(
            url,
            decode_responses=True,
            protocol=2,  # no HELLO, and below no CLIENT SETINFO: each costs a new connection a round trip
            driver_info=None,
            socket_connect_timeout=ANSWER_WITHIN.total_seconds(),
            socket_timeout=ANSWER_WITHIN.total_seconds(),
            retry=Retry(NoBackoff(), retries, supported_errors=(ConnectionLost,)),
        )

    async def run(self, step: Step[T]) -> T:
        return cast(T, granted((await self.run_all([step]))[0]))

    async def run_all(self, steps: Sequence[Step[Any]]) -> list[Any]:
        commands = [encode(step) for step in steps]
        calls = [call for command in commands for call in command.calls]
        try:
            replies = await self._send(calls)
            if scripts_are_unknown(replies):
                again = calls if are_undone(calls, replies) else []
                loaded = await self._send([*LOADING, *again])
                replies = loaded[len(LOADING) :] or replies
            return results_of(commands, replies)
        except (RedisError, OSError) as error:
            note_refusal(error)
            raise RedisAway from error
        except RuntimeError as error:
            if CLOSED_MEANWHILE not in str(error):
                raise
            raise RedisAway from error

    async def close(self) -> None:
        await self._redis.aclose()

    async def _send(self, calls: Sequence[Call]) -> list[Any]:
        """The reply, or the error, of each call, in one round trip.

        Whoever is cancelled meanwhile is cancelled: before Python 3.12 `asyncio.wait_for`, which redis-py uses, may
        return instead, and a task of the events process that was to stop would run on.
        """
        task = asyncio.current_task()
        cancelled_before = task.cancelling() if task else 0
        async with self._redis.pipeline(transaction=is_transaction(calls)) as pipeline:
            for call in calls:
                pipeline.execute_command(*by_sha(call))
            replies: list[Any] = await pipeline.execute(raise_on_error=False)
        if task is not None and task.cancelling() > cancelled_before:
            raise asyncio.CancelledError
        return replies
