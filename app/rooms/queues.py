"""The queues into which web processes and bots put messages: the port, which `tasks/queues.py` serves with Celery."""

from typing import Protocol

from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.line import Push
from greenroom.app.rooms.providers import Evidence
from greenroom.app.rooms.sessions import Session


class LaunchQueue(Protocol):
    """Carries launches to the workers."""

    def launch(self, session: Session, token: str, *, in_front: bool = False) -> Push:
        """The step that asks for a session's bot; delivering it twice does no harm.

        Those that were on stage already go in front of the line.
        """
        ...


class EvidenceQueue(Protocol):
    """Carries what providers say to those who look into it."""

    def tell(self, evidence: Evidence) -> Step[bool]:
        """The step that has it weighed, once: False says that it was heard before."""
        ...


class Queues(LaunchQueue, EvidenceQueue, Protocol):
    """Both queues, as a web process needs them."""
