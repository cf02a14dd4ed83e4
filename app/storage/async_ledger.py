"""The ledger over Redis, for bots: the same commands, awaited."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar, cast

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import NoScriptError, RedisError

from greenroom.app.errors import GreenroomError, RedisAway
from greenroom.app.rooms.ledger import Step
from greenroom.app.storage.commands import Call, Command, by_sha, by_source, note_refusal
from greenroom.app.storage.encoding import encode

T = TypeVar("T")

# uvloop's word for a connection that was reset between two steps of the loop; asyncio's own loop has none, and
# redis-py lets it through.
CLOSED_MEANWHILE = "the handler is closed"
ANSWER_WITHIN = timedelta(seconds=2)  # longer than any step waits, shorter than a beat's period


class AsyncRedisLedger:
    """Runs steps on Redis over connections of its own.  Raises RedisAway, within two seconds, when it cannot."""

    def __init__(self, url: str, *, retries: int = 1) -> None:
        self._redis = redis.Redis.from_url(
            url,
            decode_responses=True,
            protocol=2,  # this and no introduction: a new connection costs no round before its first use
            driver_info=None,
            socket_connect_timeout=ANSWER_WITHIN.total_seconds(),
            socket_timeout=ANSWER_WITHIN.total_seconds(),
            retry=Retry(NoBackoff(), retries, supported_errors=(ConnectionLost,)),
        )

    async def run(self, step: Step[T]) -> T:
        return cast(T, (await self.run_all([step]))[0])

    async def run_all(self, steps: Sequence[Step[Any]]) -> list[Any]:
        """All at once.  One that is refused keeps none of the others from being done; the first refusal is raised."""
        results = await self.run_each(steps)
        for result in results:
            if isinstance(result, GreenroomError):
                raise result
        return results

    async def run_each(self, steps: Sequence[Step[Any]]) -> list[Any]:
        """All at once; in the place of a result stands the error of a step that was refused."""
        commands = [encode(step) for step in steps]
        try:
            replies = iter(await self._send([call for command in commands for call in command.calls]))
        except (RedisError, OSError) as error:
            note_refusal(error)
            raise RedisAway from error
        except RuntimeError as error:
            if CLOSED_MEANWHILE not in str(error):
                raise
            raise RedisAway from error
        return [_read(command, [next(replies) for _ in command.calls]) for command in commands]

    async def close(self) -> None:
        await self._redis.aclose()

    async def _send(self, calls: list[Call]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for call in calls:
                pipeline.execute_command(*by_sha(call))
            replies = await pipeline.execute(raise_on_error=False)
        return [await self._settle(call, reply) for call, reply in zip(calls, replies, strict=True)]

    async def _settle(self, call: Call, reply: Any) -> Any:
        if isinstance(reply, NoScriptError):  # Redis is new, or was flushed
            return await self._redis.execute_command(*by_source(call))
        if isinstance(reply, Exception):
            raise reply
        return reply


def _read(command: Command, replies: list[Any]) -> Any:
    try:
        return command.read(replies)
    except GreenroomError as error:
        return error
