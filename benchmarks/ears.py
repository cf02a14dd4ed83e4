"""What the demo's ears make of voices: how many words are wrong, and how long a sentence takes.

    make bench-ears                             recordings of people, and the demo's tour in the demo's own voices
    make bench-ears ARGS="--recordings FOLDER"  as well: WAV files, each with its words in a .txt beside it
    make bench-ears ARGS="--flite"              as well: the tour in the voices of flite, if that is installed

A row for each voice goes to standard error.  The peer is Moonshine as its authors decode it: the likeliest of all
English, with no sentence expected, in sessions with the library's own settings.  Both hear each sound in turn.

The recordings of people are what the wheel of Moonshine carries: one reads Dickens, one quotes Beckett.  A sentence
takes so long as its caller waits, in a process with nothing else to do.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import soxr  # type: ignore[import-untyped]

from benchmarks import report
from greenroom.bots import personalities
from greenroom.bots.speech.demo import hearing, moonshine, speaking
from greenroom.bots.speech.demo.moonshine import SAMPLE_RATE, Moonshine
from greenroom.bots.speech.demo.speaking import voice_of

VOICES = Path(__file__).parents[1] / "tests" / "voices"
TOUR = (VOICES / "tour.txt").read_text().splitlines()
IN_THE_WHEEL = moonshine.FOLDER.parent
READ = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity, it was the season of light, "
    "it was the season of darkness, it was the spring of hope, it was the winter of despair, "
    "we had everything before us, we had nothing before us, we were all going direct to heaven, "
    "we were all going direct the other way. In short, the period was so far like the present period, "
    "that some of its noisiest authorities insisted on its being received, for good or for evil, "
    "in the superlative degree of comparison only."
)
QUOTED = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better."
PAUSE, LEAST = 0.3, 1.0  # seconds: of quiet between two parts of a long recording, and of each part
QUIET = 0.06  # of the loudest sample
NOISE = 15  # decibels under the voice
FLITE = ("slt", "rms", "awb", "kal16")
Samples = np.ndarray[Any, np.dtype[np.int16]]


@dataclass(frozen=True)
class Sound:
    """Somebody says something: in one piece, or in several that were cut at pauses."""

    voice: str
    words: str
    pieces: tuple[Samples, ...]


@dataclass
class Heard:
    """What became of one voice's sounds."""

    words: int = 0
    wrong: int = 0
    took: list[float] = field(default_factory=list)  # ms a piece
    seconds: float = 0.0  # of sound
    misheard: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return 100 * self.wrong / max(self.words, 1)


def main() -> None:
    """Let both hear everything, and compare."""
    parser = argparse.ArgumentParser(prog="bench-ears")
    parser.add_argument("--recordings", type=Path)
    parser.add_argument("--flite", action="store_true")
    asked = parser.parse_args()
    before = _private()
    hearing.expected()
    ours_mb = _private() - before
    sounds = [*recorded_here(), *reader(), *tour()]
    if asked.flite:
        sounds += flite()
    if asked.recordings:
        sounds += recordings(asked.recordings)
    plain = Plain()
    ours, peer = judged(sounds, {"ours": hearing.transcript, "alone": plain.transcript})
    _say(ours, peer, ours_mb)


def judged(sounds: list[Sound], ears: dict[str, Callable[[bytes], str]]) -> list[dict[str, Heard]]:
    """By voice, for each of the ears; and a table of it on standard error."""
    for hear in ears.values():
        hear(sounds[0].pieces[0].tobytes())  # what the first costs is no sentence's
    results: list[dict[str, Heard]] = [{} for _ in ears]
    for sound in sounds:
        for result, hear in zip(results, ears.values(), strict=True):
            _judge(sound, hear, result.setdefault(sound.voice, Heard()))
    for voice in results[0]:
        row = [
            f"{name} {each[voice].rate:5.1f} % of {each[voice].words} words, {report.median(each[voice].took):.0f} ms"
            for name, each in zip(ears, results, strict=True)
        ]
        print(
            f"{voice:24} {'; '.join(row)}  {' '.join(results[0][voice].misheard)}",
            file=sys.stderr,
            flush=True,
        )
    return results


def _judge(sound: Sound, hear: Callable[[bytes], str], heard: Heard) -> None:
    said = []
    for piece in sound.pieces:
        began = time.perf_counter()
        said.append(hear(piece.tobytes()))
        heard.took.append((time.perf_counter() - began) * 1000)
        heard.seconds += len(piece) / SAMPLE_RATE
    wanted, got = words_of(sound.words), words_of(" ".join(said))
    heard.words += len(wanted)
    heard.wrong += distance(wanted, got)
    if wanted != got:
        heard.misheard.append(f"[{' '.join(wanted)} -> {' '.join(got)}]")


