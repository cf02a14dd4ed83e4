"""What a bot takes of memory in a LiveKit room, its voice activity detector loaded and used: PSS of its process.

Ours is a child of the worker with our own bot, which also understands, thinks, speaks
and judges turns; the peer is a job of LiveKit Agents, an AgentSession with Silero and
nothing else.  Each is one of several, in a room of its own, where somebody has spoken.
PSS counts a page that processes share once: each has its part of it.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.livekit_stage import PEER, Joins, agents, livekit
from benchmarks.report import alternate, median, memory_of, say
from greenroom.app.rooms.room import Room
from tests.fakes.livekit_guest import Guest
from tests.rigs.livekit_server import LiveKitServer, livekit_server
from tests.rigs.product import product

BOTS = 3
ROUNDS = 1
VOICE = Path(__file__).parent.parent / "tests" / "voices" / "name.wav"
HEARD_WITHIN = 30.0  # seconds
SETTLE = 8  # seconds until what was said is answered, and what that took is given back


def ours() -> float:
    with livekit_server() as server, product((), SLOTS=str(BOTS), **server.settings) as running:
        joins = Joins(running, server)
        rooms = [secrets.token_hex(8) for _ in range(BOTS)]

        def pids() -> list[int]:
            return [int(running.owner(f"{server.url}/{room}").rsplit("/", 1)[1]) for room in rooms]

        def has_heard(guests: list[Guest]) -> bool:
            return all(guest.of_type("user-transcription") for guest in guests)

        return asyncio.run(_heard(server, rooms, joins.start, has_heard, pids))


def peers() -> float:
    with livekit_server() as server, agents(server, "session", idle=BOTS) as peer:
        rooms = [secrets.token_hex(8) for _ in range(BOTS)]

        def has_heard(_: list[Guest]) -> bool:
            return set(peer.pids["speaking"]) == set(peer.pids["job"])

        return asyncio.run(_heard(server, rooms, peer.start, has_heard, lambda: peer.pids["job"]))


async def _heard(
    server: LiveKitServer,
    rooms: list[str],
    start: Callable[[str], object],
    has_heard: Callable[[list[Guest]], bool],
    pids: Callable[[], list[int]],
) -> float:
    """MB of a bot's process, the median of all of them at several moments after somebody has spoken."""
    async with AsyncExitStack() as stack:
        guests = []
        for room in rooms:
            admission = livekit(server).admit(Room.parse(f"{server.url}/{room}"), "ann")
            connect = {"url": admission.url, "room_token": admission.room_token}
            guests.append(await stack.enter_async_context(Guest(connect)))
            await asyncio.to_thread(start, room)
            await guests[-1].until(lambda guest: guest.tracks)
        await asyncio.sleep(SETTLE)  # ours greets
        for guest in guests:
            guest.say(VOICE)
        await guests[0].until(lambda _: has_heard(guests), within=HEARD_WITHIN)
        await asyncio.sleep(SETTLE)
        samples = []
        for _ in range(7):
            samples += [memory_of(pid, "Pss") for pid in pids()]
            await asyncio.sleep(0.5)
        return median(samples)


def main() -> None:
    results = alternate(ROUNDS, ours=ours, peer=peers)
    mine, theirs = median(results["ours"]), median(results["peer"])
    say(
        bench="livekit-memory",
        ours=mine,
        peer=theirs,
        peer_name=f"{PEER}: a job's process, an AgentSession with Silero and nothing else",
        ratio=theirs / mine,
        unit="MB PSS, a bot's process in a LiveKit room, VAD loaded and used",
        bots=BOTS,
    )


if __name__ == "__main__":
    main()
