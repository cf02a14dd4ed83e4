"""The line of the sessions that wait for a slot, and the queue that carries their launches."""

from dataclasses import dataclass, field

from greenroom.app.rooms.ledger import Step


@dataclass(frozen=True)
class Push(Step[None]):
    """Put a session's launch at the end of the line, or in front: for who was on stage already."""

    queue: str
    message: str
    session_id: str
    in_front: bool = False


@dataclass(frozen=True)
class Place:
    """Where a session stands in the line, and how the line stands."""

    ahead: int | None  # how many were there before it; None if it does not wait
    waiting: int
    free: int  # slots of the workers that live
    since_ms: int = field(default=0, compare=False)  # since when it has waited
    served_ms: int = field(
        default=0, compare=False
    )  # since when the latest of those had waited whom a worker has taken

    @property
    def position(self) -> int | None:
        """1 for who is next as soon as a slot gets free; None for who does not wait, or has a slot already."""
        if self.ahead is None or self.ahead < self.free:
            return None
        return self.ahead + 1 - self.free


NOT_IN_LINE = Place(None, 0, 0)


@dataclass(frozen=True)
class FindPlace(Step[Place]):
    """Where a session stands in the line of those that wait for a slot."""

    session_id: str = ""


@dataclass(frozen=True)
class Line(Step[list[str]]):
    """The sessions that wait for a slot, the first first."""

    limit: int = 1000


@dataclass(frozen=True)
class LeaveLine(Step[None]):
    """A session waits no more: its launch has been taken, in its turn, or it is only forgotten."""

    session_id: str
    is_served: bool = True


@dataclass(frozen=True)
class QueueLength(Step[int]):
    """How many messages lie in a queue."""

    queue: str
