"""Processes that die, freeze or hang."""

import asyncio
import json
import os
import signal
import time
from contextlib import AsyncExitStack

from tests.chaos.lab import Lab
from tests.chaos.play import call, goes, kill_bot, must_be_quick, pid_of, refused, soon
from tests.chaos.scenario import Report, scenario
from tests.chaos.starving import Starving

KILLS = 8
FROZEN_SHORTLY, FROZEN_LONG = 10, 40  # seconds
GIVEN_UP_AFTER = 29  # seconds unheard, a doubt included
READY = " ready."  # what a worker logs when it has booted
BLOCKED_FOR = 90  # seconds; the watchdog ends it long before


@scenario(1, "kill -9 of a bot's process", lane="alone")
async def a_bot_is_killed(lab: Lab, report: Report, kills: int = KILLS) -> None:
    for number in range(kills // 2):  # three deaths would end a session
        async with call(lab, report, f"killed-{number}") as guest:
            for _ in range(2):
                await kill_bot(lab, report, guest)
                await guest.ask()
    must_be_quick(report)


@scenario(2, "kill -9 of a worker's parent, which is started again", lane="alone")
async def a_worker_is_killed(lab: Lab, report: Report) -> None:
    async with AsyncExitStack() as calls:
        guests = [await calls.enter_async_context(call(lab, report, f"orphan-{n}")) for n in range(4)]
        host = await asyncio.to_thread(lab.host_of, guests[0].room)
        hit = [guest for guest in guests if await asyncio.to_thread(lab.host_of, guest.room) == host]
        pids = {guest.room: await pid_of(lab, guest) for guest in hit}
        lab.kill(host)
        lab.process(host).wait()
        report.must(
            all([await goes(pid, 5) for pid in pids.values()]),
            "bots outlived their worker by more than 5 seconds",
        )
        before = lab.process(host).logs().count(READY)
        started = time.monotonic()
        lab.raise_up(host)
        booted = asyncio.create_task(_booted(lab, host, before))
        heard = await asyncio.gather(*(guest.hears_bot(but=pids[guest.room], within=60) for guest in hit))
        ready, its_hunger = await booted
        starving = its_hunger.seconds()
        report.facts["ready after s"] = round(ready - started, 1)
        for guest, voice in zip(hit, heard, strict=True):
            took = max(0, voice.since - ready)
            report.replace_ms.append(took * 1000)
            took = max(0, took - starving)
            report.within(took, 5, f"{guest.room} was on stage again {took:.1f} s after its worker was ready")
            await guest.ask()
        report.facts["calls on it"] = len(hit)
    await soon(lambda: host in lab.living_hosts(), 60)


async def _booted(lab: Lab, host: str, before: int) -> tuple[float, Starving]:
    """When a worker has said once more that it is ready, and what its processes wait from then on."""
    await soon(lambda: lab.process(host).logs().count(READY) > before, 60)
    return time.monotonic(), lab.starving(host)


@scenario(3, "a host is lost, with all its processes", lane="patient")
async def a_host_is_lost(lab: Lab, report: Report) -> None:
    async with AsyncExitStack() as calls:
        guests = [await calls.enter_async_context(call(lab, report, f"lost-{n}")) for n in range(2)]
        host = await asyncio.to_thread(lab.host_of, guests[0].room)
        room = await asyncio.to_thread(a_room_on, lab, host)
        pids = {guest.room: await pid_of(lab, guest) for guest in guests}
        hit = [g for g in guests if await asyncio.to_thread(lab.host_of, g.room) == host]
        began = time.monotonic()
        lab.kill_host(host)
        joinable = asyncio.create_task(asyncio.to_thread(joined_anew, lab, room, within=45))
        heard = await asyncio.gather(*(guest.hears_bot(but=pids[guest.room], within=45) for guest in hit))
        took = [round(voice.since - began, 1) for voice in heard]
        report.facts["on stage again after s"] = took
        report.facts["joinable after s"] = free = round(await joinable - began, 1)
        report.within(max(took), 35, f"a call was on stage again after {max(took)} s only")
        report.within(free, 30, f"the room was joinable after {free} s only")
        lab.raise_up(host)
    await soon(lambda: host in lab.living_hosts(), 60)


def a_room_on(lab: Lab, host: str) -> str:
    """A room whose bot, with which nobody talks, came to be on this host."""
    tried = [f"local:joined-again-{number}" for number in range(4)]  # all slots that two calls leave
    found = None
    for room in tried:
        lab.join(room, bot="quiet")
        if lab.host_of(room) == host:
            found = room
            break
    for room in tried:
        if room != found:
            lab.leave(room)
    assert found is not None, f"no bot came to be on {host}"
    return found


def joined_anew(lab: Lab, room: str, within: float) -> float:
    """When a join finds a bot that beats, after the one that was there has died."""
    dead = lab.owner(room)
    until = time.monotonic() + within
    while time.monotonic() < until:
        lab.join(room, bot="quiet", wait=1)
        view = lab.get(f"/rooms/{room}")
        if view["lease"] and view["lease"]["status"] == "active" and lab.owner(room) != dead:
            return time.monotonic()
        time.sleep(0.2)
    raise AssertionError(f"{room} could not be joined within {within} s")


@scenario(8, "a bot's process is frozen for 10 s, another for 40 s", lane="patient")
async def bots_are_frozen(lab: Lab, report: Report) -> None:
    async with call(lab, report, "nap") as napper, call(lab, report, "coma") as sleeper:
        nap, coma = await pid_of(lab, napper), await pid_of(lab, sleeper)
        epoch = await sleeper.epoch_now()
        began = time.monotonic()
        os.kill(nap, signal.SIGSTOP)
        os.kill(coma, signal.SIGSTOP)
        try:
            await asyncio.sleep(FROZEN_SHORTLY)
            os.kill(nap, signal.SIGCONT)
            await napper.hears_bot(within=15)
            report.must((await napper.ask()).pid == nap, "the bot that was frozen for 10 s did not go on")
            heard = await sleeper.hears_bot(but=coma, within=30)
            report.facts["replaced after s"] = round(heard.since - began, 1)
            await sleeper.ask()
            await asyncio.sleep(max(0, began + FROZEN_LONG - time.monotonic()))
        finally:
            for pid in (nap, coma):
                try:
                    os.kill(pid, signal.SIGCONT)
                except ProcessLookupError:
                    pass
        woken = time.monotonic()
        await asyncio.sleep(5)
        holder = await pid_of(lab, sleeper)
        session = await asyncio.to_thread(lab.session, sleeper.session_id)
        history = await asyncio.to_thread(lab.history, sleeper.session_id)
        late = [entry for entry in history if entry["event"] == "ended"]
        report.must(holder not in (coma, None), "the bot that was frozen for 40 s has the room again")
        report.must(
            session["epoch"] > epoch and session["state"] == "live", f"the session is {session['state']}"
        )
        report.must(not late, "the bot that was frozen wrote into the history of the session")
        report.must(sleeper.silence(woken) < 1, "the awakened bot disturbed the call")


@scenario(9, "a bot's event loop is blocked for good", lane="patient")
async def a_loop_is_blocked(lab: Lab, report: Report) -> None:
    async with call(lab, report, "blocked") as guest:
        pid = await pid_of(lab, guest)
        began = time.monotonic()
        guest.type(f"block {BLOCKED_FOR} {pid}")
        heard = await guest.hears_bot(but=pid, within=50)
        report.facts["replaced after s"] = round(heard.since - began, 1)
        report.must(await goes(pid, 60), "nobody ended the process")
        report.facts["process ended after s"] = took = round(time.monotonic() - began, 1)
        report.within(took, 25, f"the process was ended after {took} s only")
        await asyncio.sleep(3)  # the news of that death must not hurt the replacement
        report.must((await guest.ask()).pid != pid, "the dead answer")


@scenario(21, "a bot that crashes at boot; one that is killed three times", lane="alone")
async def a_bot_crashes_again_and_again(lab: Lab, report: Report) -> None:
    problem = await refused(lab.join, "local:broken", bot="broken", wait=25)
    report.must(problem is not None and problem.status == 503, f"the join that waited was told {problem}")
    reason = problem and problem.body.get("reason")
    report.must(reason == "crashed_too_often", f"the session of the broken bot ended as {reason}")
    free = (await asyncio.to_thread(lab.get, "/rooms/local:broken"))["lease"] is None
    report.must(free, "the room of the broken bot is not free")
    async with call(lab, report, "thrice", stays=False) as guest:
        for _ in range(2):
            await kill_bot(lab, report, guest)
            await guest.ask()
        os.kill(await pid_of(lab, guest), signal.SIGKILL)
        ended = await soon(lambda: lab.session(guest.session_id)["reason"], 15)
        report.must(ended == "crashed_too_often", f"after three crashes the session ended as {ended}")
        crashes = (await asyncio.to_thread(lab.events, guest.session_id)).count("lost")
        report.facts["crashes"] = crashes
        report.must(crashes == 3, f"its history tells of {crashes} crashes")
    must_be_quick(report)


@scenario(17, "crash after each step of a launch and of a hand-over")
async def crashes_between_steps(lab: Lab, report: Report) -> None:
    for step in ("pending", "joining", "live"):
        await _crash_at_start(lab, report, step)
    await crashes_in_hand_overs(lab, report)
    report.facts["crash points"] = 3 + len(CRASHES)


async def crashes_in_hand_overs(lab: Lab, report: Report) -> None:
    for moment, whom in CRASHES:
        try:
            await _crash(lab, report, moment, whom)
        except Exception as error:
            report.faults.append(f"{whom} killed at {moment}: {type(error).__name__}: {error}")


async def _crash_at_start(lab: Lab, report: Report, step: str) -> None:
    """Kill a bot as soon as its process has the room: before it says so, while it joins, when it is live."""
    room = f"local:crash-{step}"
    joined = await asyncio.to_thread(lab.join, room, bot="witness", user_id=f"guest-of-crash-{step}", wait=0)
    session_id = joined["session_id"]

    def kill() -> None:
        redis, until = lab.redis, time.monotonic() + 20
        while time.monotonic() < until:
            lease = json.loads(str(redis.get(f"room_active:{{{room}}}") or "{}"))
            state = redis.hget(f"session:{{{session_id}}}", "state")
            if lease.get("status") == "active" and (step == "pending" or state in (step, "live")):
                os.kill(int(str(lease["owner"]).rsplit("/", 1)[-1]), signal.SIGKILL)
                return
        raise AssertionError(f"{room} did not come to be {step}")

    await asyncio.to_thread(kill)
    began = time.monotonic()
    async with call(lab, report, f"crash-{step}") as guest:
        report.must(guest.session_id == session_id, f"killed while {step}: another session has the room")
        took = time.monotonic() - began
        report.facts[f"killed while {step}"] = f"{took:.1f} s"
        report.within(took, 10, f"killed while {step}: on stage after {took:.1f} s only")


# (how far the hand-over is, who is killed then)
CRASHES = (
    ("begun", "old"),
    ("taken", "new"),
    ("taken", "old"),
    ("ready", "new"),
    ("ready", "old"),
    ("done", "old"),
    ("done", "new"),
)


async def _crash(lab: Lab, report: Report, moment: str, whom: str) -> None:
    room = f"crash-{moment}-{whom}"
    async with call(lab, report, room) as guest:
        old = await pid_of(lab, guest)
        os.kill(old, signal.SIGTERM)
        new = await asyncio.to_thread(_watch_hand_over, lab, guest.room, old, moment)
        victim = old if whom == "old" else new
        since = time.monotonic()
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            report.facts[f"{whom} at {moment}"] = "had gone by itself"
        answer = await guest.ask(within=30)
        report.must(answer.pid != victim, f"{whom} killed at {moment}: the dead answer")
        took = time.monotonic() - since
        report.facts[f"{whom} at {moment}"] = f"{took:.1f} s"
        report.must(
            took < 10, f"{whom} killed at {moment}: on stage after {took:.1f} s only; {guest.story()}"
        )


def _watch_hand_over(lab: Lab, room: str, old: int, moment: str) -> int:
    """Wait for a moment of a hand-over; the successor's process, or 0 if there is none yet."""
    redis, until = lab.redis, time.monotonic() + 20
    while time.monotonic() < until:
        lease = json.loads(str(redis.get(f"room_active:{{{room}}}") or "{}"))
        following = lease.get("next") or {}
        new = int(str(following.get("owner") or "0").rsplit("/", 1)[-1])
        holder = int(str(lease.get("owner") or "0").rsplit("/", 1)[-1])
        if moment == "begun" and lease.get("status") == "handing_over":
            return new
        if moment == "taken" and new:
            return new
        if moment == "ready" and new and following.get("ready"):
            return new
        if moment == "done" and lease.get("status") == "active" and holder not in (0, old):
            return holder
    raise AssertionError(f"the hand-over of {room} did not get as far as {moment!r}: {lease}")
