"""From the end of a sentence to the first sound of the answer, in a call with the demo: Moonshine, a script, Hibari.

    make bench-voice                      two minutes
    make bench-voice ARGS="--turns 20"

A person asks the same recorded question in a real WebRTC call, and listens.  The clock runs from the last loud frame
that leaves their microphone to the first loud frame that arrives.  Ours is the whole product; the peer is pipecat's own
runner (`pipecat.runner.run`) with a bot of the same hearing, script and voice in pipecat's pipeline as its
documentation has it.  Beside that: how long Moonshine takes for the question (`recognition`), and when the words are at
the client (`written`).
"""

import argparse
import asyncio
import itertools
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from benchmarks import ears, report
from greenroom.bots.speech.demo import hearing
from tests.fakes.client import is_audible
from tests.fakes.person import Microphone, Person
from tests.rigs.eventually import eventually
from tests.rigs.ports import free_port
from tests.rigs.product import Product, product

ROUNDS = 3
TURNS = 8  # a round
QUESTION = ears.VOICES / "time.wav"
A_PAUSE = 1.0  # seconds without a sound: the bot has said what it had to
WITHIN = 30.0  # seconds
rooms = itertools.count()


@dataclass(repr=False)
class Took:
    """Milliseconds from the end of each question."""

    sound: list[float] = field(default_factory=list)  # until the answer is heard
    written: list[float] = field(default_factory=list)  # until its words are at the client

    def __repr__(self) -> str:
        return f"{report.median(self.sound):.0f} ms, written after {report.median(self.written):.0f}"


class Voice(Microphone):
    """Knows when the last loud frame was sent."""

    ended = 0.0

    async def recv(self) -> Any:
        frame: Any = await super().recv()
        if is_audible(frame.to_ndarray()):
            self.ended = time.perf_counter()
        return frame


class Caller(Person):
    """Asks, and knows when it heard what."""

    def __init__(self, url: str, connect: dict[str, Any]) -> None:
        super().__init__(url, connect)
        self.microphone: Voice = Voice()
        self.heard: list[float] = []

    async def _listen(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while track.kind == "audio":
                frame: Any = await track.recv()
                if is_audible(frame.to_ndarray()):
                    self.heard.append(time.perf_counter())

    async def until_quiet(self) -> None:
        """Wait until nothing was heard, and nothing said, for a while."""
        last = 0.0
        while last != self._last_sound:
            last = self._last_sound
            await asyncio.sleep(max(0, last + A_PAUSE - time.perf_counter()))

    @property
    def _last_sound(self) -> float:
        return max([*self.heard[-1:], self.microphone.ended])

    async def ask(self) -> tuple[float, float]:
        """Milliseconds from the end of the question to the answer's first sound, and to its words."""
        self.heard.clear()
        self.microphone.ended, already = 0.0, len(self.of_type("user-transcription"))
        self.microphone.say(QUESTION)
        written = 0.0
        async with asyncio.timeout(WITHIN):
            while not self.heard or not written:
                if not written and len(self.of_type("user-transcription")) > already:
                    written = time.perf_counter()
                await asyncio.sleep(0.002)
        return (self.heard[0] - self.microphone.ended) * 1000, (written - self.microphone.ended) * 1000


def main() -> None:
    """Let both answer some rounds of questions, and compare."""
    parser = argparse.ArgumentParser(prog="bench-voice")
    parser.add_argument("--turns", type=int, default=TURNS)
    turns = parser.parse_args().turns
    with product(SLOTS="1") as ours, pipecats_runner() as stock:
        rounds = report.alternate(
            ROUNDS, ours=lambda: in_a_room(ours, turns), stock=lambda: call(stock, turns)
        )
    _compare(**{name: _joined(each) for name, each in rounds.items()}, recognised=recognitions())


def _compare(ours: Took, stock: Took, recognised: list[float]) -> None:
    median, peer = report.median(ours.sound), report.median(stock.sound)
    report.say(
        bench="voice",
        ours=median,
        p99=round(report.percentile(ours.sound, 99)),
        peer=peer,
        peer_name="pipecat's own runner and pipeline with the same parts",
        peer_p99=round(report.percentile(stock.sound, 99)),
        ratio=peer / median,
        unit="ms from the end of a question to the first sound of the answer",
        written=round(report.median(ours.written)),
        peer_written=round(report.median(stock.written)),
        recognition=round(report.median(recognised)),
        recognition_p99=round(report.percentile(recognised, 99)),
        turns=len(ours.sound),
    )


def _joined(rounds: list[Took]) -> Took:
    return Took([ms for each in rounds for ms in each.sound], [ms for each in rounds for ms in each.written])


def in_a_room(ours: Product, turns: int) -> Took:
    """Questions to a new bot of the product's."""
    room = f"local:bench-{next(rooms)}"
    joined = ours.post("/join?wait=20", {"room_url": room, "user_id": "ann", "bot": "assistant"})
    took = asyncio.run(_ask(ours.url, joined["connect"], turns))
    ours.post("/leave", {"room_url": room})
    eventually(lambda: ours.session(joined["session_id"])["state"] == "ended")
    return took


def call(url: str, turns: int) -> Took:
    return asyncio.run(_ask(url, {"offer_url": "/api/offer", "token": "none"}, turns))


async def _ask(url: str, connect: dict[str, Any], turns: int) -> Took:
    took = Took()
    caller = Caller(url, connect)
    async with caller:
        await caller.until(lambda caller: caller.of_type("bot-ready"))
        await asyncio.sleep(A_PAUSE)  # a greeting has begun
        for turn in range(turns + 1):
            await caller.until_quiet()
            sound, written = await caller.ask()
            if turn:  # the first finds everything cold
                took.sound.append(sound)
                took.written.append(written)
    return took


def recognitions() -> list[float]:
    """How long the question takes to be recognised, by itself, in ms."""
    pcm = ears.around(ears.read(QUESTION)).tobytes()
    took = []
    for _ in range(1 + ROUNDS * TURNS):
        began = time.perf_counter()
        hearing.transcript(pcm)
        took.append((time.perf_counter() - began) * 1000)
    return took[1:]


@contextmanager
def pipecats_runner() -> Iterator[str]:
    """Its address, once it answers."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.voice_bot", "-t", "webrtc", "--port", str(port)]
    runner = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "SPEECH": "demo"}
    )
    try:
        eventually(lambda: _answers(port), within=60)
        yield f"http://localhost:{port}"
    finally:
        runner.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            runner.wait(10)
        runner.kill()


def _answers(port: int) -> bool:
    with (
        suppress(OSError),
        urllib.request.urlopen(f"http://localhost:{port}/openapi.json", timeout=5) as reply,
    ):
        return bool(reply.status == 200)
    return False


if __name__ == "__main__":
    main()
