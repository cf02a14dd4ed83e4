"""The ledger over Redis for web and tasks, whose code is synchronous."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

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

# Both together are less than the two seconds in which a caller hears that Redis is away.  A connection is made by the
# kernels of the two machines, however busy Redis is, so nearly all of that time is for the answer.  It is not asked for
# again: a Redis that is late would only have more to do.
CONNECT_WITHIN = timedelta(seconds=0.4)
ANSWER_WITHIN = timedelta(seconds=1.4)  # far longer than a step waits by itself (`rooms.sliced_wait`)

# One retry, for a pooled connection that Redis has closed; every step is safe to repeat.  redis-py's default of ten
# retries makes one call last up to a minute while Redis is away.
RETRY = Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,))

CLIENT_OPTIONS: dict[str, Any] = {
    "decode_responses": True,
    "driver_info": None,  # CLIENT SETINFO costs a new connection a round trip, and Redis 6 counts it as an error
    "encoding_errors": "surrogateescape",  # one entry that is damaged makes no reply unreadable
    "socket_connect_timeout": CONNECT_WITHIN.total_seconds(),
    "socket_timeout": ANSWER_WITHIN.total_seconds(),
    "health_check_interval": 0,  # a check before use costs a round trip; a dead connection is retried instead
}


class RedisLedger:
    """Runs steps on Redis.  Raises RedisAway, within a few seconds, when it cannot."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url, retry=RETRY, **CLIENT_OPTIONS)

    def run(self, step: Step[T]) -> T:
        return cast(T, granted(self.run_all([step])[0]))

    def run_all(self, steps: Sequence[Step[Any]]) -> list[Any]:
        commands = [encode(step) for step in steps]
        calls = [call for command in commands for call in command.calls]
        try:
            replies = self._send(calls)
            if scripts_are_unknown(replies):
                again = calls if are_undone(calls, replies) else []
                loaded = self._send([*LOADING, *again])
                replies = loaded[len(LOADING) :] or replies
            return results_of(commands, replies)
        except redis.RedisError as error:
            note_refusal(error)
            raise RedisAway from error

    def close(self) -> None:
        self._redis.close()

    def _send(self, calls: Sequence[Call]) -> list[Any]:
        """The reply, or the error, of each call, in one round trip."""
        if len(calls) == 1:
            return [self._try(calls[0])]
        with self._redis.pipeline(transaction=is_transaction(calls)) as pipeline:
            for call in calls:
                pipeline.execute_command(*by_sha(call))
            replies: list[Any] = pipeline.execute(raise_on_error=False)
        return replies

    def _try(self, call: Call) -> Any:
        try:
            return self._redis.execute_command(*by_sha(call))
        except redis.exceptions.NoScriptError as error:
            return error
