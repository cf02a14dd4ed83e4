"""What a part does when its service fails: the next choice takes over, and does again what the failed one had to do.

pipecat's `ServiceSwitcher` routes to one of several services; its own strategy leaves a service only when it can never
work again.  A voice cannot wait for that: here any failure of a service is reason enough.  A failure is forwarded
only where nobody is left to take over, so that the bot apologises (`bots/stay/failing.py`).
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipecat.frames.frames import (
    AggregatedTextFrame,
    ControlFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMUpdateSettingsFrame,
    ManuallySwitchServiceFrame,
    ServiceUpdateSettingsFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSTextFrame,
    TTSUpdateSettingsFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.llm_switcher import LLMSwitcher
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.service_switcher import ServiceSwitcher, ServiceSwitcherStrategyFailover
from pipecat.processors.aggregators.llm_text_processor import LLMTextProcessor
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.utils.errors import ErrorCategory

from greenroom.app.speech import Part
from greenroom.bots.speech.making import is_made_for

BEFORE_SPEECH = 50  # frames of sound, a second, that a recogniser hears besides what the VAD calls speech
LONGEST_UTTERANCE = 3000  # frames, a minute: what is longer is heard again from there on
SENTENCES_KEPT = 64  # that are not spoken yet
DOWN = FrameDirection.DOWNSTREAM


@dataclass
class PreferFrame(ControlFrame):
    """Names, for parts of a bot, the one of its services that is to do it from the next work on."""

    named: Mapping[Part, str] = field(default_factory=dict)


class NextChoice(ServiceSwitcherStrategyFailover):
    """Each service that has not failed of the work at hand, in turn."""

    def __init__(self, services: list[FrameProcessor]) -> None:
        super().__init__(services)
        self._failed: set[FrameProcessor] = set()
        self.first = services[0]  # whose names for a model and a voice the bot is given
        self.failures = 0  # after which another took over

    async def handle_error(self, error: ErrorFrame) -> FrameProcessor | None:
        """The one that takes over; None, and all may be tried again with the next work, if nobody is left."""
        if error.category is ErrorCategory.APPLICATION:  # a tool's, which says nothing of its service
            return None
        self._failed.add(self.active_service)
        place = self.services.index(self.active_service)
        for candidate in [*self.services[place + 1 :], *self.services[:place]]:
            if candidate.is_usable and candidate not in self._failed:
                self.failures += 1
                return await self.handle_frame(ManuallySwitchServiceFrame(service=candidate), DOWN)
        self._failed.clear()
        return None

    def begin(self) -> None:
        """The work at hand is done, or there is other work: whoever failed of it may be asked again."""
        self._failed.clear()

    def choose(self, named: str | None) -> None:
        """Let the service of that name be the first choice, if it is here."""
        self.first = next((each for each in self.services if named and is_made_for(each, named)), self.first)

    def address(self, frame: ServiceUpdateSettingsFrame[Any]) -> None:
        """Settings that are one service's own, as a voice by its name, are not for whoever stands in for it."""
        if not frame.reach_inactive_services and frame.service is None:
            frame.service = self.first

    async def use_first(self) -> bool:
        """Let the first choice do the work from now on; False if it does already, or cannot."""
        if self.first is self.active_service:
            return False
        self.begin()
        return await self.handle_frame(ManuallySwitchServiceFrame(service=self.first), DOWN) is not None


class Ears(ServiceSwitcher[NextChoice]):
    """Several that hear: who takes over hears again what was just said."""

    def __init__(self, services: list[FrameProcessor]) -> None:
        super().__init__(services, NextChoice)
        self._before: deque[Frame] = deque(maxlen=BEFORE_SPEECH)
        self._utterance: deque[Frame] = deque(maxlen=LONGEST_UTTERANCE)
        self._is_spoken = False
        self._prefers = False  # another than the one that hears now, once that has heard what is being said

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, PreferFrame):
            self.strategy.choose(frame.named.get(Part.HEARING))
            self._prefers = Part.HEARING in frame.named
            if not self._utterance:
                await self._use_preferred()
        elif isinstance(frame, VADUserStartedSpeakingFrame):
            await self._use_preferred()
            self._utterance.clear()
            self._utterance.extend([*self._before, frame])
            self._is_spoken = True
            self.strategy.begin()  # what was said before may have had no words in it, which nobody tells
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._utterance.append(frame)
            self._is_spoken = False
        elif isinstance(frame, InputAudioRawFrame):
            (self._utterance if self._is_spoken else self._before).append(frame)
        await super().process_frame(frame, direction)

    async def push_frame(self, frame: Frame, direction: FrameDirection = DOWN) -> None:
        failures = self.strategy.failures
        if isinstance(frame, TranscriptionFrame):
            self.strategy.begin()
            if not self._is_spoken:
                self._utterance.clear()
        await super().push_frame(frame, direction)
        if self.strategy.failures != failures:
            for heard in list(self._utterance):  # a ParallelPipeline lets none of these out a second time
                await self.strategy.active_service.queue_frame(heard, DOWN)

    async def _use_preferred(self) -> None:
        """Between two utterances: what one of them has begun to hear, it hears to its end."""
        prefers, self._prefers = self._prefers, False
        if prefers and await self.strategy.use_first():
            for heard in list(self._before):
                await self.strategy.active_service.queue_frame(heard, DOWN)


