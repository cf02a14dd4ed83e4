"""Workers that are told to go while people are talking."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

from tests.chaos.listener import Listener
from tests.chaos.play import call, pid_of, soon
from tests.chaos.scenario import Report, scenario
from tests.chaos.stage import Stage

GAP = 3.0  # seconds of silence in a hand-over
GONE_WITHIN = 30  # seconds from SIGTERM to the end of a worker
AWAY = 8  # seconds that nobody can take a parked call


@scenario(
    22, "SIGTERM to a worker with calls: handed over; parked where there is no slot; one bot alone", own=True
)
async def workers_are_told_to_go(stage: Stage, report: Report, parks: int = 1) -> None:
    async with AsyncExitStack() as calls:
        guests = [await calls.enter_async_context(call(stage, report, f"deploy-{n}")) for n in range(2)]
        await _one_bot(stage, report, guests[0])
        await _one_host(stage, report, guests)
        if parks:
            await _no_slot(stage, report, guests)


async def _one_bot(stage: Stage, report: Report, guest: Listener) -> None:
    """One bot's process is told to go."""
    pid = await pid_of(stage, guest)
    began = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    await guest.hears_bot(but=pid, within=30)
    await guest.ask()
    _note_gap(report, "one bot", [guest], began)


async def _one_host(stage: Stage, report: Report, guests: Sequence[Listener]) -> None:
    """A worker goes, and another has room for its calls."""
    host = await asyncio.to_thread(stage.host_of, guests[0].room)
    hit = [guest for guest in guests if await asyncio.to_thread(stage.host_of, guest.room) == host]
    pids = {guest.room: await pid_of(stage, guest) for guest in hit}
    began = time.monotonic()
    stage.kill(host, signal.SIGTERM)
    await asyncio.gather(*(guest.hears_bot(but=pids[guest.room], within=40) for guest in hit))
    await asyncio.gather(*(guest.ask() for guest in hit))
    _note_gap(report, f"handed over ({len(hit)})", hit, began)
    await asyncio.to_thread(_gone, stage, report, host, began)
    stage.raise_up(host)
    await soon(lambda: host in stage.living_hosts(), 60)


async def _no_slot(stage: Stage, report: Report, guests: Sequence[Listener]) -> None:
    """All workers go at once, and come back."""
    pids = {guest.room: await pid_of(stage, guest) for guest in guests}
    began = time.monotonic()
    for host in stage.hosts:
        stage.kill(host, signal.SIGTERM)
    await asyncio.gather(*(asyncio.to_thread(_gone, stage, report, host, began) for host in stage.hosts))
    for guest in guests:
        report.must(guest.ended is None, f"{guest.room} ended with its worker")
        told = [event for at, event in guest.told if at > began]
        report.must("parked" in told, f"the person in {guest.room} was told {told}")
    await asyncio.sleep(AWAY)
    for host in stage.hosts:
        stage.raise_up(host)
    await soon(lambda: set(stage.hosts) <= stage.living_hosts(), 60)
    ready = time.monotonic()
    await asyncio.gather(*(guest.hears_bot(but=pids[guest.room], within=40) for guest in guests))
    await asyncio.gather(*(guest.ask() for guest in guests))
    took = time.monotonic() - ready
    report.facts["parked, resumed after s"] = round(took, 1)
    report.within(took, 10, f"parked calls were on stage {took:.0f} s after a worker was back")


def _gone(stage: Stage, report: Report, host: str, began: float) -> None:
    try:
        stage.process(host).wait(GONE_WITHIN + 30)
    except Exception:
        report.faults.append(f"{host} did not go within {GONE_WITHIN + 30} s of SIGTERM")
        stage.kill_host(host)
        return
    took = time.monotonic() - began
    report.within(took, GONE_WITHIN, f"{host} went {took:.0f} s after SIGTERM only")


def _note_gap(report: Report, name: str, guests: Sequence[Listener], began: float) -> None:
    gap = max(guest.silence(began) for guest in guests)
    report.facts[f"{name}: silent for ms"] = round(gap * 1000)
    report.within(gap, GAP, f"{name}: nobody was heard for {gap:.1f} s")
