"""The queues into which web processes and bots put messages: the port, which `tasks/queues.py` serves with Celery."""

from typing import Protocol

from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.line import Push
from greenroom.app.rooms.providers import Evidence
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Session


class LaunchQueue(Protocol):
    """Takes launches to the workers that run bots."""

    def launch(self, session: Session, token: str, *, in_front: bool = False) -> Push:
        """The step that asks for a session's bot; a launch that is delivered twice starts one.

        A session that was on stage already goes in front of the line.
        """
        ...


class EvidenceQueue(Protocol):
    """Takes what providers say in webhooks to the control worker."""

    def publish(self, evidence: Evidence) -> Step[bool]:
        """The step that has it weighed, once; returns False if the same was published before."""
        ...


class ReapQueue(Protocol):
    """Takes reapings that are asked for to the control worker."""

    def reap(self, request_id: str, room: Room | None) -> Step[bool]:
        """The step that has a room looked after, or all that are overdue, once for a request."""
        ...


class MoveQueue(Protocol):
    """Takes moves to the control worker."""

    def transition(self, session: Session, epoch: int, *, again: bool = False) -> Step[bool]:
        """The step that has a session's bot asked to move to the room that it has claimed at this epoch, once.

        And once more, `again`, should that get lost.
        """
        ...


class SessionQueues(LaunchQueue, MoveQueue, Protocol):
    """What sessions are kept going with."""


class Queues(SessionQueues, EvidenceQueue, ReapQueue, Protocol):
    """All queues, as a web process needs them."""
