"""Limits on how often something happens: once in a period, or a number of times."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from greenroom.app.rooms.ledger import Step


@dataclass(frozen=True)
class ClaimPeriod(Step[bool]):
    """Claim a period of work that one of many processes does: True for the first caller within `lasts`."""

    work: str
    lasts: timedelta


@dataclass(frozen=True)
class Once(Step[bool]):
    """Claim what happens once: True for the first caller within `lasts`, and `message` is queued in the same step."""

    what: str
    lasts: timedelta
    queue: str = ""
    message: str = ""


@dataclass(frozen=True)
class TimeLeft(Step[timedelta]):
    """How long what has happened once cannot happen again; nothing, where it can."""

    what: str


@dataclass(frozen=True)
class CountRequest(Step[timedelta | None]):
    """Count a request for each of its owners; None, or after how long to come back if one of them has made too many.

    They are counted in this order, and for nobody behind the first who is refused.
    """

    whose: Mapping[str, int]  # how many each may make within `within`
    within: timedelta = timedelta(minutes=1)
