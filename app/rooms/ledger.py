"""Who keeps the shared state, and what is asked of it: steps, as data.

A step says what shall happen and what comes back; it is run by whoever keeps the
state: Redis in production, synchronously for web and tasks and asynchronously for
bots, a dictionary in unit tests.  Each subject's steps stand in the module that has
its name, here and in `app.storage`.
"""

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")


class Step(Generic[T]):
    """One atomic step; T is what running it returns."""


class Ledger(Protocol):
    """Keeps the shared state.  Raises RedisAway when it cannot."""

    def run(self, step: Step[T]) -> T:
        """Do one step."""
        ...

    def run_all(self, steps: Sequence[Step[Any]]) -> list[Any]:
        """Do several steps in one round trip; each is atomic, all of them together are not.

        One may come after those behind it, where the ledger has to be told first how it is done: what must be seen
        done together, or in order, is one step.
        """
        ...
