"""What a bot looks like: still when it is silent, moving when it speaks, and under its name."""

import asyncio
import threading
from functools import cache

import numpy as np
import pytest
from pipecat.frames.frames import (
    EndFrame,
    InterruptionFrame,
    OutputImageRawFrame,
    OutputTransportReadyFrame,
    StartFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

import greenroom.bots.camera.avatar
from greenroom.bots.camera.avatar import Avatar
from greenroom.bots.camera.portrait import HEIGHT, STAGES, WIDTH, portraits

pytestmark = pytest.mark.anyio
RATE = 24_000
SOON = 10  # seconds
drawn_once = cache(portraits)  # drawing takes a third of a second


class Screen(FrameProcessor):
    """Where the output would be."""

    def __init__(self):
        super().__init__()
        self.pictures = []
        self.has_ended = False

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, OutputImageRawFrame):
            self.pictures.append(frame.image)
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame):
            await self.push_frame(OutputTransportReadyFrame(), FrameDirection.UPSTREAM)
        self.has_ended = self.has_ended or isinstance(frame, EndFrame)

    def stages(self, name="Robin"):
        """Which of the portraits were seen, in their order."""
        known = drawn_once(name)
        return [known.index(each) for each in self.pictures]


@pytest.fixture
async def stage(monkeypatch):
    """An avatar without a name yet, what is seen of it, and how to give it frames."""
    monkeypatch.setattr(greenroom.bots.camera.avatar, "portraits", drawn_once)
    drawn_once("Robin")
    avatar, screen = Avatar(), Screen()
    worker = PipelineWorker(Pipeline([avatar, screen]), idle_timeout_secs=None)
    runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
    await runner.add_workers(worker)
    task = asyncio.create_task(runner.run())
    yield avatar, screen, worker
    await worker.cancel(reason="the test is over")
    await asyncio.wait({task}, timeout=SOON)


async def eventually(condition):
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110  what is waited for happens in the pipeline
            await asyncio.sleep(0.01)


def speech(seconds, volume=0.3):
    wave = np.sin(np.arange(int(RATE * seconds)) / 8) * volume * 32_767
    return TTSAudioRawFrame(wave.astype("<i2").tobytes(), RATE, 1)


def as_rows(picture):
    return np.frombuffer(picture, dtype=np.uint8).reshape(HEIGHT, WIDTH, 3)


def test_portraits_are_of_the_size_that_was_promised_and_each_is_another():
    all_of_them = drawn_once("Robin")

    assert [len(each) for each in all_of_them] == [WIDTH * HEIGHT * 3] * STAGES
    assert len(set(all_of_them)) == STAGES


def test_the_louder_the_brighter():
    brightness = [as_rows(each).mean() for each in drawn_once("Robin")]

    assert brightness == sorted(brightness)


def test_a_name_is_drawn():
    rows = {name: as_rows(drawn_once(name)[0]).max(axis=2) for name in ("Robin", "Ro", "")}
    written = {name: (picture > 150)[280:].sum() for name, picture in rows.items()}  # below the disc

    assert written["Robin"] > written["Ro"] > written[""] > 0  # what remains says AI


@pytest.mark.parametrize("name", ["Zoë", "ロビン", "A name of very many letters, and some more"])
def test_any_name_can_be_drawn(name):
    margins = as_rows(portraits(name)[0])[280:, [*range(40), *range(WIDTH - 40, WIDTH)]]

    assert margins.max() < 100


async def test_nothing_is_seen_of_who_has_no_name(stage):
    _, screen, worker = stage
    await worker.queue_frame(speech(0.2))
    await asyncio.sleep(0.5)

    assert screen.pictures == []


async def test_it_is_still_when_silent_and_moves_when_it_speaks(stage):
    avatar, screen, worker = stage
    avatar.show("Robin")
    await eventually(lambda: len(screen.pictures) >= 2)
    assert set(screen.stages()) == {0}

    await worker.queue_frame(speech(1.0))
    await eventually(lambda: max(screen.stages()) > STAGES // 2)
    await eventually(lambda: screen.stages()[-1] == 0)

    assert len(set(screen.stages())) > 3


async def test_it_opens_less_for_a_whisper(stage):
    avatar, screen, worker = stage
    avatar.show("Robin")
    await worker.queue_frame(speech(1.0, volume=0.01))
    await eventually(lambda: max(screen.stages(), default=0) > 0)
    await eventually(lambda: screen.stages()[-1] == 0)

    assert max(screen.stages()) < STAGES // 2


async def test_it_closes_when_it_is_interrupted(stage):
    avatar, screen, worker = stage
    avatar.show("Robin")
    await worker.queue_frame(speech(60))
    await eventually(lambda: max(screen.stages(), default=0) > 0)
    await worker.queue_frame(InterruptionFrame())

    await eventually(lambda: screen.stages()[-1] == 0)


async def test_it_can_be_hidden_and_have_another_name(stage):
    avatar, screen, worker = stage
    at_rest = drawn_once("Beatrice")[0]
    avatar.show("Robin")
    await eventually(lambda: screen.pictures)
    avatar.show("Beatrice")
    await eventually(lambda: screen.pictures[-1] == at_rest)
    avatar.show(None)
    await asyncio.sleep(0)
    seen = len(screen.pictures)
    await worker.queue_frame(speech(0.5))
    await asyncio.sleep(1.5)

    assert len(screen.pictures) <= seen + 1  # one was on its way perhaps


async def test_its_last_words_are_seen_before_the_end(stage):
    avatar, screen, worker = stage
    avatar.show("Robin")
    await worker.queue_frames([speech(1.0), EndFrame()])
    await eventually(lambda: screen.has_ended)

    assert max(screen.stages()) > STAGES // 2


async def test_it_is_drawn_beside_the_event_loop(stage, monkeypatch):
    """It takes a third of a second, in which nobody would be heard."""
    painters = []

    def painted(name):
        painters.append(threading.current_thread())
        return drawn_once(name)

    avatar, screen, _ = stage
    monkeypatch.setattr(greenroom.bots.camera.avatar, "portraits", painted)
    avatar.show("Robin")
    await eventually(lambda: screen.pictures)

    assert threading.current_thread() not in painters
