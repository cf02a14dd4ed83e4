"""From a person's return to the moment in which their bot hears them.

Somebody talks to a bot in a local room, goes, and comes back: with their offer ready they join, post it, and speak.
The clock stops when the bot says that the first sound has come through its pipeline.  The peer is the same bot and the
same client with a fresh process: Python is started, pipecat imported, the offer answered (`benchmarks/hearing_bot.py`).

Beside that, without a peer: how long it takes from a return until the demo bot begins to speak its answer to a question
that is asked as soon as it is ready (`answered_p50`, `answered_p99`).
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Awaitable, Callable
from fractions import Fraction
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack, RTCSessionDescription
from av import AudioFrame

from benchmarks.report import alternate, percentile, say
from tests.fakes.person import Person, peer_connection
from tests.rigs.eventually import eventually
from tests.rigs.product import Product, product

ROUNDS = 5
RETURNS_A_ROUND = 10
WITHIN = 30.0  # seconds
RATE = 48_000
FRAME = RATE // 50  # 20 ms
rooms = itertools.count()

Description = dict[str, str]
Answering = Callable[[Description], Awaitable[Description]]


class Tone(MediaStreamTrack):
    """A voice that never pauses, in real time."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        wave = 8000 * np.sin(np.arange(FRAME) * 2 * np.pi * 440 / RATE)
        self._samples = wave.astype(np.int16)[None, :]
        self._sent, self._began = 0, 0.0

    async def recv(self) -> AudioFrame:
        self._began = self._began or time.monotonic()
        await asyncio.sleep(max(0, self._began + self._sent / RATE - time.monotonic()))
        frame = AudioFrame.from_ndarray(self._samples, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sent, Fraction(1, RATE)
        self._sent += FRAME
        return frame


async def until_heard(answer: Answering) -> float:
    """Connect with what answers the offer, and speak; how long it takes until the bot has heard it, in ms."""
    peer, heard = peer_connection(), asyncio.Event()
    peer.addTrack(Tone())
    channel = peer.createDataChannel("chat", ordered=True)
    channel.on("message", lambda text: heard.set() if "heard" in text else None)
    await peer.setLocalDescription(await peer.createOffer())
    offer = {"sdp": peer.localDescription.sdp, "type": peer.localDescription.type}
    began = time.perf_counter()
    try:
        answered = await answer(offer)
        await peer.setRemoteDescription(RTCSessionDescription(answered["sdp"], answered["type"]))
        await asyncio.wait_for(heard.wait(), WITHIN)
        return (time.perf_counter() - began) * 1000
    finally:
        await peer.close()


def returns(ours: Product) -> list[float]:
    """So many returns to one bot, each once it has seen the person go; in ms."""
    order = {"room_url": f"local:bench-{next(rooms)}", "user_id": "ann", "bot": "hearing"}
    session_id = ours.post("/join?wait=20", order)["session_id"]

    def join_and_offer(offer: Description) -> Description:
        connect = ours.post("/join", order)["connect"]
        answer: Description = ours.call("POST", connect["offer_url"], offer, token=connect["token"])
        return answer

    async def come() -> float:
        return await until_heard(lambda offer: asyncio.to_thread(join_and_offer, offer))

    took = []
    for _ in range(RETURNS_A_ROUND + 1):
        took.append(asyncio.run(come()))
        eventually(lambda: ours.session(session_id)["state"] == "waiting")
    ours.post("/leave", {"session_id": session_id})
    return took[1:]  # the first is no return


def answers(ours: Product) -> list[float]:
    """So many returns to the demo bot, until it begins to answer; in ms."""
    order = {"room_url": f"local:bench-{next(rooms)}", "user_id": "ann", "bot": "assistant"}
    session_id = ours.post("/join?wait=20", order)["session_id"]

    async def come_and_ask() -> float:
        began = time.perf_counter()
        joined = await asyncio.to_thread(ours.post, "/join", order)
        async with Person(ours.url, joined["connect"]) as ann:
            await ann.until(lambda ann: ann.of_type("bot-ready"))
            ann.type("What time is it?")
            await ann.until(lambda ann: ann.of_type("bot-started-speaking"))
            return (time.perf_counter() - began) * 1000

    took = []
    for _ in range(RETURNS_A_ROUND + 1):
        took.append(asyncio.run(come_and_ask()))
        eventually(lambda: ours.session(session_id)["state"] == "waiting")
    ours.post("/leave", {"session_id": session_id})
    return took[1:]  # the first is no return


def fresh_process(ours: Product) -> float:
    """The same with a bot whose process is started for it, in ms."""

    async def come() -> float:
        processes: list[Any] = []

        async def start_and_offer(offer: Description) -> Description:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "benchmarks.hearing_bot",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=ours.environ,
            )
            processes.append(process)
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(json.dumps(offer).encode() + b"\n")
            answer: Description = json.loads(await asyncio.wait_for(process.stdout.readline(), WITHIN))
            return answer

        try:
            return await until_heard(start_and_offer)
        finally:
            for process in processes:
                process.kill()
                await process.wait()

    return asyncio.run(come())


def main() -> None:
    with product(SLOTS="2", BOTS="hearing=benchmarks.hearing_bot:bot", ICE_SERVERS="") as ours:
        returns(ours)  # each child runs its first bot
        results = alternate(ROUNDS, ours=lambda: returns(ours), peer=lambda: [fresh_process(ours)])
        answered = answers(ours)
    took = [each for round_ in results["ours"] for each in round_]
    peer = [each for round_ in results["peer"] for each in round_]
    p50, peer_p50 = percentile(took, 50), percentile(peer, 50)
    say(
        bench="reconnect",
        ours=p50,
        peer=peer_p50,
        peer_name="the same bot in a fresh process",
        ratio=peer_p50 / p50,
        unit="ms from the return to the bot's hearing",
        p50=round(p50, 2),
        p99=round(percentile(took, 99), 2),
        returns=len(took),
        answered_p50=round(percentile(answered, 50), 2),
        answered_p99=round(percentile(answered, 99), 2),
    )


if __name__ == "__main__":
    main()