def _say(ours: dict[str, Heard], peer: dict[str, Heard], mb: float) -> None:
    wrong, of_peer = (
        100 * sum(each.wrong for each in heard.values()) / sum(each.words for each in heard.values())
        for heard in (ours, peer)
    )
    took = [ms for each in ours.values() for ms in each.took]
    report.say(
        bench="ears",
        ours=wrong,
        peer=of_peer,
        peer_name="Moonshine alone, with its library's own settings",
        ratio=of_peer / max(wrong, 0.01),
        unit="% of the words wrong",
        words=sum(each.words for each in ours.values()),
        voices={name: round(each.rate, 1) for name, each in ours.items()},
        peer_voices={name: round(each.rate, 1) for name, each in peer.items()},
        took_p50=round(report.median(took)),
        took_p99=round(report.percentile(took, 99)),
        ms_a_second=round(sum(took) / sum(each.seconds for each in ours.values())),
        memory=round(mb),
    )


class Plain:
    """Moonshine and nothing of ours: no gain, no silence behind, nothing expected."""

    def __init__(self) -> None:
        self._model = Moonshine(onnxruntime.SessionOptions())

    def transcript(self, pcm: bytes) -> str:
        samples: moonshine.Floats = np.frombuffer(pcm, np.int16).astype(np.float32)
        samples /= 32_768
        return self._model.hear(samples).as_anything().text


# What is heard


def recorded_here() -> Iterator[Sound]:
    for name, words in {
        "hello": "Hello.",
        "name": "My name is Alice.",
        "time": "What time is it?",
        "goodbye": "Goodbye.",
    }.items():
        yield Sound("the tests' recordings", words, (read(VOICES / f"{name}.wav"),))


def reader() -> Iterator[Sound]:
    yield Sound("a person who reads", READ, tuple(cut(read(IN_THE_WHEEL / "two_cities.wav"))))
    yield Sound("another", QUOTED, tuple(cut(read(IN_THE_WHEEL / "beckett.wav"))))


def tour() -> Iterator[Sound]:
    """Each sentence in each voice of the demo's, as it is and over a noisy line."""
    generator = np.random.default_rng(0)
    for personality in personalities.everybody().values():
        voice, name = voice_of(personality), personality.demo_voice.name
        for words in TOUR:
            pcm = b"".join(speaking.say(each, voice) for each in speaking.model().phonemize(words))
            said = resampled(np.frombuffer(pcm, np.int16), voice.sample_rate)
            yield Sound(f"{name}, the tour", words, (around(said),))
            loudness = np.sqrt(np.mean(said.astype(float) ** 2)) / 10 ** (NOISE / 20)
            hissing = around(said) + generator.normal(0, loudness, len(around(said)))
            yield Sound(f"{name}, noise", words, (hissing.clip(-32_768, 32_767).astype(np.int16),))


def flite() -> Iterator[Sound]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "said.wav"
        for voice in FLITE:
            for words in TOUR:
                subprocess.run(["flite", "-voice", voice, "-t", words, "-o", str(file)], check=True)
                yield Sound(f"flite {voice}, the tour", words, (around(read(file)),))


def recordings(folder: Path) -> Iterator[Sound]:
    for file in sorted(folder.rglob("*.wav")):
        words = file.with_suffix(".txt").read_text()
        yield Sound(f"in {file.parent.name}", words, tuple(cut(around(read(file)))))


def read(file: Path) -> Samples:
    with wave.open(str(file)) as recording:
        samples = np.frombuffer(recording.readframes(recording.getnframes()), np.int16)
        mono = samples.reshape(-1, recording.getnchannels())[:, 0]
        return resampled(mono, recording.getframerate())


def resampled(samples: Samples, rate: int) -> Samples:
    at_16k: Samples = soxr.resample(samples, rate, SAMPLE_RATE)
    return at_16k


def around(said: Samples) -> Samples:
    """With what the VAD leaves before and behind it."""
    return np.pad(said, (SAMPLE_RATE // 2, SAMPLE_RATE // 5))


def cut(samples: Samples) -> Iterator[Samples]:
    """A long recording in parts, as a VAD would end them: at pauses."""
    size = SAMPLE_RATE // 50
    frames = np.abs(samples[: len(samples) // size * size].astype(float)).reshape(-1, size).max(1)
    is_quiet = frames < QUIET * frames.max()
    begin, quiet = 0, 0
    for at, now_quiet in enumerate(is_quiet):
        quiet = quiet + 1 if now_quiet else 0
        if quiet * 0.02 >= PAUSE and (at - begin) * 0.02 >= LEAST + PAUSE:
            yield samples[begin * size : at * size]
            begin, quiet = at, 0
    if not is_quiet[begin:].all():
        yield samples[begin * size :]


# Words


def words_of(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower().replace("-", " "))


def distance(wanted: list[str], got: list[str]) -> int:
    """How many words must be changed, left out or put in (Levenshtein)."""
    row = list(range(len(got) + 1))
    for i, word in enumerate(wanted, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (word != other))
    return row[-1]


def _private() -> float:
    """MB that are this process's own."""
    return report.memory_of(os.getpid(), "Private_Clean", "Private_Dirty")


if __name__ == "__main__":
    main()
