"""Durations, amounts and moments as a person says them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta

SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)
NAMED = 3  # of many, these are named; the others are counted


def duration(length: timedelta) -> str:
    """As in 0.3 ms, 4.2 s, 41 s, 12 min, 3 h, 2 days."""
    if length < 10 * timedelta(milliseconds=1):
        return f"{length / timedelta(milliseconds=1):.1f} ms"
    if length < SECOND:
        return f"{length / timedelta(milliseconds=1):.0f} ms"
    if length < 10 * SECOND:
        return f"{length / SECOND:.1f} s"
    if length < 2 * MINUTE:
        return f"{length / SECOND:.0f} s"
    if length < 2 * HOUR:
        return f"{length / MINUTE:.0f} min"
    if length < 2 * DAY:
        return f"{length / HOUR:.0f} h"
    return f"{length / DAY:.0f} days"


def size(of: int) -> str:
    """As in 1.2 MB."""
    for power, unit in ((3, "GB"), (2, "MB"), (1, "KB")):
        if of >= 1000**power:
            return f"{of / 1000**power:.1f} {unit}"
    return f"{of} bytes"


def count(number: int, one: str, many: str = "") -> str:
    """As in 1 launch, 2 launches."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def some(names: Collection[str]) -> str:
    """As in a, b and c; or a, b, c and 9 more."""
    shown = list(names)[:NAMED]
    if left := len(names) - len(shown):
        return f"{', '.join(shown)} and {left} more"
    return listed(shown)


def listed(names: Iterable[str]) -> str:
    """As in a, b and c."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def moment(at_ms: int, now_ms: int) -> str:
    """The time of day, in UTC as the logs have it; with the date if it was not today."""
    at, now = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (at_ms, now_ms))
    return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M:%S}"


def rfc3339(at_ms: int) -> str:
    """As the API writes a moment."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


def columns(rows: Sequence[Sequence[str]]) -> str:
    """A table, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
