"""What happened, day by day and assistant by assistant: counted of the sessions that are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from greenroom.app.errors.families import Rejected
from greenroom.app.rooms.sessions import Reason

DAYS_AT_MOST = 366
LAST_DAYS = 30  # that are told where no time is named
DAY_MS = 86_400_000
LATEST_MS = 100_000 * DAY_MS  # in 2243; a day past 9999 has no date
FAILURES = frozenset({
    Reason.LAUNCH_FAILED, Reason.NO_SLOT, Reason.NO_WORKER, Reason.CRASHED_TOO_OFTEN, Reason.ERROR
})  # fmt: skip


@dataclass(frozen=True)
class DayOfAssistant:
    """The sessions of one assistant that began on one day, in UTC."""

    day_ms: int  # when the day began
    assistant: str | None  # None: those without one
    sessions: int = 0
    users: int = 0  # for whom they were
    people: int = 0  # different ones, who came into their rooms
    messages: int = 0  # that people and bots said
    total_ms: int = 0  # of those that have ended
    longest_ms: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)  # why they ended

    @property
    def errors(self) -> int:
        return sum(count for reason, count in self.reasons.items() if reason in FAILURES)

    @property
    def mean_ms(self) -> int:
        ended = sum(self.reasons.values())
        return self.total_ms // ended if ended else 0


class Counted(Protocol):
    """Counts sessions.  Raises DatabaseAway if it cannot in time."""

    def days(self, from_ms: int, to_ms: int, assistant: str | None) -> Sequence[DayOfAssistant]:
        """Of the sessions that began in that time, by day and assistant."""
        ...


def span(from_ms: int | None, to_ms: int | None, now_ms: int) -> tuple[int, int]:
    """Whole days: the last ones where nothing is named.  Raises Rejected for more than DAYS_AT_MOST, or none."""
    to_ms = -(-(now_ms if to_ms is None else to_ms) // DAY_MS) * DAY_MS
    from_ms = to_ms - LAST_DAYS * DAY_MS if from_ms is None else from_ms // DAY_MS * DAY_MS
    is_of_our_time = from_ms >= 0 and to_ms <= LATEST_MS
    if not is_of_our_time or not 0 < to_ms - from_ms <= DAYS_AT_MOST * DAY_MS:
        raise Rejected(f"Ask for 1 to {DAYS_AT_MOST} days: `from` comes before `to`.")
    return from_ms, to_ms
