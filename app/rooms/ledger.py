"""Who keeps the shared state, and what is asked of it: steps, as data.

A step says what shall happen and what comes back; it is run by whoever keeps the
state: Redis, synchronously for web and tasks and asynchronously for bots.  Each
subject's steps stand in the module that has its name, here and in `app.storage`.
"""

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from greenroom.app.errors.families import GreenroomError

T = TypeVar("T")


class Step(Generic[T]):
    """One atomic step, carried by one script or by one command that reads; T is what running it returns."""


def granted(result: Any) -> Any:
    """A step's result.  Raises the GreenroomError that stands in its place, if the step was refused."""
    if isinstance(result, GreenroomError):
        raise result
    return result


class Ledger(Protocol):
    """Keeps the shared state.  Raises RedisAway when it cannot."""

    def run(self, step: Step[T]) -> T:
        """Do one step.  Raises the GreenroomError that refuses it."""
        ...

    def run_all(self, steps: Sequence[Step[Any]]) -> list[Any]:
        """Do a batch of steps in one round trip; returns for each its result, or the GreenroomError that refused it.

        They are done in this order, and nobody comes in between where one of them writes.  One that is refused keeps
        none of the others from being done.  Where this raises RedisAway, all of them were done or none: whoever asks
        again does so with the same steps, which done twice are done once.  A step that waits does not, among others
        that write.  A batch without steps asks nobody.
        """
        ...


class AsyncLedger(Protocol):
    """The same, awaited."""

    async def run(self, step: Step[T]) -> T:
        """Do one step."""
        ...

    async def run_all(self, steps: Sequence[Step[Any]]) -> list[Any]:
        """Do a batch of steps, as `Ledger.run_all`."""
        ...
