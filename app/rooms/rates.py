"""How often a thing may happen: once in so long, or so many times."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from greenroom.app.rooms.ledger import Step


@dataclass(frozen=True)
class ClaimPeriod(Step[bool]):
    """Whether this process does a periodic piece of work this time; one of many gets True."""

    work: str
    lasts: timedelta


@dataclass(frozen=True)
class Once(Step[bool]):
    """Whether this is the first time of something in so long; if it is, a message goes into a queue with it."""

    what: str
    lasts: timedelta
    queue: str = ""
    message: str = ""


@dataclass(frozen=True)
class CountRequest(Step[timedelta | None]):
    """Count a request for each of those whose it is; None, or when to come back if one of them has made too many.

    They are counted in this order, and for nobody behind the first who is refused.
    """

    whose: Mapping[str, int]  # how many each may make within `within`
    within: timedelta = timedelta(minutes=1)
