"""What the product needs from outside, as the smallest interfaces that do."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from greenroom.app.rooms.providers import Evidence
from greenroom.app.rooms.sessions import Session
from greenroom.app.rooms.steps import Push, Step

T = TypeVar("T")


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


class LaunchQueue(Protocol):
    """Carries launches to the workers."""

    def launch(self, session: Session, claim: str, *, in_front: bool = False) -> Push:
        """The step that asks for a session's bot; delivering it twice does no harm.

        Those that were on stage already go in front of the line.
        """
        ...


class EvidenceQueue(Protocol):
    """Carries what providers say to those who look into it."""

    def tell(self, evidence: Evidence) -> Step[bool]:
        """The step that has it weighed, once: False says that it was heard before."""
        ...


class Outgoing(LaunchQueue, EvidenceQueue, Protocol):
    """All that leaves a web process."""
