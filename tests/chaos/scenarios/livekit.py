"""Calls in LiveKit rooms: what hurts a bot, a worker or the room's server, as the people there hear it."""

import asyncio
import os
import signal
import time
from contextlib import AsyncExitStack, closing

from livekit import rtc

from greenroom.app.providers.livekit import LiveKit
from greenroom.app.rooms.providers import bot_identity
from greenroom.app.rooms.room import Room
from tests.chaos.lab import Lab
from tests.chaos.listener import Listener
from tests.chaos.play import call, goes, kill_bot, must_be_quick, pid_of, soon
from tests.chaos.scenario import Report, scenario
from tests.chaos.scenarios.deaths import crashes_in_hand_overs
from tests.chaos.scenarios.deploys import GAP, one_host
from tests.rigs.livekit_server import LiveKitServer
from tests.rigs.makers import a_session

KILLS = 2
FROZEN = 30  # seconds: its room is another bot's by then
CUT_OFF = 60  # seconds
SERVER_AWAY = 3  # seconds
CONTINUOUS = 1.0  # seconds of silence that nobody takes for the end
HEARD_AGAIN_WITHIN = 40  # seconds after a server is back, which clients and bots try to reach again and again


@scenario(30, "LiveKit: kill -9 of a bot's process", lane="alone", own=True, livekit=True)
async def a_bot_is_killed(lab: Lab, report: Report, kills: int = KILLS) -> None:
    async with call(lab, report, "killed") as guest:
        for _ in range(kills):
            await kill_bot(lab, report, guest)
            await guest.ask()
    must_be_quick(report)


@scenario(31, "LiveKit: SIGTERM to a worker with calls", lane="rooms", livekit=True)
async def a_worker_is_told_to_go(lab: Lab, report: Report) -> None:
    async with AsyncExitStack() as calls:
        guests = [await calls.enter_async_context(call(lab, report, f"deploy-{n}")) for n in range(2)]
        await one_host(lab, report, guests)


@scenario(35, "LiveKit: crash after each step of a hand-over", lane="rooms", livekit=True)
async def crashes_between_steps(lab: Lab, report: Report) -> None:
    await crashes_in_hand_overs(lab, report)


@scenario(
    32,
    "LiveKit: a bot that was frozen for 30 s comes back; a stranger's bot, and a false one",
    lane="rooms",
    livekit=True,
)
async def a_second_bot_comes(lab: Lab, report: Report) -> None:
    async with call(lab, report, "visited") as guest:
        await _frozen(lab, report, guest)
        await _visited(lab, report, guest)
    async with call(lab, report, "taken", stays=False) as guest:
        await _displaced(lab, report, guest)


async def _frozen(lab: Lab, report: Report, guest: Listener) -> None:
    """Its room has another by then, which it must not put out."""
    frozen, began = await pid_of(lab, guest), time.monotonic()
    os.kill(frozen, signal.SIGSTOP)
    try:
        heard = await guest.hears_bot(but=frozen, within=FROZEN)
        report.facts["replaced after s"] = round(heard.since - began, 1)
        await guest.ask()
        await asyncio.sleep(max(0, began + FROZEN - time.monotonic()))
    finally:
        os.kill(frozen, signal.SIGCONT)
    woken, holder = time.monotonic(), await pid_of(lab, guest)
    report.must(await goes(frozen, 20), "the bot that was frozen has not gone")
    report.must((await guest.ask()).pid == holder != frozen, "another than the room's bot answers")
    report.must(guest.silence(woken) < CONTINUOUS, "the awakened bot disturbed the call")


async def _visited(lab: Lab, report: Report, guest: Listener) -> None:
    """Another vendor's bot is in the room for a while: ours goes on."""
    bot, began = await pid_of(lab, guest), time.monotonic()
    async with AsyncExitStack() as visit:
        await _enter(visit, lab, guest, "agent-of-others", '{"bot": true}')
        await asyncio.sleep(2)
        report.must((await guest.ask()).pid == bot, "a visiting bot cost ours its place")
    report.must(guest.silence(began) < CONTINUOUS, "a visiting bot disturbed the call")


