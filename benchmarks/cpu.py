"""What a bot costs by being in a room: its share of one core while it is heard a quarter of the time.

Ours is our pipeline as a bot of ours runs it; the peer is the same pipeline in a
process of its own under stock settings: asyncio's loop, pipecat's own VAD and
turn strategies, its default logging.  Both talk with a real WebRTC peer in
another process for the headline, and in a room without a network beside it.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from typing import IO, Any

import numpy as np
import uvloop
from loguru import logger

from benchmarks import report

ROUNDS = 2
SETTLE = 6  # seconds until what is loaded once is loaded
WINDOW = 34  # seconds measured: four rounds of the conversation
ROOMS = ("webrtc", "quiet")


def main() -> None:
    shares: dict[str, float] = {}
    for room in ROOMS:
        contenders = {kind: partial(measured, kind, room) for kind in ("ours", "stock")}
        for kind, results in report.alternate(ROUNDS, **contenders).items():
            shares[f"{kind}_{room}"] = report.median(results)
    report.say(
        bench="cpu",
        ours=shares["ours_webrtc"],
        peer=shares["stock_webrtc"],
        peer_name="the same pipeline in a process of its own, stock settings",
        ratio=shares["stock_webrtc"] / shares["ours_webrtc"],
        unit="% of a core, in a room over WebRTC",
        ours_without_transport=round(shares["ours_quiet"], 2),
        peer_without_transport=round(shares["stock_quiet"], 2),
        ratio_without_transport=round(shares["stock_quiet"] / shares["ours_quiet"], 2),
        heard="25 % of the time",
    )


def measured(kind: str, room: str) -> float:
    """The share of a core, in percent, of one bot in a new process."""
    with process("bot", kind, room) as bot:
        if room == "quiet":
            return _result(bot)
        with process("caller") as caller:
            print(json.dumps(line(caller.stdout)), file=bot.stdin, flush=True)
            print(json.dumps(line(bot.stdout)), file=caller.stdin, flush=True)
            return _result(bot)


@contextmanager
def process(*arguments: str, module: str = "benchmarks.cpu") -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", module, *arguments]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with child:
        try:
            yield child
        finally:
            child.kill()


def line(answers: IO[str] | None) -> dict[str, Any]:
    """The next thing that a process says."""
    text = answers.readline() if answers else ""
    if not text:
        raise RuntimeError("a process of the benchmark ended without an answer")
    answer: dict[str, Any] = json.loads(text)
    return answer


def _result(bot: subprocess.Popen[str]) -> float:
    result = line(bot.stdout)
    if result["answers"] < 3:
        raise RuntimeError(f"the bot answered {result['answers']} times")
    return float(result["share"])


# In the bot's process


async def be_a_bot(kind: str, room: str) -> None:
    worker, parts = await a_bot(kind, room)
    running = asyncio.create_task(run(worker))
    await asyncio.sleep(SETTLE)
    answered, cpu, wall = parts.llm.answers, time.process_time(), time.monotonic()
    await asyncio.sleep(WINDOW)
    share = 100 * (time.process_time() - cpu) / (time.monotonic() - wall)
    print(json.dumps({"share": share, "answers": parts.llm.answers - answered}), flush=True)
    await worker.cancel()
    await running


async def a_bot(kind: str, room: str) -> tuple[Any, Any]:
    """A bot ready to run, and its speech."""
    from benchmarks.scripted import QuietRoom, speech

    parts = speech()
    transport = QuietRoom() if room == "quiet" else await _webrtc()
    return {"ours": _ours, "stock": _stock}[kind](transport, parts), parts


def _ours(transport: Any, speech: Any) -> Any:
    from pipecat.pipeline.worker import PipelineWorker
    from pipecat.processors.aggregators.llm_context import LLMContext
    from pipecat.processors.frameworks.rtvi import RTVIObserverParams

    from greenroom.bots.assistant import ears
    from greenroom.bots.assistant.pipeline import build

    logger.remove()
    logger.add(sys.stderr, level="INFO")
    ears.warm()
    return PipelineWorker(
        build(transport, speech, LLMContext(), ears.user_params()),
        enable_turn_tracking=False,
        rtvi_observer_params=RTVIObserverParams(metrics_enabled=False),
        idle_timeout_secs=None,
    )


def _stock(transport: Any, speech: Any) -> Any:
    from pipecat.audio.vad.silero import SileroVADAnalyzer
    from pipecat.pipeline.pipeline import Pipeline
    from pipecat.pipeline.worker import PipelineWorker
    from pipecat.processors.aggregators.llm_context import LLMContext
    from pipecat.processors.aggregators.llm_response_universal import (
        LLMContextAggregatorPair,
        LLMUserAggregatorParams,
    )

    person, bot = LLMContextAggregatorPair(
        LLMContext(), user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    )
    parts = [transport.input(), speech.hearing(), person, speech.llm, speech.tts, transport.output(), bot]
    return PipelineWorker(Pipeline(parts))


async def run(worker: Any) -> None:
    from pipecat.workers.runner import WorkerRunner

    runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
    await runner.add_workers(worker)
    await runner.run()


async def _webrtc() -> Any:
    from pipecat.transports.base_transport import TransportParams
    from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
    from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport

    offer = json.loads(await asyncio.to_thread(sys.stdin.readline))
    connection = SmallWebRTCConnection()
    await connection.initialize(offer["sdp"], offer["type"])
    print(json.dumps(connection.get_answer()), flush=True)
    return SmallWebRTCTransport(connection, TransportParams(audio_in_enabled=True, audio_out_enabled=True))


# In the caller's process


async def be_a_caller() -> None:
    from aiortc import RTCSessionDescription
    from aiortc.contrib.media import MediaBlackhole

    from tests.fakes.person import peer_connection

    peer = peer_connection()
    peer.addTrack(_recorded_voice())
    channel = peer.createDataChannel("chat", ordered=True)
    channel.on("open", lambda: channel.send(json.dumps(READY)))
    ears = MediaBlackhole()
    peer.on("track", ears.addTrack)
    await peer.setLocalDescription(await peer.createOffer())
    print(json.dumps({"sdp": peer.localDescription.sdp, "type": peer.localDescription.type}), flush=True)
    answer = json.loads(await asyncio.to_thread(sys.stdin.readline))
    await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    await ears.start()
    while True:
        await asyncio.sleep(1)
        if channel.readyState == "open":
            channel.send("ping")


READY = {
    "label": "rtvi-ai",
    "type": "client-ready",
    "id": "1",
    "data": {"version": "2.0.0", "about": {"library": "benchmark"}},
}


def _recorded_voice() -> Any:
    from aiortc import MediaStreamTrack
    from av import AudioFrame

    from benchmarks.scripted import recording

    frames = np.repeat(recording(), 3).reshape(-1, 960)  # 48 kHz, 20 ms

    class RecordedVoice(MediaStreamTrack):
        kind = "audio"
        sent = 0
        started: float | None = None

        async def recv(self) -> AudioFrame:
            self.started = self.started or time.monotonic()
            await asyncio.sleep(max(0, self.started + self.sent * 0.02 - time.monotonic()))
            frame = AudioFrame.from_ndarray(frames[self.sent % len(frames)][None, :], layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, self.sent * 960, Fraction(1, 48_000)
            self.sent += 1
            return frame

    return RecordedVoice()


ROLES: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {"bot": be_a_bot, "caller": be_a_caller}

if __name__ == "__main__":
    role, *arguments = sys.argv[1:] or ["parent"]
    if role == "parent":
        main()
    elif "ours" in arguments:
        uvloop.run(be_a_bot(*arguments))
    else:
        asyncio.run(ROLES[role](*arguments))
