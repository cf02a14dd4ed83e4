"""Waiting for what comes true by itself, with a deadline."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], within: float = 10) -> T:
    """What `look` returns once that is true; fails, with what it saw last, if it does not become so in time."""
    deadline = time.monotonic() + within
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not come true within {within} s; last seen: {seen!r}")
        time.sleep(0.02)
    return seen


async def eventually_in_loop(look: Callable[[], T], within: float = 10) -> T:
    """The same where others run in the same event loop."""
    deadline = time.monotonic() + within
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not come true within {within} s; last seen: {seen!r}")
        await asyncio.sleep(0.01)
    return seen
