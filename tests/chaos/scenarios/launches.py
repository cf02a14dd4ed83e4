"""From an accepted join to a bot on stage: what may get lost, doubled or killed on that way."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta

import psutil
from redis import Redis

from greenroom.app.queue_names import LAUNCHES
from greenroom.app.rooms.deadlines import SetDeadline
from greenroom.app.storage.ledger import RedisLedger
from tests.chaos.lab import Lab
from tests.chaos.listener import Listener
from tests.chaos.play import call, pid_of, refused, soon
from tests.chaos.scenario import Report, scenario
from tests.rigs.makers import an_unlaunched_session

DELIVERIES = 10
FREE_WITHIN = 65  # seconds: a claim that nobody adopts lapses after 60
NO_BEAT_FOR = 75  # seconds: longer than anything that lapses by itself lives


def claim(lab: Lab, room: str, *, record: bool, bot: str = "witness") -> tuple[str, str]:
    """Claim a room as a web process does that dies right after, or after it wrote the record; (session, token)."""
    ledger = RedisLedger(lab.environ["REDIS_URL"])
    session, token = an_unlaunched_session(ledger, room, bot, is_written=record)
    if record:
        ledger.run(SetDeadline(session.room, timedelta(seconds=10)))
    ledger.close()
    return session.id, token


@scenario(10, f"the same launch delivered {DELIVERIES} times, and again later")
async def a_launch_is_delivered_often(lab: Lab, report: Report) -> None:
    session_id, token = await asyncio.to_thread(claim, lab, "local:often", record=True)

    def deliver() -> None:
        for _ in range(DELIVERIES):
            lab.celery.send_task("bots.launch", (session_id, token), queue=LAUNCHES, expires=60)

    await asyncio.to_thread(deliver)
    async with call(lab, report, "often") as guest:
        report.must(guest.session_id == session_id, "the room has another session")
        pid = await pid_of(lab, guest)
        await asyncio.to_thread(lab.drain_launches)
        await asyncio.to_thread(deliver)  # late: it is live
        await asyncio.to_thread(lab.drain_launches)
        report.must((await guest.ask()).pid == pid, "a second bot answers")
        joined = (await asyncio.to_thread(lab.events, session_id)).count("joining")
        report.facts["deliveries"], report.facts["bots"] = 2 * DELIVERIES, joined
        report.must(joined == 1, f"{joined} bots joined")
    await asyncio.to_thread(deliver)  # later still: it has ended
    await asyncio.to_thread(lab.drain_launches)
    await asyncio.sleep(1)
    events = await asyncio.to_thread(lab.events, session_id)
    report.must(events.count("joining") == 1, "an ended session was started again")
    report.must(
        (await asyncio.to_thread(lab.get, "/rooms/local:often"))["lease"] is None, "the room is not free"
    )


class Thief:
    """Takes launches from the queue as a worker does that dies with them."""

    def __init__(self, lab: Lab, *, at_most: int) -> None:
        self.stolen = 0
        self._left = threading.Semaphore(at_most)
        self._redis = Redis.from_url(lab.environ["REDIS_URL"])
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._steal, daemon=True) for _ in range(min(at_most, 3))]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()
        time.sleep(2.5)  # whoever waits longest is served first, and workers ask anew each second

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(5)
        self._redis.close()

    def _steal(self) -> None:
        while not self._is_over.is_set() and self._left.acquire(blocking=False):
            while not self._is_over.is_set():
                if self._redis.brpop([LAUNCHES], 3):
                    self.stolen += 1
                    break


@asynccontextmanager
async def stealing(lab: Lab, *, at_most: int) -> AsyncIterator[Thief]:
    thief = Thief(lab, at_most=at_most)
    await asyncio.to_thread(thief.start)
    try:
        yield thief
    finally:
        await asyncio.to_thread(thief.stop)


@scenario(11, "launches are lost between broker and worker, once and always", lane="patient")
async def launches_are_lost(lab: Lab, report: Report) -> None:
    async with stealing(lab, at_most=1):
        began = time.monotonic()
        once = await asyncio.to_thread(lab.join, "local:once", wait=0)
        await soon(lambda: lab.session(once["session_id"])["state"] == "live", 40)
        report.facts["live after s"] = round(time.monotonic() - began, 1)
        launches = (await asyncio.to_thread(lab.session, once["session_id"]))["launches"]
        report.must(launches == 2, f"it took {launches} launches, the first of which was stolen")
    async with stealing(lab, at_most=100) as thief:
        began = time.monotonic()
        always = await asyncio.to_thread(lab.join, "local:always", wait=0)
        await soon(lambda: lab.session(always["session_id"])["state"] == "ended", FREE_WITHIN + 10)
        took = time.monotonic() - began
        report.facts["given up after s"] = round(took, 1)
    session = await asyncio.to_thread(lab.session, always["session_id"])
    report.must(session["reason"] == "launch_failed", f"it ended as {session['reason']}")
    report.must(thief.stolen == 4, f"{thief.stolen} launches, not the first and three more")
    report.must(took <= FREE_WITHIN, f"it was given up after {took:.0f} s only")
    report.must(
        (await asyncio.to_thread(lab.get, "/rooms/local:always"))["lease"] is None, "its room is not free"
    )


@scenario(12, f"beat is dead for {NO_BEAT_FOR} s; then there are two", lane="dark", own=True)
async def beat_is_dead_and_then_double(lab: Lab, report: Report) -> None:
    lab.kill("beat")
    lab.process("beat").wait()
    without = time.monotonic()
    await asyncio.to_thread(claim, lab, "local:lapsing", record=False)
    await asyncio.to_thread(lab.join, "local:dying")
    host = await asyncio.to_thread(lab.host_of, "local:dying")
    dead = await asyncio.to_thread(lab.owner, "local:dying")
    lab.kill_host(host)
    began = time.monotonic()

    async def joinable(room: str, than: str = "") -> float:
        def look() -> bool:
            lab.join(room, wait=1)
            view = lab.get(f"/rooms/{room}")
            return bool(view["lease"] and view["lease"]["status"] == "active" and lab.owner(room) != than)

        await soon(look, FREE_WITHIN + 20)
        return time.monotonic() - began

    dying, lapsing = await asyncio.gather(joinable("local:dying", dead), joinable("local:lapsing"))
    report.facts["dead bot's room free after s"] = round(dying, 1)
    report.facts["unadopted claim's room free after s"] = round(lapsing, 1)
    report.must(dying <= 30, f"the room of the dead bot was joinable after {dying:.0f} s only")
    report.must(lapsing <= FREE_WITHIN, f"the claimed room was joinable after {lapsing:.0f} s only")
    async with call(lab, report, "beatless") as guest:
        await asyncio.sleep(max(0, without + NO_BEAT_FOR - time.monotonic()))
        pid = await pid_of(lab, guest)
        os.kill(pid, signal.SIGKILL)  # what a parent sees needs no beat
        await guest.hears_bot(but=pid, within=10)

    lab.raise_up("beat")
    lab.raise_up("second-beat")
    lab.raise_up(host)
    await soon(lambda: host in lab.living_hosts(), 60)
    async with call(lab, report, "two-beats") as guest:
        await asyncio.sleep(4)  # both have been at work
        at = await asyncio.to_thread(lab.host_of, guest.room)
        pid = await pid_of(lab, guest)
        lab.kill_host(at)
        await guest.hears_bot(but=pid, within=45)
        await asyncio.sleep(4)
        events = await asyncio.to_thread(lab.events, guest.session_id)
        report.must(events.count("lost") == 1, f"two beats: lost {events.count('lost')} times")
        started = events.count("joining")  # "live" comes again as well when a person comes back
        report.must(started == 2, f"two beats: {started} bots started")


@scenario(
    13, "the API is killed after a claim, before a launch is in the queue, and anywhere", lane="patient"
)
async def the_api_is_killed(lab: Lab, report: Report) -> None:
    accepted = await asyncio.to_thread(_join_while_killing, lab)
    for session_id in accepted:
        end = await soon(lambda each=session_id: _outcome(lab, each), FREE_WITHIN)
        report.must(end, "an accepted session is neither live nor ended with a reason")
    report.facts["accepted under kills"] = len(accepted)
    await asyncio.to_thread(lab.empty)

    began = time.monotonic()
    await asyncio.to_thread(claim, lab, "local:claimed", record=False)
    recorded, _ = await asyncio.to_thread(claim, lab, "local:recorded", record=True)
    await soon(lambda: lab.session(recorded)["state"] in ("live", "ended"), FREE_WITHIN)
    state = (await asyncio.to_thread(lab.session, recorded))["state"]
    report.facts["written, not queued: live after s"] = round(time.monotonic() - began, 1)
    report.must(state == "live", "a session whose launch was not queued was not launched")
    await asyncio.to_thread(lab.leave, "local:recorded")

    def joined() -> bool:
        lab.join("local:claimed", wait=1)
        lease = lab.get("/rooms/local:claimed")["lease"]
        return bool(lease and lease["status"] == "active")

    await soon(joined, FREE_WITHIN + 5)
    took = time.monotonic() - began
    report.facts["claimed only: joinable after s"] = round(took, 1)
    report.must(took <= FREE_WITHIN, f"a claim without a record kept its room for {took:.0f} s")


def _outcome(lab: Lab, session_id: str) -> str:
    """Live (then it is asked to leave), or why it ended; empty while it is undecided."""
    session = lab.session(session_id)
    if session["state"] in ("live", "waiting"):
        lab.leave(session["room_url"])
        return "live"
    return str(session["reason"] or "") if session["state"] == "ended" else ""


def _join_while_killing(lab: Lab) -> list[str]:
    """Joins of many rooms while the web's processes are killed; the sessions that were promised."""

    def join(number: int) -> str | None:
        try:
            return str(lab.join(f"local:storm-{number}", bot="quiet", wait=0)["session_id"])
        except Exception:  # cut off: nothing was promised
            return None

    def kill() -> None:
        for _ in range(4):
            time.sleep(0.15)
            for child in lab.process("web").children():
                try:
                    child.kill()
                except psutil.NoSuchProcess:
                    pass

    with ThreadPoolExecutor(12) as crowd:
        killer = crowd.submit(kill)
        answers = list(crowd.map(join, range(40)))
        killer.result()
    return [answer for answer in answers if answer]