async def _displaced(lab: Lab, report: Report, guest: Listener) -> None:
    """Somebody takes the one identity that bots of the room have: ours obeys, and who asks again has one again."""
    first = guest.session_id
    async with AsyncExitStack() as visit:
        false = await _enter(visit, lab, guest, bot_identity(Room.parse(guest.room)), "")
        reason = await soon(lambda: lab.session(first)["reason"], 20)
        report.must(reason == "superseded", f"the displaced session ended as {reason}")
        guest.known.clear()  # it is over, and what comes is another
        asked = time.monotonic()
        await asyncio.to_thread(lab.join, guest.room, bot="witness", user_id=guest.user)
        await guest.hears_bot(since=asked, within=30)
        report.must(
            await soon(lambda: false.connection_state != rtc.ConnectionState.CONN_CONNECTED, 10),
            "the false bot is there still",
        )
        await guest.ask()


async def _enter(visit: AsyncExitStack, lab: Lab, guest: Listener, identity: str, metadata: str) -> rtc.Room:
    """A participant that somebody made who has the server's secret."""
    room, server = rtc.Room(), _server(lab)
    with closing(LiveKit(server.url, server.key, server.secret)) as door:
        at = Room.parse(guest.room)
        if identity == bot_identity(at):
            token = door.bot_token(a_session("another", room=at))
        else:
            token = door.admit(at, identity).room_token
    await room.connect(server.url, token)
    visit.push_async_callback(room.disconnect)
    return room


@scenario(33, f"LiveKit: a worker is cut off from Redis for {CUT_OFF} s", lane="rooms", livekit=True)
async def a_worker_is_cut_off(lab: Lab, report: Report) -> None:
    async with call(lab, report, "cut-off") as guest:
        old, epoch = await pid_of(lab, guest), await guest.epoch_now()
        host, began = await asyncio.to_thread(lab.host_of, guest.room), time.monotonic()
        lab.links[host].darken()
        words = guest.type("said on the far side")  # nobody but the old bot may ever know it
        await guest.until(lambda: words in guest.answers)
        guest.known.discard(words)
        heard = await guest.hears_bot(but=old, within=CUT_OFF)
        report.facts["replaced after s"] = round(heard.since - began, 1)
        is_later = await guest.epoch_now() > epoch
        report.must(is_later, "the room has another bot, and the session no later epoch")
        await asyncio.sleep(max(0, began + CUT_OFF - time.monotonic()))
        holder, healed = await pid_of(lab, guest), time.monotonic()
        lab.links[host].mend()
        await asyncio.sleep(6)
        answer = await guest.ask()
        report.must(answer.pid == holder != old, "another than the room's bot answers")
        report.must(words not in answer.lines, "a late turn was taken")
        report.facts["silent for ms"] = round(guest.silence(began) * 1000)
        report.must(guest.silence(began) < GAP, f"nobody was heard for {guest.silence(began):.1f} s")
        report.must(guest.silence(healed) < CONTINUOUS, "the end of the partition disturbed the call")
        await soon(lambda: host in lab.living_hosts(), 40)


@scenario(34, "LiveKit: the rooms' server dies, and is back", lane="rooms", livekit=True)
async def the_server_is_restarted(lab: Lab, report: Report) -> None:
    server = _server(lab)
    async with AsyncExitStack() as calls:
        guests = [await calls.enter_async_context(call(lab, report, f"restart-{n}")) for n in range(2)]
        server.kill()
        await asyncio.sleep(SERVER_AWAY)
        await asyncio.to_thread(server.start)
        back = time.monotonic()
        heard = await asyncio.gather(*(guest.hears_bot(within=HEARD_AGAIN_WITHIN) for guest in guests))
        report.facts["heard again after s"] = [round(max(0, each.since - back), 1) for each in heard]
        await asyncio.gather(*(guest.ask(within=HEARD_AGAIN_WITHIN) for guest in guests))


def _server(lab: Lab) -> LiveKitServer:
    assert lab.livekit is not None
    return lab.livekit