class Minds(LLMSwitcher[NextChoice]):
    """Several that think: who takes over answers the same context."""

    def __init__(self, services: list[Any]) -> None:
        super().__init__(services, NextChoice)
        self._asked: LLMContextFrame | None = None
        self._answers = False  # the failed one has begun to answer, and will end that
        self._owes = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, PreferFrame):  # the one that answers goes on with that
            self.strategy.choose(frame.named.get(Part.THINKING))
            await self.strategy.use_first()
        elif isinstance(frame, LLMUpdateSettingsFrame):
            self.strategy.address(frame)
        elif isinstance(frame, LLMContextFrame) and direction is DOWN:
            self._asked, self._answers, self._owes = frame, False, False
        elif isinstance(frame, InterruptionFrame):
            self._asked, self._answers, self._owes = None, False, False
        await super().process_frame(frame, direction)

    async def push_frame(self, frame: Frame, direction: FrameDirection = DOWN) -> None:
        failures = self.strategy.failures
        if isinstance(frame, LLMFullResponseStartFrame):
            self._answers = True
        await super().push_frame(frame, direction)
        if self.strategy.failures != failures:
            self._owes = self._asked is not None
        if isinstance(frame, LLMFullResponseEndFrame):
            self._answers = False
            if not self._owes:
                self._asked = None
                self.strategy.begin()
        if self._owes and not self._answers and self._asked is not None:
            self._owes = False
            await self.active_llm.queue_frame(LLMContextFrame(self._asked.context), DOWN)


class Voices(ServiceSwitcher[NextChoice]):
    """Several that speak: who takes over speaks each sentence that the failed one has not."""

    def __init__(self, services: list[FrameProcessor]) -> None:
        super().__init__(services, NextChoice)
        self._unspoken: deque[AggregatedTextFrame | TTSSpeakFrame] = deque(maxlen=SENTENCES_KEPT)
        self._spoken = ""  # letters of the first of these
        self._late: set[int] = set()  # what a service says after another one has taken over
        self._is_heard = False  # of what is being spoken there has been a sound
        self._unheard: list[TTSTextFrame] = []  # told as spoken, without a sound of it
        self._prefers = False  # another than the one that speaks now, once that has said what it is saying
        for service in services:
            service.add_event_handler("on_before_push_frame", self._look)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, PreferFrame):
            self.strategy.choose(frame.named.get(Part.SPEAKING))
            self._prefers = Part.SPEAKING in frame.named
        elif isinstance(frame, TTSUpdateSettingsFrame):
            self.strategy.address(frame)
        elif isinstance(frame, InterruptionFrame):
            self._unspoken.clear()
            self._unheard.clear()
            self._spoken = ""
        if self._prefers and not self._unspoken:  # between two sentences: none is spoken twice
            self._prefers = False
            await self.strategy.use_first()
        if isinstance(frame, AggregatedTextFrame | TTSSpeakFrame) and direction is DOWN:
            self._unspoken.append(frame)
        await super().process_frame(frame, direction)

    async def push_frame(self, frame: Frame, direction: FrameDirection = DOWN) -> None:
        if frame.id in self._late:
            self._late.discard(frame.id)
            return
        active = self.strategy.active_service
        if isinstance(frame, TTSStartedFrame | TTSAudioRawFrame):
            self._is_heard = isinstance(frame, TTSAudioRawFrame)
        failures = self.strategy.failures
        if isinstance(frame, TTSTextFrame):
            if not self._is_heard and active.is_usable:
                # pipecat tells the words of a silence, and then that it was one: another may speak them
                self._unheard.append(frame)
                return
            self._was_spoken(frame.text)
        await super().push_frame(frame, direction)
        if self._unheard and self._is_told(frame, active):
            await self._tell_unheard()
        if self.strategy.failures != failures:
            self._spoken = ""
            self._unheard.clear()
            for sentence in list(self._unspoken):
                await self.strategy.active_service.queue_frame(_anew(sentence), DOWN)

    def _is_told(self, frame: Frame, active: FrameProcessor) -> bool:
        """Whether words without a sound reach the clients now: nobody else speaks them, or their sound comes late."""
        is_over = isinstance(frame, ErrorFrame) and self.strategy.active_service is active
        return is_over or isinstance(frame, TTSAudioRawFrame)

    async def _tell_unheard(self) -> None:
        unheard, self._unheard = self._unheard, []
        for words in unheard:
            self._was_spoken(words.text)
            await super().push_frame(words)

    async def _look(self, service: FrameProcessor, frame: Frame) -> None:
        of_speech = TTSAudioRawFrame | TTSStartedFrame | AggregatedTextFrame
        if service is not self.strategy.active_service and isinstance(frame, of_speech):
            self._late.add(frame.id)

    def _was_spoken(self, text: str) -> None:
        """Some services tell each word, others each sentence."""
        self.strategy.begin()
        self._spoken += _letters(text)
        while self._unspoken and self._spoken.startswith(first := _letters(self._unspoken[0].text)):
            self._unspoken.popleft()
            self._spoken = self._spoken.removeprefix(first)


def one_of(part: type[Ears | Minds | Voices], services: Sequence[Any]) -> FrameProcessor:
    """A processor for a part of a bot: its only service, or several that stand in for each other."""
    if len(services) == 1:
        only: FrameProcessor = services[0]
        return only
    made = part(list(services))
    # Whole sentences: what a service has of one when it fails, nobody else has
    return Pipeline([LLMTextProcessor(), made]) if isinstance(made, Voices) else made


def _anew(sentence: AggregatedTextFrame | TTSSpeakFrame) -> Frame:
    """The same to be spoken; a service writes into the frame that it is given."""
    if isinstance(sentence, TTSSpeakFrame):
        return TTSSpeakFrame(sentence.text, append_to_context=sentence.append_to_context)
    return AggregatedTextFrame(sentence.text, sentence.text_type, raw_text=sentence.raw_text)


def _letters(text: str) -> str:
    return "".join(text.split())
