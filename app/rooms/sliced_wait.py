"""Waiting with an end: a long wait in slices shorter than any socket's timeout."""

import time
from collections.abc import Iterator
from datetime import timedelta

SLICE = timedelta(milliseconds=500)


def slices(patience: timedelta) -> Iterator[timedelta]:
    """How long to wait this time, again and again until `patience` has run out; at least once."""
    deadline = time.monotonic() + patience.total_seconds()
    yield min(patience, SLICE)
    while (left := timedelta(seconds=deadline - time.monotonic())) > timedelta(0):
        yield min(left, SLICE)
