"""A bot goes from one LiveKit room to another, and from the request to its being on stage there.

Peer: the same bot leaves the first room and is joined to the second, in turns with ours on the same warm worker.  Both
times end in somebody who was in the second room before and is told that a track of sound was published; the bot of the
second measurement hums all the time, and somebody who hears both rooms notes the silence between the two.
"""

import asyncio
import secrets
import time
from contextlib import ExitStack
from typing import Any

import numpy as np
from livekit import rtc

from benchmarks.livekit_join import wait_for_calm
from benchmarks.livekit_stage import Joins, Watcher, livekit
from benchmarks.report import alternate, percentile, say
from greenroom.app.rooms.room import Room
from tests.rigs.eventually import eventually
from tests.rigs.livekit_server import LiveKitServer, livekit_server
from tests.rigs.product import Product, product

ROUNDS = 6
A_ROUND = 3
AUDIBLE = 300  # of 32,767
HEARD_WITHIN = 20.0  # seconds


class Ears:
    """Somebody in a room, who notes when its bot is heard."""

    def __init__(self, server: LiveKitServer, room: str, heard: list[tuple[float, str]]) -> None:
        self._admission = livekit(server).admit(Room.parse(f"{server.url}/{room}"), "ears")
        self._name, self._heard = room, heard
        self._rtc = rtc.Room()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Ears":
        self._rtc.on("track_subscribed", self._subscribed)
        await self._rtc.connect(self._admission.url, self._admission.room_token)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await self._rtc.disconnect()

    def _subscribed(self, track: Any, *_: Any) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            self._tasks.append(asyncio.create_task(self._listen(track)))

    async def _listen(self, track: Any) -> None:
        async for event in rtc.AudioStream(track, sample_rate=16_000, num_channels=1):
            samples = np.frombuffer(event.frame.data, dtype=np.int16)
            if samples.size and np.abs(samples.astype(np.int32)).max() > AUDIBLE:
                self._heard.append((time.perf_counter(), self._name))


class Moves(Joins):
    """Ours, and what one does without it."""

    def __init__(self, ours: Product, server: LiveKitServer) -> None:
        super().__init__(ours, server)
        self._rooms_url = server.url

    def move(self, session_id: str, room: str) -> None:
        self._post(f"/sessions/{session_id}/move", room_url=f"{self._rooms_url}/{room}")

    def leave_and_join(self, session_id: str, room: str, bot: str) -> dict[str, Any]:
        self._post("/leave", session_id=session_id)
        return self.start(room, bot=bot)

    def leave(self, session_id: str) -> None:
        self._post("/leave", session_id=session_id)


async def one(server: LiveKitServer, moves: Moves, *, is_move: bool) -> tuple[float, float]:
    """The time until the bot is there, and the silence, in ms."""
    first, second, heard = secrets.token_hex(8), secrets.token_hex(8), list[tuple[float, str]]()
    async with Ears(server, first, heard), Ears(server, second, heard), Watcher(server, second) as watcher:
        session_id = (await asyncio.to_thread(moves.start, first, bot="humming"))["session_id"]
        await _hears(heard, first)
        began = time.perf_counter()
        if is_move:
            await asyncio.to_thread(moves.move, session_id, second)
        else:
            again = await asyncio.to_thread(moves.leave_and_join, session_id, second, "humming")
            session_id = again["session_id"]
        seen = await watcher.sees()
        await _hears(heard, second)
    await asyncio.to_thread(moves.leave, session_id)
    there = min(moment for moment, room in heard if room == second)
    here = max((moment for moment, room in heard if room == first and moment <= there), default=there)
    return (seen - began) * 1000, max(0.0, there - here) * 1000


async def _hears(heard: list[tuple[float, str]], room: str) -> None:
    deadline = time.perf_counter() + HEARD_WITHIN
    while sum(name == room for _, name in heard) < 20:
        if time.perf_counter() > deadline:
            raise SystemExit(f"the bot was not heard in {room}")
        await asyncio.sleep(0.01)


def measured(server: LiveKitServer, moves: Moves, *, is_move: bool) -> list[tuple[float, float]]:
    took = []
    for _ in range(A_ROUND):
        wait_for_calm()
        took.append(asyncio.run(one(server, moves, is_move=is_move)))
    return took


def main() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(livekit_server())
        bots = "humming=benchmarks.humming:humming"
        ours = stack.enter_context(product((), SLOTS="1", BOTS=bots, **server.settings))
        moves = Moves(ours, server)
        eventually(ours.is_ready, within=60)
        asyncio.run(one(server, moves, is_move=True))  # its child runs its first bot
        results = alternate(
            ROUNDS,
            ours=lambda: measured(server, moves, is_move=True),
            peer=lambda: measured(server, moves, is_move=False),
        )
    took = {name: [each for round_ in rounds for each in round_] for name, rounds in results.items()}
    there = {name: [each for each, _ in times] for name, times in took.items()}
    silent = {name: [each for _, each in times] for name, times in took.items()}
    p50 = {name: percentile(times, 50) for name, times in there.items()}
    say(
        bench="move",
        ours=p50["ours"],
        peer=p50["peer"],
        peer_name="the same bot leaves the one room and is joined to the other",
        ratio=p50["peer"] / p50["ours"],
        unit="ms from the request to the bot's track in the other LiveKit room",
        p50=round(p50["ours"], 1),
        p99=round(percentile(there["ours"], 99), 1),
        silence_p50=round(percentile(silent["ours"], 50), 1),
        silence_p99=round(percentile(silent["ours"], 99), 1),
        peer_silence_p50=round(percentile(silent["peer"], 50), 1),
        moves=len(there["ours"]),
    )


if __name__ == "__main__":
    main()
