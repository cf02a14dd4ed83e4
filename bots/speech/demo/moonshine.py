"""Moonshine, a speech model of 44 MB for English: samples in, words out.

The files are those in the wheel `moonshine-voice`; its own code is never imported, since its library for audio wants
PortAudio.  The sessions have no threads of their own, so they may be made before a fork, and run after it.
"""

import importlib.util
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

SAMPLE_RATE = 16_000
TOKENS_A_SECOND = 6.5  # the authors' bound: a model that repeats itself without end is stopped there
BEGIN, END = 1, 2  # the tokens before a sentence and behind it
BEAMS = 4  # expected phrases that are followed at once
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
Floats = np.ndarray[Any, np.dtype[np.float32]]


def _folder() -> Path:
    """Where the model's files are; found without importing the package."""
    found = importlib.util.find_spec("moonshine_voice")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("There is no moonshine_voice.", name="moonshine_voice")
    return Path(found.origin).parent / "assets" / "tiny-en"


FOLDER = _folder()


@dataclass(frozen=True)
class Heard:
    """What was said, in how many tokens, and the logarithm of how likely it is, given the sound."""

    text: str
    tokens: int
    fit: float


@dataclass
class Expected:
    """Phrases as a tree of tokens, so that what they begin with is judged once."""

    then: dict[int, "Expected"] = field(default_factory=dict)

    def add(self, tokens: Iterable[int]) -> None:
        here = self
        for token in tokens:
            here = here.then.setdefault(token, Expected())


class Moonshine:
    """The model.  Several threads may hear with it at once."""

    def __init__(self, options: onnxruntime.SessionOptions | None = None) -> None:
        self._encoder, self._decoder = (
            onnxruntime.InferenceSession(
                str(FOLDER / file), options or _without_threads(), providers=["CPUExecutionProvider"]
            )
            for file in ("encoder_model.ort", "decoder_model_merged.ort")
        )
        self._tokens = list(_tokens((FOLDER / "tokenizer.bin").read_bytes()))
        # Of two with the same bytes the later counts: the first ones stand for single bytes
        self._ids = {token: number for number, token in enumerate(self._tokens)}
        names = [each.name for each in self._decoder.get_inputs() if each.name.startswith("past")]
        self._of_text = [name for name in names if ".decoder." in name]
        self._of_sound = [name for name in names if ".encoder." in name]
        self._returned = ["logits", *(name.replace("past_key_values", "present") for name in names)]
        self._names = names

    def hear(self, samples: Floats) -> "Listening":
        """Begin to hear somebody: samples from -1 to 1."""
        feed = {"input_values": samples[None], "attention_mask": np.ones((1, len(samples)), np.int64)}
        (sound,) = self._encoder.run(None, feed)
        return Listening(self, sound, limit=int(len(samples) / SAMPLE_RATE * TOKENS_A_SECOND) + 8)

    def sentence(self, text: str) -> list[int]:
        """A whole sentence's tokens: neighbours are joined while there is a token for both, the commonest first."""
        parts = list(SPACE + text.replace(" ", SPACE))
        while True:
            joined = [(self._ids.get((a + b).encode()), at) for at, (a, b) in enumerate(pairwise(parts))]
            known = [(token, at) for token, at in joined if token is not None]
            if not known:
                return [*(self._ids[part.encode()] for part in parts), END]
            _, at = min(known)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]

    def decode(self, tokens: Sequence[int]) -> str:
        text = b"".join(self._tokens[token] for token in tokens).decode("utf-8", "replace")
        return text.replace(SPACE, " ").strip()

    def step(
        self, tokens: Sequence[int], sound: Floats, past: Mapping[str, Any]
    ) -> tuple[Floats, dict[str, Any]]:
        """How likely each next token is, as a logarithm, for each of some sentences; and the past of the next step."""
        is_first = not past
        if is_first:
            past = {name: np.zeros((1, 8, 0, 36), np.float32) for name in self._names}
        many = len(tokens)
        feed = {
            "input_ids": np.array(tokens, np.int64)[:, None],
            "encoder_attention_mask": np.ones((many, 1), np.int64),  # all of the sound, however long
            "encoder_hidden_states": np.repeat(sound, many, 0),
            "use_cache_branch": np.array([not is_first]),
            **past,
        }
        logits, *present = self._decoder.run(self._returned, feed)
        kept = dict(zip(self._names, present, strict=True))
        if not is_first:  # the model does not give back what it has read of the sound
            kept |= {name: past[name] for name in self._of_sound}
        return _log_softmax(logits[:, -1]), kept


class Listening:
    """One sound, judged twice: as any English at all, and as one of the phrases that are expected."""

    def __init__(self, model: Moonshine, sound: Floats, limit: int) -> None:
        self._model, self._sound, self._limit = model, sound, limit
        self._first, self._past = model.step([BEGIN], sound, {})

    def as_anything(self) -> Heard:
        said: list[int] = []
        likely, past, fit = self._first, self._past, 0.0
        while len(said) < self._limit:
            token = int(likely[0].argmax())
            fit += float(likely[0, token])
            if token == END:
                break
            said.append(token)
            likely, past = self._model.step([token], self._sound, past)
        return Heard(self._model.decode(said), len(said) + 1, fit)

    def as_one_of(self, expected: Expected) -> Heard:
        """The likeliest of the expected phrases: only what they go on with is followed, and of that the best few."""
        best: tuple[float, list[int]] = (-np.inf, [])
        beams: list[tuple[float, list[int], Expected]] = [(0.0, [], expected)]
        likely, past = self._first, self._past
        while True:
            found = []
            for at, (fit, said, here) in enumerate(beams):
                for token, then in here.then.items():
                    step = fit + float(likely[at, token])
                    if token == END:
                        best = max(best, (step, said))
                    else:
                        found.append((step, at, [*said, token], then))
            found = sorted((each for each in found if each[0] > best[0]), key=lambda each: -each[0])[:BEAMS]
            if not found:
                return Heard(self._model.decode(best[1]), len(best[1]) + 1, best[0])
            rows = [at for _, at, _, _ in found]
            past = {name: value[rows] for name, value in past.items()}
            beams = [(fit, said, then) for fit, _, said, then in found]
            likely, past = self._model.step([said[-1] for _, said, _ in beams], self._sound, past)


def _without_threads() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the caller's: a fork loses any pool
    options.enable_cpu_mem_arena = False  # what a sentence took is given back
    return options


def _tokens(packed: bytes) -> Iterator[bytes]:
    """Each behind its length, which takes two bytes from 128 on."""
    at = 0
    while at < len(packed):
        length = packed[at]
        at += 1
        if length >= 128:
            length = (length - 128) * 128 + packed[at]
            at += 1
        yield packed[at : at + length]
        at += length


def _log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max(-1, keepdims=True)
    likely: Floats = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return likely
