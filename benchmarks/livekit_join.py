"""From `POST /join` to a bot that is in its LiveKit room with its sound, on warm workers.

The peer is LiveKit Agents with processes that wait for jobs: from `CreateDispatch` to
the same.  Both times end in somebody who was in the room before and is told by the
server that a track of sound was published; both are asked over HTTP on a connection
that is open, in turns, for rooms on the same server.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Protocol

import psutil

from benchmarks.livekit_stage import PEER, Agents, Joins, Watcher, agents
from benchmarks.report import alternate, percentile, say
from tests.rigs.livekit_server import LiveKitServer, livekit_server
from tests.rigs.product import product

ROUNDS = 10
A_ROUND = 2
IDLE = 2  # processes of each that wait: two cores
CALM = 0.15  # of all cores: what may go on elsewhere when a clock is started
CALMS_WITHIN = 1.0  # seconds; on a machine that others keep busy each of the joins waits so long


class Starts(Protocol):
    def start(self, room: str) -> Any: ...

    def end(self, room: str) -> None: ...


def measured(server: LiveKitServer, starts: Starts, afterwards: Callable[[], None]) -> list[float]:
    """So many rooms, one after another.  In ms."""
    took = []
    for _ in range(A_ROUND):
        wait_for_calm()
        took.append(asyncio.run(one(server, starts)))
        afterwards()
    return took


async def one(server: LiveKitServer, starts: Starts) -> float:
    room = secrets.token_hex(8)
    async with Watcher(server, room) as watcher:
        await asyncio.sleep(0.2)  # the watcher's own connection settles
        began = time.perf_counter()
        await asyncio.to_thread(starts.start, room)
        seen = await watcher.sees()
    starts.end(room)
    return (seen - began) * 1000


def wait_for_calm() -> None:
    """What the room before left to do is not this one's to wait for; what others do here is, if it does not end."""
    deadline = time.monotonic() + CALMS_WITHIN
    while psutil.cpu_percent(interval=0.5) > 100 * CALM and time.monotonic() < deadline:
        pass


def main() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(livekit_server())
        ours = Joins(stack.enter_context(product((), SLOTS=str(IDLE), **server.settings)), server)
        whole, least = (stack.enter_context(agents(server, kind, idle=IDLE)) for kind in ("session", "track"))

        def of(peer: Agents) -> list[float]:
            return measured(server, peer, peer.wait_until_warm)

        measured(server, ours, lambda: None)  # each child of ours runs its first bot
        results = alternate(
            ROUNDS,
            ours=lambda: measured(server, ours, lambda: None),
            peer=lambda: of(whole),
            least=lambda: of(least),
        )
    times = {name: [each for round_ in rounds for each in round_] for name, rounds in results.items()}
    p50 = {name: percentile(took, 50) for name, took in times.items()}
    say(
        bench="livekit-join",
        ours=p50["ours"],
        peer=p50["peer"],
        peer_name=f"{PEER}: an AgentSession, its process prewarmed, from CreateDispatch",
        ratio=p50["peer"] / p50["ours"],
        unit="ms from the request to the bot's track of sound published in a LiveKit room",
        p50=round(p50["ours"], 1),
        p99=round(percentile(times["ours"], 99), 1),
        peer_p99=round(percentile(times["peer"], 99), 1),
        least_of_peer=round(p50["least"], 1),
        least_of_peer_name="the same, its job only connects and publishes a track",
        ratio_to_least=round(p50["least"] / p50["ours"], 2),
        joins=len(times["ours"]),
    )


if __name__ == "__main__":
    main()
