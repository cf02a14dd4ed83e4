"""Ledgers of a bot's, each with one way to behave."""

import asyncio

from greenroom.app.errors.sessions import IllegalTransition
from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.inbox import Receive
from greenroom.app.rooms.sessions import State, Transition


class Told:
    """Takes everything, and remembers it; nobody sends anything to its bot."""

    def __init__(self):
        self.told = []

    async def run(self, step):
        if isinstance(step, Receive):
            await asyncio.sleep(step.wait.total_seconds())
            return []
        self.told.append(step)
        return None

    async def run_all(self, steps):
        self.told += steps
        return [None for _ in steps]


class Away:
    """Does not answer."""

    async def run(self, _step):
        raise RedisAway

    async def run_all(self, _steps):
        raise RedisAway


class ComesBack(Told):
    """Does not answer while it is away."""

    def __init__(self, *, away_for=1):
        """`away_for` is how many times it is asked for nothing."""
        super().__init__()
        self._left = away_for

    async def run(self, step):
        self._ask()
        return await super().run(step)

    async def run_all(self, steps):
        self._ask()
        return await super().run_all(steps)

    def _ask(self):
        if self._left:
            self._left -= 1
            raise RedisAway


class Refusing(Told):
    """Refuses a move into one state, since the session is in another."""

    def __init__(self, refused, *, found=State.JOINING):
        super().__init__()
        self._refused, self._found = refused, found

    async def run_all(self, steps):
        self.told += steps
        return [self._result_of(step) for step in steps]

    def _result_of(self, step):
        is_refused = isinstance(step, Transition) and step.to is self._refused
        return IllegalTransition(state=self._found) if is_refused else None
