"""A bot on its way to another room: who else wants that room, who dies meanwhile, and who has had enough."""

import asyncio
import json
import os
import signal
import time
from typing import Any

from tests.chaos.lab import Lab
from tests.chaos.listener import Listener
from tests.chaos.play import call, pid_of, refused, soon
from tests.chaos.scenario import Report, scenario

# How far a move is when the bot is killed
MOMENTS = ("begun", "adopted", "moved", "left")
LEAVES_AFTER = (0, 0.02, 0.04, 0.08, 0.16, 0.4)  # seconds; a move between local rooms takes some 100 ms


@scenario(38, "two bots move into one room at once, somebody joins it meanwhile, and two swap their rooms")
async def two_bots_into_one_room(lab: Lab, report: Report) -> None:
    made = 0
    async with call(lab, report, "one-way") as mine, call(lab, report, "other-way") as yours:
        for round_ in range(3):
            room = f"local:meeting-{round_}"
            *_, joined = await asyncio.gather(
                refused(move, lab, mine, room),
                refused(move, lab, yours, room),
                _join(lab, room, f"third-{round_}", after=round_ * 0.02),
            )
            await _is_at_rest(lab, mine, yours)
            in_room = [guest.session_id for guest in (mine, yours) if room_of(lab, guest) == room]
            held = (await asyncio.to_thread(lab.get, f"/rooms/{room}"))["lease"]["session_id"]
            report.must(len(in_room) <= 1, f"two bots have moved into {room}")
            report.must(in_room in ([], [held]), f"{room} is held by {held}, and {in_room} are in it")
            report.must(joined["session_id"] == held, f"who joined {room} was sent to {joined['session_id']}")
            await asyncio.gather(mine.ask(), yours.ask())
            made += len(in_room)
            if not in_room:
                await asyncio.to_thread(lab.leave, room)
        rooms = [room_of(lab, guest) for guest in (mine, yours)]
        await asyncio.gather(refused(move, lab, mine, rooms[1]), refused(move, lab, yours, rooms[0]))
        await _is_at_rest(lab, mine, yours)
        report.must(
            [room_of(lab, guest) for guest in (mine, yours)] == rooms,
            "a bot has moved into a room that had another one",
        )
    report.facts["moves made"] = made


@scenario(39, "a bot is killed at each moment of a move")
async def killed_on_its_way(lab: Lab, report: Report) -> None:
    for moment in MOMENTS:
        async with call(lab, report, f"from-{moment}") as guest:
            pid = await pid_of(lab, guest)
            here, there = guest.room, f"local:to-{moment}"
            await asyncio.to_thread(move, lab, guest, there)
            await asyncio.to_thread(_watch_move, lab, guest, here, there, moment)
            os.kill(pid, signal.SIGKILL)
            began = time.monotonic()
            answer = await guest.ask(within=30)
            report.must(answer.pid != pid, f"killed when {moment}: the dead answer")
            took = time.monotonic() - began
            report.facts[f"killed when {moment}"] = f"{took:.1f} s"
            report.within(took, 10, f"killed when {moment}: on stage after {took:.1f} s only")
            await _is_at_rest(lab, guest)
            has_moved = "moved" in await asyncio.to_thread(lab.events, guest.session_id)
            its, other = (there, here) if has_moved else (here, there)
            report.must(
                has_moved or moment in ("begun", "adopted"), f"killed when {moment}: the move was forgotten"
            )
            report.must(room_of(lab, guest) == its, f"killed when {moment}: it is not in {its}")
            await _must_be_free(lab, report, other)


@scenario(40, "leave during a move")
async def leaving_on_its_way(lab: Lab, report: Report) -> None:
    for number, seconds in enumerate(LEAVES_AFTER):
        async with call(lab, report, f"leaves-{number}", stays=False) as guest:
            here, there = guest.room, f"local:left-{number}"
            await asyncio.to_thread(move, lab, guest, there)
            await asyncio.sleep(seconds)
            refusal = await refused(lab.post, "/leave", {"session_id": guest.session_id})
            report.must(refusal is None, f"leaving {seconds * 1000:.0f} ms into a move: {refusal}")
            reason = await soon(lambda each=guest: lab.session(each.session_id)["reason"], 20)
            report.must(reason == "left", f"who left {seconds * 1000:.0f} ms into a move ended as {reason}")
            for room in (here, there):
                await _must_be_free(lab, report, room)
            await asyncio.sleep(1)
            report.must(guest._present() is None, f"somebody is still heard in {here} or {there}")


async def _join(lab: Lab, room: str, user: str, *, after: float) -> dict[str, Any]:
    await asyncio.sleep(after)
    return await asyncio.to_thread(lab.join, room, bot="witness", user_id=user, wait=0)


def move(lab: Lab, guest: Listener, room: str) -> Any:
    """Ask for a guest's bot to come into another room, and do not wait until it is there."""
    return lab.post(f"/sessions/{guest.session_id}/move?wait=0", {"room_url": room})


def room_of(lab: Lab, guest: Listener) -> str:
    return str(lab.session(guest.session_id)["room_url"])


async def _is_at_rest(lab: Lab, *guests: Listener) -> None:
    """No bot is on its way any more."""

    def are_at_rest() -> bool:
        sessions = [lab.session(guest.session_id) for guest in guests]
        return all(each["moving_to"] is None and each["state"] in ("live", "waiting") for each in sessions)

    await soon(are_at_rest, 40)


async def _must_be_free(lab: Lab, report: Report, room: str) -> None:
    try:
        await soon(lambda: lab.get(f"/rooms/{room}")["lease"] is None, 30)
    except AssertionError:
        report.must(False, f"{room} is not free")


def _watch_move(lab: Lab, guest: Listener, here: str, there: str, moment: str) -> None:
    """Wait for a moment of a move."""
    redis, until = lab.redis, time.monotonic() + 20
    while time.monotonic() < until:
        lease = json.loads(str(redis.get(f"room_active:{{{there}}}") or "{}"))
        room = redis.hget(f"session:{{{guest.session_id}}}", "room")
        if moment == "begun" and lease:
            return
        if moment == "adopted" and lease.get("owner"):
            return
        if moment == "moved" and room == there:
            return
        if moment == "left" and room == there and not redis.exists(f"room_active:{{{here}}}"):
            return
    raise AssertionError(f"the move to {there} did not get as far as {moment!r}: {lease}")
