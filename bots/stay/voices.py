"""What is heard in one room: who speaks and how loudly, told to the clients there at once and to servers in passing.

It is seen at the two ends of any pipecat pipeline, so a bot of somebody else's is told of as ours is.  A level is taken
of one frame of each speaker in a tenth of a second, and that of the loudest is told: silence costs no message.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    InputAudioRawFrame,
    OutputAudioRawFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport

from greenroom.app.rooms.conversations import Turn
from greenroom.bots.transports.stage import Stage
from greenroom.bots.turns.floor import ASSISTANT, USER
from greenroom.bots.turns.hearing import Hearing
from greenroom.bots.turns.processors import processors_of

LEVEL_EVERY = 0.1  # seconds
SERVERS_EVERY = 5  # levels: two a second are enough where nobody draws them
QUIETEST = -60.0  # dB, which is level 0
UNHEARD = 0.05  # a level below this is told once, and then no more

BOT = object()  # the speaker who is no person
Tell = Callable[..., None]


def level_of(sound: bytes) -> float:
    """How loud 16-bit samples are, from 0 to 1, in even steps for an ear."""
    samples = np.frombuffer(sound, np.int16).astype(np.float32)
    power = float(np.dot(samples, samples)) / max(1, len(samples)) / 32768.0**2
    if power <= 0:
        return 0.0
    return round(min(1.0, max(0.0, 1 - 10 * math.log10(power) / QUIETEST)), 2)


class Voices:
    """Those of one room."""

    def __init__(
        self,
        stage: Stage,
        hearing: Hearing,
        *,
        to_servers: Tell,
        heard: Callable[..., object] = lambda **_: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`to_servers` is called with a type and its facts; `heard` when somebody speaks, the bot or a person."""
        self._stage = stage
        self._hearing = hearing
        self._to_servers = to_servers
        self._heard = heard
        self._now = now
        self._window: dict[Any, float] = {}
        self._window_began = 0.0
        self._last_level = 0.0
        self._levels = 0
        # pipecat sends each of these frames up and down a pipeline, and each of several outputs passes it on
        self._bot_speaks = self._person_speaks = False

    @property
    def bot_speaks(self) -> bool:
        return self._bot_speaks

    def follow(self, pipeline: PipelineWorker) -> None:
        """Tell of what is heard in this pipeline."""
        self._hearing.floor.on_speech = self._speech
        for processor in processors_of(pipeline.pipeline):
            if isinstance(processor, BaseInputTransport):
                processor.add_event_handler("on_after_push_frame", self._came_in)
            elif isinstance(processor, BaseOutputTransport):
                processor.add_event_handler("on_after_push_frame", self._went_out)

    def said(self, turn: Turn) -> None:
        """Tell the room's clients the words of a turn; servers are told by the ledger that there is one."""
        if turn.role in (USER, ASSISTANT) and turn.content:
            self._stage.tell(
                "voice.transcript",
                role=turn.role,
                text=turn.content,
                person=turn.person or (self._only_person() if turn.role == USER else None),
                interrupted=turn.interrupted,
            )

    async def _came_in(self, _: FrameProcessor, frame: Frame) -> None:
        if isinstance(frame, InputAudioRawFrame):
            self._sound(getattr(frame, "user_id", None), frame.audio)

    async def _went_out(self, _: FrameProcessor, frame: Frame) -> None:
        if isinstance(frame, OutputAudioRawFrame):
            self._sound(BOT, frame.audio)
        elif isinstance(frame, BotStartedSpeakingFrame | BotStoppedSpeakingFrame):
            self._bot(speaks=isinstance(frame, BotStartedSpeakingFrame))
        elif not self._hearing.is_followed and isinstance(
            frame, UserStartedSpeakingFrame | UserStoppedSpeakingFrame
        ):
            self._person(speaks=isinstance(frame, UserStartedSpeakingFrame))

    def _bot(self, *, speaks: bool) -> None:
        if speaks != self._bot_speaks:
            self._bot_speaks = speaks
            self._heard(bot=True)
            self._stage.tell("voice.bot.speaking", speaking=speaks)
            self._to_servers("voice.bot.speaking", speaking="1" if speaks else "0")

    def _person(self, *, speaks: bool) -> None:
        if speaks != self._person_speaks:
            self._person_speaks = speaks
            self._speech(None, begins=speaks)

    def _speech(self, person: str | None, *, begins: bool) -> None:
        event, person = f"voice.speech.{'start' if begins else 'end'}", person or self._only_person()
        self._heard(bot=False)
        self._stage.tell(event, person=person)
        self._to_servers(event, **({"person": person} if person else {}))

    def _sound(self, speaker: Any, sound: bytes) -> None:
        now = self._now()
        if now - self._window_began >= LEVEL_EVERY:
            self._tell_level()
            self._window_began = now
        if speaker not in self._window:
            self._window[speaker] = level_of(sound)

    def _tell_level(self) -> None:
        if not self._window:
            return
        speaker, level = max(self._window.items(), key=lambda it: it[1])
        self._window.clear()
        if level < UNHEARD:
            level = 0.0
        if level == self._last_level == 0.0:
            return
        self._last_level = level
        if level and not self._hearing.is_followed:  # then nobody says for sure who speaks
            self._heard(bot=speaker is BOT)
        whose = {"bot": True} if speaker is BOT else {"person": speaker or self._only_person()}
        self._stage.tell("voice.audio.level", level=level, **whose)
        self._levels += 1
        if self._levels % SERVERS_EVERY == 1:
            told = {name: "1" if fact is True else fact for name, fact in whose.items() if fact}
            self._to_servers("voice.audio.level", level=str(level), **told)

    def _only_person(self) -> str | None:
        people = self._stage.people
        return next(iter(people)) if len(people) == 1 else None
