"""The demo's voice: espeak-ng on a thread, a piece at a time."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from pipecat.frames.frames import Frame
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.transcriptions.language import Language

from greenroom.bots.personalities import Personality
from greenroom.bots.speech.demo import espeak
from greenroom.bots.speech.demo.espeak import Voice
from greenroom.bots.voices import is_espeak_voice, personality_of_voice

SLOWEST, FASTEST = 80, 450  # words a minute that espeak-ng can speak
A_PAUSE = bytes(2 * (espeak.SAMPLE_RATE // 8))  # after a sentence; it also empties the resampler's filter


class EspeakTTS(TTSService):
    """Speaks sentence by sentence; an interruption ends the sentence at its next piece."""

    def __init__(self, personality: Personality) -> None:
        self._voice = voice_named(personality.voice, otherwise=voice_of(personality))
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(
                model="espeak-ng",
                voice=self._voice.name,
                language=Language.EN,
                extra=dict(personality.voice_parameters),
            ),
        )

    def can_generate_metrics(self) -> bool:
        return True

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        await self.start_tts_usage_metrics(text)
        async with aclosing(spoken(text, shaped(self._voice, self._settings.extra))) as pieces:
            async for frame in self._stream_audio_frames_from_iterator(
                pieces, in_sample_rate=espeak.SAMPLE_RATE, context_id=context_id
            ):
                await self.stop_ttfb_metrics()
                yield frame

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        changed = await super()._update_settings(delta)
        if "voice" in changed:
            self._voice = voice_named(str(self._settings.voice), otherwise=self._voice)
        return changed


async def spoken(text: str, voice: Voice) -> AsyncGenerator[bytes, None]:
    """The text as sound, 16-bit mono at espeak's rate.  Whoever stops reading early stops the thread too."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
    is_wanted = True

    def on_piece(piece: bytes | None) -> bool:
        if is_wanted:
            loop.call_soon_threadsafe(pieces.put_nowait, piece)
        return is_wanted

    def say() -> None:
        try:
            espeak.say(text, voice, on_piece)
            on_piece(A_PAUSE)
        finally:
            on_piece(None)

    saying = loop.run_in_executor(None, say)
    try:
        while (piece := await pieces.get()) is not None:
            yield piece
        await saying  # raises what went wrong
    finally:
        is_wanted = False


def voice_of(personality: Personality) -> Voice:
    own = personality.demo_voice
    return Voice(own.name, own.rate, own.pitch, own.range)


def shaped(voice: Voice, parameters: Mapping[str, Any]) -> Voice:
    """The voice with what a session asks of it: `speed` (1 is its own), `pitch` and `range` (0 to 99)."""

    def number(name: str, own: float) -> float:
        value = parameters.get(name)
        return value if isinstance(value, int | float) else own

    return replace(
        voice,
        rate=_within(SLOWEST, voice.rate * number("speed", 1), FASTEST),
        pitch=_within(0, number("pitch", voice.pitch), 99),
        range=_within(0, number("range", voice.range), 99),
    )


def _within(low: int, value: float, high: int) -> int:
    return round(min(max(value, low), high))


def voice_named(name: str, *, otherwise: Voice) -> Voice:
    """The voice of a personality that calls it so, here or with another service; or any other of espeak's."""
    known = personality_of_voice(name)
    if known is not None:
        return voice_of(known)
    return replace(otherwise, name=name) if is_espeak_voice(name) else otherwise
