"""The demo's recogniser: pocketsphinx, loaded once a process, decoding on a thread while somebody speaks."""

import asyncio
import tempfile
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

from pipecat.audio.utils import create_stream_resampler
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    StartFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import STTService
from pipecat.transcriptions.language import Language
from pipecat.utils.time import time_now_iso8601

from greenroom.bots.speech.demo import language
from greenroom.bots.speech.demo.language import UNCLEAR
from greenroom.bots.speech.demo.sphinx import MODEL, SAMPLE_RATE, Heard, Sphinx

WORST_FIT = 58_000  # misfit a frame; what is said clearly stays below 55,000
A_WORD = 20  # frames of 10 ms; a shorter sound that is no phrase of ours is taken for a cough
BEFORE = 0.7  # seconds kept from before the VAD is sure that somebody speaks
LONGEST = 20.0  # seconds of one utterance; what comes after that is not decoded
TO_TRANSCRIPT = 0.5  # seconds from the end of speech: 0.2 until the VAD is sure, then up to 0.1 here

# The model's own average spectrum, in place of pocketsphinx's guess: the first sentence is heard better.
AVERAGE_SPECTRUM = "41.00,-5.29,-0.12,5.09,2.48,-4.07,-1.37,-1.78,-5.08,-2.05,-6.45,-1.42,1.17"


class Listener:
    """A decoder and the thread it works on.  Calls return at once and are done in order, the loading first."""

    def __init__(self, load: Callable[[], Sphinx]) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hearing")
        self._sphinx = self._thread.submit(load)

    def wait_until_loaded(self) -> None:
        self._sphinx.result()

    def forget_the_speaker(self) -> None:
        self._thread.submit(lambda: self._sphinx.result().forget_the_speaker())

    def start(self) -> None:
        self._thread.submit(lambda: self._sphinx.result().start())

    def feed(self, pcm: bytes) -> None:
        self._thread.submit(lambda: self._sphinx.result().feed(pcm))

    def finish(self) -> "Future[str]":
        """The transcript of what was fed since the start; empty if nothing was said."""
        return self._thread.submit(lambda: transcript(self._sphinx.result().finish()))


@cache
def listener() -> Listener:
    """This process's own, loaded at the first call, a fifth of a second; after a fork, never before it."""
    listener = Listener(_sphinx)
    listener.wait_until_loaded()
    return listener


def listeners() -> Iterator[Listener]:
    """One for each person: this process's own, then others, which load while the first words are said."""
    yield listener()
    while True:
        yield Listener(_sphinx)


def _sphinx() -> Sphinx:
    with tempfile.TemporaryDirectory() as folder, open(MODEL / "cmudict-en-us.dict") as all_of_english:
        dictionary, model = Path(folder, "words.dict"), Path(folder, "language.arpa")
        dictionary.write_text("".join(language.dictionary(all_of_english)))
        model.write_text("\n".join(language.model()) + "\n")
        return Sphinx(dictionary=dictionary, language_model=model, cmninit=AVERAGE_SPECTRUM, silprob=0.1)


def transcript(heard: list[Heard]) -> str:
    """The words, if they are sentences of ours and fit the sound; `UNCLEAR` if not; nothing for a noise."""
    said = [part for part in heard if part.word[0].isalpha()]
    words = [part.word.partition("(")[0] for part in said]  # "alice(2)" is another way to say it
    frames = sum(part.frames for part in said)
    if words and language.is_ours(words) and sum(part.misfit for part in said) / frames < WORST_FIT:
        return as_written(words)
    return UNCLEAR if frames > A_WORD else ""


def as_written(words: list[str]) -> str:
    """`["i'm", "alice"]` as "I'm Alice"."""
    first, *others = words
    capitals = language.names() | {"i", "i'm", "i've"}
    return " ".join([first.capitalize(), *(w.capitalize() if w in capitals else w for w in others)])


class PocketsphinxSTT(STTService):
    """Hears one person.  Decodes while they speak, so that little is left to do when they stop."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(
            ttfs_p99_latency=TO_TRANSCRIPT,
            settings=STTSettings(model="pocketsphinx en-us", language=Language.EN),
        )
        self._listener = listener
        self._resampler = create_stream_resampler()
        self._before: deque[bytes] = deque()
        self._seconds_before = 0.0
        self._seconds_fed: float | None = None  # None: nobody speaks
        self._finishing: set[asyncio.Task[None]] = set()

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        self._listener.forget_the_speaker()

    async def stop(self, frame: EndFrame) -> None:
        await asyncio.gather(*self._finishing)
        await super().stop(frame)

    async def cancel(self, frame: CancelFrame) -> None:
        for task in list(self._finishing):
            await self.cancel_task(task)
        await super().cancel(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStartedSpeakingFrame):
            self._somebody_speaks()
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._they_stopped()

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        pcm = await self._resampler.resample(audio, self.sample_rate, SAMPLE_RATE)
        if self._seconds_fed is None:
            self._keep(pcm)
        elif self._seconds_fed < LONGEST:
            self._seconds_fed += seconds(pcm)
            self._listener.feed(pcm)
        yield None

    def _keep(self, pcm: bytes) -> None:
        self._before.append(pcm)
        self._seconds_before += seconds(pcm)
        while self._seconds_before > BEFORE and len(self._before) > 1:
            self._seconds_before -= seconds(self._before.popleft())

    def _somebody_speaks(self) -> None:
        if self._seconds_fed is not None:
            return
        self._listener.start()
        self._listener.feed(b"".join(self._before))
        self._seconds_fed = self._seconds_before
        self._before.clear()
        self._seconds_before = 0.0

    def _they_stopped(self) -> None:
        if self._seconds_fed is None:
            return
        self._seconds_fed = None
        task = self.create_task(self._push_transcript(self._listener.finish()), name="transcript")
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    async def _push_transcript(self, transcript: "Future[str]") -> None:
        if text := await asyncio.wrap_future(transcript):
            frame = TranscriptionFrame(text, self._user_id, time_now_iso8601(), Language.EN)
            frame.finalized = True
            await self.push_frame(frame)


def seconds(pcm: bytes) -> float:
    return len(pcm) / 2 / SAMPLE_RATE
