"""The ledger on a real Redis, for tests: they move its time on, cut it off, and say what others do while it waits."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import redis

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.ledger import Ledger, Step, granted
from greenroom.app.rooms.room import Room
from greenroom.app.storage import keys
from tests.rigs.glass import Glass

T = TypeVar("T")


class ControlledLedger:
    """Hands each step to the ledger below it, on a Redis that is this test's alone.

    `meanwhile` is what others do while a step waits for something: each time, all of it is done before that step.
    `instead` has the answers, by the step's class, of what a test cannot bring about, such as a full Redis.
    """

    def __init__(self, below: Ledger, server: "redis.Redis") -> None:
        self._below = below
        self.server = server
        self._glass = Glass(server)
        self.begin_anew()

    def begin_anew(self) -> None:
        """As if nothing had been done yet, and nothing refused."""
        self.server.config_resetstat()
        self.is_away = False
        self.meanwhile: list[Callable[[], None]] = []
        self.instead: dict[type[Step[Any]], Any] = {}
        self.wipe()
        self.settle()

    def run(self, step: Step[T]) -> T:
        result: T = granted(self.run_all([step])[0])
        return result

    def run_all(self, steps: Sequence[Step[Any]]) -> list[Any]:
        if self.is_away:
            raise RedisAway
        if self.instead and any(type(step) in self.instead for step in steps):
            return [
                self.instead[type(step)] if type(step) in self.instead else self.run(step) for step in steps
            ]
        if any(getattr(step, "wait", None) for step in steps):
            for act in self.meanwhile:
                act()
        return self._below.run_all(steps)

    @contextmanager
    def away(self) -> Iterator[None]:
        """For as long as the block lasts, nothing answers."""
        self.is_away = True
        try:
            yield
        finally:
            self.is_away = False

    def pass_time(self, by: timedelta) -> None:
        self._glass.look(after_ms=by // timedelta(milliseconds=1))

    def wipe(self) -> None:
        """Forget everything, as a Redis does that has lost its disk."""
        self.server.flushall()

    def settle(self) -> None:
        """Every bot that lives has had the time to say so since everything was forgotten."""
        self.server.set(keys.MEMORY, "settled")

    def free(self, room: Room) -> None:
        """The room is nobody's, and nobody was told."""
        self.server.delete(keys.lease(room), keys.keepalive(room), keys.config(room), *keys.room_state(room))

    def queue(self, name: str) -> list[str]:
        """What is in a queue of Celery's, the next first."""
        return list(reversed(self.server.lrange(name, 0, -1)))

    def digest(self) -> str:
        """The same as long as no key's value changes."""
        return str(self.server.execute_command("DEBUG", "DIGEST"))
