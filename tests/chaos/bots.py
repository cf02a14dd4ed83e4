"""The bot that is watched: it hums a tone of its own, so that whoever is in the room hears which process is there.

It answers each line with its process and with all lines that it knows of, so that a lost turn is heard as well.
"""

import asyncio
import json
import os
import secrets
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    LLMUpdateSettingsFrame,
    OutputAudioRawFrame,
    StartFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.processors.frameworks.rtvi import RTVIProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.services.llm_service import LLMService
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.livekit.transport import LiveKitParams
from pipecat.workers.runner import WorkerRunner

from greenroom.bots.assistant import ears
from greenroom.bots.speech.demo.thinking import NoProvider, _settings
from tests.chaos.tones import frequency

RATE = 24_000
HUM = 0.04  # seconds a piece
TRANSPORTS: dict[str, Any] = {
    "webrtc": lambda: TransportParams(audio_in_enabled=True, audio_out_enabled=True),
    "livekit": lambda: LiveKitParams(audio_in_enabled=True, audio_out_enabled=True),
}


async def witness(runner_args: RunnerArguments) -> None:
    """Hums, and answers each line with what it knows."""
    about: dict[str, Any] = runner_args.body or {}
    stay = secrets.token_hex(4)  # one process has one bot after the other
    transport = await create_transport(runner_args, TRANSPORTS)
    context = LLMContext(messages=list(about.get("conversation") or []))
    person, bot = LLMContextAggregatorPair(context, user_params=ears.user_params())
    worker = PipelineWorker(
        Pipeline([transport.input(), person, Memory(stay), Hum(), transport.output(), bot]),
        params=PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=RATE),
        idle_timeout_secs=runner_args.pipeline_idle_timeout_secs,
        enable_turn_tracking=False,
    )

    @worker.rtvi.event_handler("on_client_ready")
    async def say_who_is_there(rtvi: RTVIProcessor) -> None:
        # Two processes may have one tone
        await rtvi.send_server_message({"witness": os.getpid(), "stay": stay})

    runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
    await runner.add_workers(worker)
    await runner.run()


class Memory(LLMService[NoProvider]):
    """Answers each line with the process that it is and the lines that it knows.

    "block N PID" blocks the event loop of that process for N seconds first; "slow N" answers after N seconds.
    """

    adapter_class = NoProvider

    def __init__(self, stay: str) -> None:
        super().__init__(settings=_settings(_Nobody()))
        self._stay = stay
        self._orders: list[str] = []  # prompts, in the order in which they came

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMUpdateSettingsFrame) and frame.delta is not None:
            self._orders.append(str(frame.delta.system_instruction))
        if isinstance(frame, LLMContextFrame):
            await self._answer([dict(message) for message in frame.context.get_messages()])
        else:
            await self.push_frame(frame, direction)

    async def _answer(self, messages: list[Mapping[str, Any]]) -> None:
        lines = [str(message["content"]) for message in messages if message["role"] == "user"]
        match lines[-1].split() if lines else []:
            case ["block", seconds, pid, *_] if int(pid) == os.getpid():  # a replacement is asked the same
                time.sleep(float(seconds))  # noqa: ASYNC251 — that is what it is for
            case ["slow", seconds, *_]:
                await asyncio.sleep(float(seconds))
        said = sum(message["role"] == "assistant" for message in messages)
        await self.push_frame(LLMFullResponseStartFrame())
        who = {"pid": os.getpid(), "stay": self._stay}
        answer = {**who, "lines": lines, "said": said, "orders": self._orders}
        await self.push_frame(LLMTextFrame(json.dumps(answer)))
        await self.push_frame(LLMFullResponseEndFrame())


class Hum(FrameProcessor):
    """A steady tone for as long as the event loop runs.  It is no speech: a bot that hums is quiet."""

    def __init__(self) -> None:
        super().__init__()
        self._humming: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self._humming = self.create_task(self._hum())
        elif isinstance(frame, EndFrame | CancelFrame):
            await self._silence()

    async def cleanup(self) -> None:
        await self._silence()
        await super().cleanup()

    async def _silence(self) -> None:
        if self._humming is not None:
            humming, self._humming = self._humming, None
            await self.cancel_task(humming)

    async def _hum(self) -> None:
        loop, sent = asyncio.get_running_loop(), 0
        samples, started = int(RATE * HUM), loop.time()
        while True:
            times = (np.arange(samples) + sent * samples) / RATE
            tone = (8_000 * np.sin(2 * np.pi * frequency(os.getpid()) * times)).astype(np.int16)
            await self.push_frame(OutputAudioRawFrame(tone.tobytes(), RATE, 1))
            sent += 1
            late = loop.time() - started - sent * HUM
            if late > 1:  # it was frozen: nobody wants to hear what was not hummed then
                started, sent = loop.time(), 0
            await asyncio.sleep(max(0, -late))


class _Nobody:
    prompt = ""