@scenario(16, "two bots are asked for one room at once, and two callers for each other's room")
async def two_bots_for_one_room(lab: Lab, report: Report) -> None:
    for round_ in range(5):
        room = f"local:both-{round_}"
        bots = ["quiet", "witness"] * 8
        answers = await asyncio.gather(*(asyncio.to_thread(lab.join, room, bot=bot, wait=0) for bot in bots))
        sessions = {answer["session_id"] for answer in answers}
        report.must(len(sessions) == 1, f"{len(sessions)} sessions for one room")
        report.must(len({answer["bot"] for answer in answers}) == 1, "callers were told of different bots")
        (session_id,) = sessions
        await soon(lambda each=session_id: lab.session(each)["state"] == "live")
        report.must(lab.events(session_id).count("joining") == 1, "two bots joined one room")
        await asyncio.to_thread(lab.leave, room)
    async with call(lab, report, "mine") as mine, call(lab, report, "yours") as yours:
        found = await asyncio.gather(
            asyncio.to_thread(lab.join, yours.room, user_id=mine.user),
            asyncio.to_thread(lab.join, mine.room, user_id=yours.user),
        )
        report.must(
            [each["session_id"] for each in found] == [yours.session_id, mine.session_id],
            "callers who swapped rooms did not find the bots there",
        )


