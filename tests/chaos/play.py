"""What scenarios do again and again: have a call, wait, kill, and measure what follows."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import psutil

from tests.chaos.guest import Guest
from tests.chaos.lab import Lab
from tests.chaos.listener import Listener
from tests.chaos.room_guest import RoomGuest
from tests.chaos.scenario import Report
from tests.rigs.eventually import eventually
from tests.rigs.product import Problem

DETECTED_WITHIN = 1000  # ms
REPLACED_WITHIN = 5000  # ms
T = TypeVar("T")


async def soon(look: Callable[[], T], within: float = 10) -> T:
    """`eventually`, beside the calls that go on."""
    return await asyncio.to_thread(eventually, look, within)


async def refused(act: Callable[..., Any], *args: Any, **kwargs: Any) -> Problem | None:
    """The refusal that something meets, or None."""
    try:
        await asyncio.to_thread(act, *args, **kwargs)
    except Problem as problem:
        return problem
    return None


@asynccontextmanager
async def call(
    lab: Lab, report: Report, room: str, *, stays: bool = True, **order: Any
) -> AsyncIterator[Listener]:
    """Somebody in a call, who has been answered; at the end they must be answered again, unless the call may end.

    In a room of the lab's LiveKit server, if it has one.
    """
    there: Guest | RoomGuest
    if lab.livekit is not None:
        there = RoomGuest(lab, lab.livekit.room(room), **order)
    else:
        there = Guest(lab, f"local:{room}", **order)
    async with there as guest:
        guest.may_end = not stays
        try:
            await guest.hears_bot()
            await guest.ask()
            yield guest
            if stays:
                await guest.hears_bot()
                await guest.ask("the last")
        finally:
            report.take(guest)
    await asyncio.to_thread(lab.leave, guest.room)


async def pid_of(lab: Lab, guest: Listener) -> int:
    return await asyncio.to_thread(lab.pid_of, guest.room)


async def replaced(
    lab: Lab, report: Report, guest: Listener, pid: int, *, since: float, since_ms: float
) -> None:
    """Measure how a bot that has just gone is noticed and replaced.  Moments: monotonic, and ms of the wall clock."""
    heard = await guest.hears_bot(but=pid, within=30)
    report.replace_ms.append((heard.since - since) * 1000)
    lost = await asyncio.to_thread(lab.first_after, guest.session_id, "lost", since_ms - 1)
    report.must(lost is not None, f"the history of {guest.room} does not tell that its bot was lost")
    if lost is not None:
        report.detect_ms.append(lost - since_ms)


async def kill_bot(lab: Lab, report: Report, guest: Listener) -> None:
    """kill -9 of the process of a guest's bot, and its measured replacement."""
    pid = await pid_of(lab, guest)
    since, since_ms = time.monotonic(), time.time() * 1000
    os.kill(pid, signal.SIGKILL)
    await replaced(lab, report, guest, pid, since=since, since_ms=since_ms)


def must_be_quick(report: Report) -> None:
    report.within(
        max(report.detect_ms, default=0),
        DETECTED_WITHIN,
        f"a death was noticed after {DETECTED_WITHIN} ms only",
    )
    report.within(
        max(report.replace_ms, default=0), REPLACED_WITHIN, f"a replacement took over {REPLACED_WITHIN} ms"
    )


async def talk(guests: Sequence[Listener], seconds: float, every: float = 5.0) -> None:
    """Time passes, and people go on talking."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        await asyncio.sleep(min(every, left))
        await asyncio.gather(*(guest.ask() for guest in guests))


async def goes(pid: int, within: float = 10) -> bool:
    """Whether a process goes."""
    try:
        await soon(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie", within)
    except AssertionError:
        return False
    except psutil.NoSuchProcess:
        return True
    return True
