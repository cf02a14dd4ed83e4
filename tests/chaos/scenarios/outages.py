"""Redis dies, forgets, is out of reach, or is full."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

from tests.chaos.lab import Lab
from tests.chaos.listener import Listener
from tests.chaos.play import call, kill_bot, pid_of, refused, soon, talk
from tests.chaos.scenario import Report, scenario

ONE_BEAT = 4.0  # seconds: three and a tenth, and what it takes to connect and to look
DARK = 120  # seconds
ANSWERED_WITHIN = 2.0  # seconds, with 503
CONTINUOUS = 1.0  # seconds of silence that nobody takes for the end


@scenario(4, "Redis is killed and comes back after 5 s and 20 s, with its file and without", own=True)
async def redis_dies(lab: Lab, report: Report) -> None:
    async with AsyncExitStack() as calls:
        guests = [await calls.enter_async_context(call(lab, report, f"outage-{n}")) for n in range(2)]
        pids = [await pid_of(lab, guest) for guest in guests]
        for away in (5, 20):
            for keeps in (True, False):
                await _die_and_come_back(lab, report, guests, away, keeps)
        after = [(await guest.ask()).pid for guest in guests]
        report.must(after == pids, "a bot was replaced though it lived")


async def _die_and_come_back(
    lab: Lab, report: Report, guests: Sequence[Listener], away: float, keeps: bool
) -> None:
    began = time.monotonic()
    lab.kill("redis")
    lab.process("redis").wait()
    if not keeps:
        for file in (lab.folder / "redis").glob("*.aof*"):
            file.unlink()
    await talk(guests, away, every=2)
    await asyncio.to_thread(lab.start_redis)
    await registered(lab, report, guests, f"{away} s, {'file' if keeps else 'no file'}")
    await talk(guests, 6, every=2)
    longest = max(guest.silence(began) for guest in guests)
    report.must(longest < CONTINUOUS, f"the call was silent for {longest:.1f} s")


async def registered(lab: Lab, report: Report, guests: Sequence[Listener], after: str) -> None:
    """All bots must have registered again within one beat from now."""
    began, starving = time.monotonic(), lab.starving("redis", "web", *lab.hosts)
    await asyncio.gather(*(soon(lambda room=guest.room: _is_held(lab, room), 20) for guest in guests))
    took = max(0, time.monotonic() - began - starving.seconds())
    report.facts[f"registered after {after}"] = f"{took:.1f} s"
    report.within(took, ONE_BEAT, f"after {after} it took {took:.1f} s until all bots were registered")
    for guest in guests:
        session = await asyncio.to_thread(_session_of, lab, guest.room)
        report.must(session == guest.session_id, f"{guest.room} has become another session's")


def _is_held(lab: Lab, room: str) -> bool:
    try:
        view = lab.get(f"/rooms/{room}")
    except Exception:
        return False
    heard = view["keepalive"]
    return bool(
        view["lease"] and view["lease"]["status"] == "active" and heard and heard["age_seconds"] < 3.5
    )


def _session_of(lab: Lab, room: str) -> str:
    return str(lab.get(f"/rooms/{room}")["lease"]["session_id"])


@scenario(5, "FLUSHALL")
async def redis_forgets(lab: Lab, report: Report, calls_at_once: int = 3) -> None:
    async with AsyncExitStack() as calls:
        guests = [
            await calls.enter_async_context(call(lab, report, f"flush-{n}")) for n in range(calls_at_once)
        ]
        pids = [await pid_of(lab, guest) for guest in guests]
        began = time.monotonic()
        await asyncio.to_thread(lab.redis.flushall)
        joins = [asyncio.to_thread(lab.join, guest.room, user_id=guest.user, wait=10) for guest in guests]
        found = await asyncio.gather(
            *joins, return_exceptions=True
        )  # the quickest of callers must not get a second bot
        await registered(lab, report, guests, "it")
        await talk(guests, 5, every=1)
        report.must(
            [(await guest.ask()).pid for guest in guests] == pids, "a bot was replaced though it lived"
        )
        report.must(max(guest.silence(began) for guest in guests) < CONTINUOUS, "a call was interrupted")
        for guest, answer in zip(guests, found, strict=True):
            same = isinstance(answer, dict) and answer["session_id"] == guest.session_id
            report.must(same, f"a join of {guest.room} right after was answered with {_short(answer)}")


def _short(answer: object) -> str:
    return str(answer)[:200]


@scenario(6, f"Redis is dark for {DARK} s", lane="dark", own=True)
async def redis_is_dark(lab: Lab, report: Report) -> None:
    async with call(lab, report, "dark-1") as first, call(lab, report, "dark-2") as second:
        guests = [first, second]
        pids = [await pid_of(lab, guest) for guest in guests]
        began = time.monotonic()
        for name in ("web", "control", "beat", *lab.hosts):
            lab.links[name].darken()
        slowest = 0.0
        while time.monotonic() < began + DARK:
            await talk(guests, 10, every=5)
            slowest = max(slowest, await _all_refused(lab, report))
        report.facts["slowest 503"] = f"{slowest:.2f} s"
        report.within(slowest, ANSWERED_WITHIN, f"the API took {slowest:.1f} s to say that Redis is away")
        lab.links.mend()
        await registered(lab, report, guests, "it")
        await talk(guests, 5, every=2)
        report.must(
            [(await guest.ask()).pid for guest in guests] == pids, "a bot was replaced though it lived"
        )
        report.must(max(guest.silence(began) for guest in guests) < CONTINUOUS, "a call was interrupted")
        # What was said in the dark is safe by now: a replacement knows it
        await kill_bot(lab, report, first)
        await first.ask()


async def _all_refused(lab: Lab, report: Report) -> float:
    """Every call must be refused with 503; how long the slowest took, in seconds."""
    asks = {
        "join": lambda: lab.join("local:in-the-dark", wait=0),
        "join of a room that has a bot": lambda: lab.join("local:dark-1", wait=5),
        "leave": lambda: lab.post("/leave", {"room_url": "local:dark-1"}),
        "sessions": lambda: lab.get("/sessions"),
        "room": lambda: lab.get("/rooms/local:dark-1"),
    }
    slowest = 0.0
    for name, ask in asks.items():
        began, starving = time.monotonic(), lab.starving("web")
        problem = await refused(ask)
        slowest = max(slowest, time.monotonic() - began - starving.seconds())
        report.must(problem is not None and problem.status == 503, f"{name} in the dark: {problem}")
    return slowest


@scenario(29, "Redis is full", own=True)
async def redis_is_full(lab: Lab, report: Report) -> None:
    async with call(lab, report, "full-1") as first, call(lab, report, "full-2") as second:
        began = time.monotonic()
        await asyncio.to_thread(lab.redis.config_set, "maxmemory", "500kb")
        try:
            problem = await refused(lab.join, "local:no-place", wait=0)
            report.must(problem is not None and problem.status == 503, f"a join was answered with {problem}")
            await talk([first, second], 35, every=3)  # longer than a bot may be unheard
        finally:
            await asyncio.to_thread(lab.redis.config_set, "maxmemory", "0")
        await registered(lab, report, [first, second], "it")
        longest = max(guest.silence(began) for guest in (first, second))
        report.must(longest < CONTINUOUS, f"a call was silent for {longest:.1f} s")
        joined = await asyncio.to_thread(lab.join, "local:place-again")
        report.must(joined["status"] == "live", "no join after it")
        await talk([first, second], ONE_BEAT)  # then all that was said meanwhile is written
        os.kill(await pid_of(lab, first), signal.SIGKILL)
        await first.ask(within=30)  # with all that was said while it was full
