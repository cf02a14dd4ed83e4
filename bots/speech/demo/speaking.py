"""The demo's voice: Hibari, one model a process, on a thread, a sentence at a time."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from hibari import SAMPLE_RATE, Hibari
from pipecat.frames.frames import Frame
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.transcriptions.language import Language

from greenroom.bots.personalities import Personality
from greenroom.bots.voices import personality_of_voice

SLOWEST, FASTEST = 0.5, 2.0  # of the model's own pace
LOWEST, HIGHEST = 0.7, 1.4  # of its own pitch
GAIN = 2.0  # the model is quiet: its loudest sample is then some 0.6
QUIET = 0.01  # of the loudest that there can be: breath and silence
LEAD, TAIL = 0.06, 0.2  # seconds kept of that around a sentence
PIECE = 0.1  # seconds of sound that are handed on at once
A_PAUSE = 0.15  # seconds after a sentence; it also empties the resampler's filter


@dataclass(frozen=True)
class Voice:
    """How fast and how high it is: 1 is as the model speaks."""

    speed: float = 1.0
    pitch: float = 1.0

    @property
    def sample_rate(self) -> int:
        """The rate at which the model's sound is played, which makes it as high."""
        rate: int = round(SAMPLE_RATE * self.pitch)
        return rate


@cache
def model() -> Hibari:
    """The process's own, its dictionaries read.  Loaded before a fork it is the children's as well."""
    model = Hibari()  # one thread, the caller's: no pool, which a fork would lose
    _ = model.g2p.oov
    return model


def say(phonemes: str, voice: Voice) -> bytes:
    """One sentence as sound, 16-bit mono at the voice's rate.  Blocks: call it from a thread."""
    pace = min(max(voice.speed / voice.pitch, SLOWEST), FASTEST)
    samples = GAIN * model().from_phonemes(phonemes, speed=pace, seed=0)
    loud = np.flatnonzero(np.abs(samples) > QUIET)
    if not len(loud):
        return b""
    begin = max(loud[0] - int(LEAD * SAMPLE_RATE), 0)  # the model is silent for a third of a second first
    samples = samples[begin : loud[-1] + int(TAIL * SAMPLE_RATE)]
    pcm: bytes = (np.clip(samples, -1, 1) * 32_767).astype(np.int16).tobytes()
    return pcm


class HibariTTS(TTSService):
    """Speaks sentence by sentence; an interruption leaves out the rest."""

    def __init__(self, personality: Personality) -> None:
        asked = personality.asked_voice
        self._voice = voice_named(asked) if asked else voice_of(personality)
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(
                model="hibari",
                voice=asked or personality.demo_voice.name,
                language=Language.EN,
                extra=dict(personality.voice_parameters),
            ),
        )

    def can_generate_metrics(self) -> bool:
        return True

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        await self.start_tts_usage_metrics(text)
        voice = shaped(self._voice, self._settings.extra)
        async with aclosing(spoken(text, voice)) as pieces:
            async for frame in self._stream_audio_frames_from_iterator(
                pieces, in_sample_rate=voice.sample_rate, context_id=context_id
            ):
                await self.stop_ttfb_metrics()
                yield frame

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        changed = await super()._update_settings(delta)
        if "voice" in changed:
            self._voice = voice_named(str(self._settings.voice))
        return changed


async def spoken(text: str, voice: Voice) -> AsyncGenerator[bytes, None]:
    """The text as sound, 16-bit mono at the voice's rate.  For whoever stops reading no more is made."""
    for sentence in await asyncio.to_thread(model().phonemize, text):
        sound = await asyncio.to_thread(say, sentence, voice)
        size = 2 * int(PIECE * voice.sample_rate)
        for start in range(0, len(sound), size):
            yield sound[start : start + size]
        yield bytes(2 * int(A_PAUSE * voice.sample_rate))


def voice_of(personality: Personality) -> Voice:
    return Voice(personality.demo_voice.speed, personality.demo_voice.pitch)


def shaped(voice: Voice, parameters: Mapping[str, Any]) -> Voice:
    """The voice with what a session asks of it: `speed` and `pitch`, 1 being its own."""

    def times(name: str, own: float, least: float, most: float) -> float:
        value = parameters.get(name)
        factor = value if isinstance(value, int | float) else 1
        return min(max(own * factor, least), most)

    return Voice(
        speed=times("speed", voice.speed, SLOWEST, FASTEST),
        pitch=times("pitch", voice.pitch, LOWEST, HIGHEST),
    )


def voice_named(name: str) -> Voice:
    """The voice of a personality that calls it so, here or with another service; else the model's own.

    It goes by the name alone: a bot that was changed step by step sounds as one that begins so.
    """
    known = personality_of_voice(name)
    return voice_of(known) if known else Voice()