@scenario(18, "leave during a start and during a hand-over")
async def leaving_meanwhile(lab: Lab, report: Report) -> None:
    for number in range(6):
        room = f"local:hurry-{number}"
        joined = await asyncio.to_thread(lab.join, room, wait=0)
        await asyncio.sleep(number * 0.006)  # a start takes some 30 ms: each of its moments
        refusal = await refused(lab.post, "/leave", {"room_url": room})
        report.must(refusal is None, f"leaving during the start: {refusal}")
        await _left(lab, report, room, joined["session_id"])
    for number in range(3):
        async with call(lab, report, f"handed-{number}", stays=False) as guest:
            pid = await pid_of(lab, guest)
            os.kill(pid, signal.SIGTERM)
            await asyncio.sleep(number * 0.4)
            refusal = await refused(lab.post, "/leave", {"room_url": guest.room})
            report.must(refusal is None, f"leaving {number * 400} ms into a hand-over: {refusal}")
            await _left(lab, report, guest.room, guest.session_id)
            await _nobody_hums(report, guest)


async def _left(lab: Lab, report: Report, room: str, session_id: str) -> None:
    reason = await soon(lambda: lab.session(session_id)["reason"], 20)
    report.must(reason in ("left", "shutdown"), f"{room} ended as {reason}")
    await asyncio.sleep(1)  # whoever was on the way is there by now
    lease = (await asyncio.to_thread(lab.get, f"/rooms/{room}"))["lease"]
    report.must(lease is None, f"{room} is not free: {lease}")


async def _nobody_hums(report: Report, guest: Listener) -> None:
    await asyncio.sleep(1)
    report.must(guest._present() is None, f"somebody is still heard in {guest.room}")
