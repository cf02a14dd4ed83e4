"""A bot's pipeline without a network: its person and its mind are scripted, and what it says takes its time."""

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from typing import Any

from pipecat.frames.frames import (
    FunctionCallFromLLM,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.turns.user_turn_strategies import ExternalUserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

from greenroom.bots.speech.demo.thinking import NoProvider

UNUSED = [each.name for each in fields(LLMSettings) if each.name not in ("model", "extra")]
SENTENCE_SECS = 1.0  # as long as each sentence is


@dataclass(frozen=True)
class Call:
    """The model calls a tool."""

    name: str
    arguments: dict[str, Any]
    id: str = "call-1"


class Mind(LLMService):
    """Says, or calls, what is next on its list, each time that it is asked."""

    adapter_class = NoProvider

    def __init__(self) -> None:
        super().__init__(settings=LLMSettings(model="scripted", **dict.fromkeys(UNUSED)))
        self.script: deque[list[str] | list[Call]] = deque()
        self.asked: list[list[Any]] = []  # the messages of each time
        self.summary = "They talked."
        self.summed_up: list[str] = []  # what it was given to sum up
        self.may_sum_up = asyncio.Event()
        self.may_sum_up.set()

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        self.asked.append(list(frame.context.get_messages()))
        step = self.script.popleft() if self.script else []
        if step and isinstance(step[0], Call):
            calls = [FunctionCallFromLLM(c.name, c.id, c.arguments, frame.context) for c in step]
            await self.run_function_calls(calls)
        elif step:
            await self.push_frame(LLMFullResponseStartFrame())
            for sentence in step:
                await self.push_frame(LLMTextFrame(sentence))
            await self.push_frame(LLMFullResponseEndFrame())

    async def run_inference(self, context, *_, **__):
        self.summed_up.append(str(context.get_messages()[-1]["content"]))
        await self.may_sum_up.wait()
        return self.summary


class Voice(TTSService):
    """Speaks each sentence for the same time."""

    def __init__(self) -> None:
        settings = TTSSettings(model="scripted", voice="scripted", language=None)
        super().__init__(sample_rate=16_000, push_start_frame=True, push_stop_frames=True, settings=settings)

    async def run_tts(self, text, context_id):
        sound = bytes(2 * round(16_000 * SENTENCE_SECS))
        yield TTSAudioRawFrame(sound, self.sample_rate, 1, context_id=context_id)


class Loudspeaker(BaseOutputTransport):
    """Plays at once what the bot says, until it is told to stop in the middle."""

    def __init__(self) -> None:
        super().__init__(TransportParams(audio_out_enabled=True))
        self.played = 0.0  # seconds
        self.stops_after = float("inf")  # seconds

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame):
        while self.is_stopped:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        self.played += frame.num_frames / frame.sample_rate
        return True

    @property
    def is_stopped(self) -> bool:
        return self.played >= self.stops_after


class Talk:
    """A running bot, and its person."""

    def __init__(self, follow, *, messages=(), is_realtime=None, bounds=lambda _: None) -> None:
        """`follow` is called with the pipeline before it starts; `bounds` with the mind, for how long a context is."""
        self.mind = Mind()
        self.context = LLMContext(messages=list(messages))
        self.person, self.bot = LLMContextAggregatorPair(
            self.context,
            user_params=LLMUserAggregatorParams(user_turn_strategies=ExternalUserTurnStrategies()),
            assistant_params=bounds(self.mind),
            realtime_service_mode=is_realtime,
        )
        self.loudspeaker = Loudspeaker()
        self.worker = PipelineWorker(Pipeline([self.person, self.mind, Voice(), self.loudspeaker, self.bot]))
        follow(self.worker)

    async def say(self, words: str) -> None:
        """The person says something, and interrupts."""
        await self.begin_to_speak()
        await self.send(TranscriptionFrame(words, "ann", time_now_iso8601(), finalized=True))
        await self.send(ProposedUserStoppedSpeakingFrame())

    async def begin_to_speak(self) -> None:
        await self.send(ProposedUserStartedSpeakingFrame())

    async def is_heard(self) -> None:
        """The person says something of which there are no words yet; until the model knows that they have finished."""
        has_finished = asyncio.Event()

        @self.person.event_handler("on_user_turn_stopped")
        async def finished(*_):
            has_finished.set()

        await self.begin_to_speak()
        await self.send(ProposedUserStoppedSpeakingFrame())
        await has_finished.wait()

    async def send(self, *frames) -> None:
        await self.worker.queue_frames(list(frames))


class Parrot(FrameProcessor):
    """Says what it hears."""

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame):
            await self.push_frame(TTSSpeakFrame(frame.text))
        else:
            await self.push_frame(frame, direction)


class BareTalk:
    """A running bot that has no context."""

    def __init__(self, follow) -> None:
        self.loudspeaker, self.below = Loudspeaker(), Passage()
        self.worker = PipelineWorker(Pipeline([Passage(), Parrot(), Voice(), self.loudspeaker, self.below]))
        follow(self.worker)

    async def say(self, words: str) -> None:
        await self.send(TranscriptionFrame(words, "ann", time_now_iso8601(), finalized=True))

    async def send(self, *frames) -> None:
        await self.worker.queue_frames(list(frames))


class Passage(FrameProcessor):
    """Passes everything on, and remembers it."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = []

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        self.passed.append(frame)
        await self.push_frame(frame, direction)


@asynccontextmanager
async def running(it):
    """Something with a pipeline's worker, while that runs."""
    runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
    await runner.add_workers(it.worker)
    run = asyncio.create_task(runner.run())
    try:
        yield it
    finally:
        await it.worker.cancel()
        await run


def talk(follow, *, of=Talk, **more):
    return running(of(follow, **more))
