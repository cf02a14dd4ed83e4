"""Whether the ledger answers, and what time it is there."""

from dataclasses import dataclass

from greenroom.app.rooms.ledger import Step


@dataclass(frozen=True)
class Ping(Step[None]):
    """Whether the ledger answers at all."""


@dataclass(frozen=True)
class Now(Step[int]):
    """The ledger's own time in ms; ages are never reckoned with a worker's clock."""
