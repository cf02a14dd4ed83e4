"""Workers that are told to go while people are talking."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

from tests.chaos.lab import Lab
from tests.chaos.listener import Listener
from tests.chaos.play import call, pid_of, soon
from tests.chaos.scenario import Report, scenario

GAP = 3.0  # seconds of silence in a hand-over
GONE_WITHIN = 30  # seconds from SIGTERM to the end of a worker
AWAY = 8  # seconds that nobody can take a parked call


@scenario(
    22, "SIGTERM to a worker with calls: handed over; parked where there is no slot; one bot alone", own=True
)
async def workers_are_told_to_go(lab: Lab, report: Report, parks: int = 1) -> None:
    async with AsyncExitStack() as calls:
        guests = [await calls.enter_async_context(call(lab, report, f"deploy-{n}")) for n in range(2)]
        await _one_bot(lab, report, guests[0])
        await one_host(lab, report, guests)
        if parks:
            await _no_slot(lab, report, guests)


async def _one_bot(lab: Lab, report: Report, guest: Listener) -> None:
    """One bot's process is told to go."""
    pid = await pid_of(lab, guest)
    began = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    await guest.hears_bot(but=pid, within=30)
    await guest.ask()
    _note_gap(report, "one bot", [guest], began)


async def one_host(lab: Lab, report: Report, guests: Sequence[Listener]) -> None:
    """A worker goes, and another has room for its calls."""
    host = await asyncio.to_thread(lab.host_of, guests[0].room)
    hit = [guest for guest in guests if await asyncio.to_thread(lab.host_of, guest.room) == host]
    pids = {guest.room: await pid_of(lab, guest) for guest in hit}
    began = time.monotonic()
    lab.kill(host, signal.SIGTERM)
    await asyncio.gather(*(guest.hears_bot(but=pids[guest.room], within=40) for guest in hit))
    await asyncio.gather(*(guest.ask() for guest in hit))
    _note_gap(report, f"handed over ({len(hit)})", hit, began)
    await asyncio.to_thread(_gone, lab, report, host, began)
    lab.raise_up(host)
    await soon(lambda: host in lab.living_hosts(), 60)


async def _no_slot(lab: Lab, report: Report, guests: Sequence[Listener]) -> None:
    """All workers go at once, and come back."""
    pids = {guest.room: await pid_of(lab, guest) for guest in guests}
    began = time.monotonic()
    for host in lab.hosts:
        lab.kill(host, signal.SIGTERM)
    await asyncio.gather(*(asyncio.to_thread(_gone, lab, report, host, began) for host in lab.hosts))
    for guest in guests:
        report.must(guest.ended is None, f"{guest.room} ended with its worker")
        told = [event for at, event in guest.told if at > began]
        report.must("parked" in told, f"the person in {guest.room} was told {told}")
    await asyncio.sleep(AWAY)
    for host in lab.hosts:
        lab.raise_up(host)
    await soon(lambda: set(lab.hosts) <= lab.living_hosts(), 60)
    ready = time.monotonic()
    await asyncio.gather(*(guest.hears_bot(but=pids[guest.room], within=40) for guest in guests))
    await asyncio.gather(*(guest.ask() for guest in guests))
    took = time.monotonic() - ready
    report.facts["parked, resumed after s"] = round(took, 1)
    report.within(took, 10, f"parked calls were on stage {took:.0f} s after a worker was back")


def _gone(lab: Lab, report: Report, host: str, began: float) -> None:
    try:
        lab.process(host).wait(GONE_WITHIN + 30)
    except Exception:
        report.faults.append(f"{host} did not go within {GONE_WITHIN + 30} s of SIGTERM")
        lab.kill_host(host)
        return
    took = time.monotonic() - began
    report.within(took, GONE_WITHIN, f"{host} went {took:.0f} s after SIGTERM only")


def _note_gap(report: Report, name: str, guests: Sequence[Listener], began: float) -> None:
    gap = max(guest.silence(began) for guest in guests)
    report.facts[f"{name}: silent for ms"] = round(gap * 1000)
    report.within(gap, GAP, f"{name}: nobody was heard for {gap:.1f} s")
