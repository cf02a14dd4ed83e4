"""A long wait in slices of half a second, which are shorter than any socket's timeout."""

import time
from collections.abc import Iterator
from datetime import timedelta

SLICE = timedelta(milliseconds=500)


def slices(within: timedelta) -> Iterator[timedelta]:
    """How long to wait this time, again and again until the time is over; at least once."""
    deadline = time.monotonic() + within.total_seconds()
    yield min(within, SLICE)
    while (left := timedelta(seconds=deadline - time.monotonic())) > timedelta(0):
        yield min(left, SLICE)
