"""What is said in a call, written down as it happens, and whether it is a quiet moment.

A turn is on its way to Redis as soon as it is in the bot's context; nobody waits for it.  While Redis is away
turns are kept here.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMAssistantAggregator, LLMUserAggregator
from pipecat.processors.frame_processor import FrameProcessor

from greenroom.app.rooms.brief import new_conversation
from greenroom.app.rooms.conversations import BeginConversation, Record, Source, Turn
from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.sessions import Session
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.bots.assistant.people import People
from greenroom.bots.background_writer import BackgroundWriter
from greenroom.bots.seam.diversions import on_message_added

UNWRITTEN_AT_MOST = 1000  # turns; the oldest go, if Redis is away for longer
TAKEN_WITHIN = timedelta(seconds=2)  # a typed line, into the bot's context
SPEAKERS = ("user", "assistant")

log = structlog.get_logger(__name__)


class Turns:
    """One stay's part of a conversation."""

    def __init__(self, ledger: AsyncRedisLedger, session: Session, before: Sequence[Turn]) -> None:
        self.conversation_id = session.conversation_id  # where it stands now
        self._session_id = session.id
        self._brief = session.brief
        self._epoch = session.epoch
        self._said: deque[Turn] = deque(before, maxlen=UNWRITTEN_AT_MOST)
        self._number = 0
        self._contexts: dict[str | None, LLMContext] = {}  # by the person, where there are several
        self._unwritten: deque[Step[Any]] = deque()
        self._acknowledged: set[str] = set()  # ids of typed lines
        self._writer = BackgroundWriter(ledger, next_step=self._next_step, on_reply=self._on_reply)
        self._speaking: set[tuple[str, str | None]] = set()
        self._last_speaker: str | None = None

    def follow(self, pipeline: PipelineWorker) -> None:
        """Write down what comes into the contexts of a bot that is built with pipecat's aggregators."""
        for processor in _processors(pipeline.pipeline):
            if isinstance(processor, People):
                processor.add_event_handler("on_person", self._meet)
                processor.add_event_handler("on_person_left", self._part)
            elif isinstance(processor, LLMUserAggregator):
                self._listen(processor, "user")
            elif isinstance(processor, LLMAssistantAggregator):
                self._listen(processor, "assistant")

    def catch_up(self, conversation: Sequence[Turn], conversation_id: str) -> bool:
        """Take what was said since this bot was prepared into its context, or leave a conversation that is over.

        False if that must be done, and the bot's context is unknown.
        """
        before = [said.id for said in self._said]
        is_another = conversation_id != self.conversation_id
        is_forgotten = is_another or [said.id for said in conversation[: len(before)]] != before
        self.conversation_id = conversation_id
        if is_forgotten:
            for context in self._contexts.values():
                context.set_messages([])
            self._said.clear()
        known = {said.id for said in self._said}
        missed = [said for said in conversation if said.id not in known]
        self._said.extend(missed)
        for person, context in self._contexts.items():
            theirs = [said for said in missed if person is None or said.person == person]
            context.set_messages([*context.messages, *as_messages(theirs)])  # written down already
        return bool(self._contexts) or not is_forgotten

    def by_person(self) -> dict[str, list[Any]]:
        """What each of several people and the bot have said to each other, as their context has it."""
        people = {said.person for said in self._said if said.person is not None}
        return {
            person: as_messages([said for said in self._said if said.person == person]) for person in people
        }

    def restore(self, kept: Sequence[Turn]) -> None:
        """Write again what Redis has lost, each turn where it stood."""
        there = {turn.id for turn in kept}
        begun = [step for step in self._unwritten if isinstance(step, BeginConversation)]
        self._unwritten.clear()  # its turns are among those that were said
        for step in begun:
            self._put(step)
        for turn in self._said:
            if turn.id not in there:
                source = Source.RESTORED if turn.sequence else turn.source
                self._record(replace(turn, source=source))

    def begin_another(self, person: str) -> bool:
        """Begin another conversation, for another person: nothing of this one is theirs, and it stays as it is.

        False if the bot's context is unknown.
        """
        for context in self._contexts.values():
            context.set_messages([])  # at once: as a frame it may come after the person's first word
        self._said.clear()
        self._last_speaker = None
        self.conversation_id = new_conversation()
        owner = self._brief.owned_by(person)
        self._put(BeginConversation(self._session_id, self._epoch, self.conversation_id, owner))
        return bool(self._contexts)

    @property
    def is_quiet(self) -> bool:
        """Nobody speaks, and the person is not waiting for an answer."""
        return not self._speaking and self._last_speaker != "user"

    def begins(self, speaker: str, person: str | None = None) -> None:
        """The bot, or a person, begins to speak."""
        self._speaking.add((speaker, person))

    @property
    def is_answering(self) -> bool:
        """The bot speaks, or thinks of what to say."""
        return any(speaker == "assistant" for speaker, _ in self._speaking)

    async def quiet(self, within: timedelta) -> None:
        """Wait until nobody speaks."""
        deadline = asyncio.get_running_loop().time() + within.total_seconds()
        while self._speaking and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110  at rest
            await asyncio.sleep(0.02)

    async def write(self) -> None:
        """Until it is cancelled."""
        await self._writer.run()

    async def write_all(self) -> None:
        """Write what is unwritten, however long Redis is away."""
        await self._writer.write_all()

    async def written(self, within: timedelta) -> bool:
        """Wait until everything that was said is written."""
        is_written = await self._writer.is_idle(within)
        if not is_written:
            log.warning("turns_write_failed", session_id=self._session_id, turns=len(self._unwritten))
        return is_written

    async def has_line(self, words: str) -> None:
        """Wait until a typed line is written; one that does not come into the bot's context soon never does."""
        deadline = asyncio.get_running_loop().time() + TAKEN_WITHIN.total_seconds()
        while self._contexts and asyncio.get_running_loop().time() < deadline:
            line = next((said.id for said in self._said if self._is_new_line(said, words)), None)
            if line is not None:
                self._acknowledged.add(line)
                break
            await asyncio.sleep(0.02)
        await self._writer.idle()

    def _is_new_line(self, said: Turn, words: str) -> bool:
        is_here = said.id.startswith(f"{self._epoch}-") and said.id not in self._acknowledged
        return is_here and said.role == "user" and words in said.content

    async def _meet(self, _: People, person: str, aggregator: LLMUserAggregator) -> None:
        if person not in self._contexts:
            aggregator.context.set_messages(self.by_person().get(person, []))
        self._listen(aggregator, "user", person)

    async def _part(self, _: People, person: str) -> None:
        self._speaking.discard(("user", person))

    def _listen(self, aggregator: Any, speaker: str, person: str | None = None) -> None:
        async def started(*_: Any) -> None:
            self.begins(speaker, person)

        async def stopped(*_: Any) -> None:
            self._speaking.discard((speaker, person))

        aggregator.add_event_handler(f"on_{speaker}_turn_started", started)
        aggregator.add_event_handler(f"on_{speaker}_turn_stopped", stopped)
        if not any(context is aggregator.context for context in self._contexts.values()):
            self._contexts[person] = aggregator.context
            on_message_added(aggregator.context, partial(self.add, person=person))

    def add(self, message: Mapping[str, Any], person: str | None = None) -> None:
        """A message has come into the bot's context, or into that for one person."""
        speaker, words = message.get("role"), _words(message.get("content"))
        if speaker not in SPEAKERS or not words:
            return
        self._last_speaker = speaker
        self._number += 1
        said = Turn(f"{self._epoch}-{self._number}", speaker, words, person=person, epoch=self._epoch)
        self._said.append(said)
        self._record(said)

    def _record(self, turn: Turn) -> None:
        after = max((said.sequence for said in self._said), default=0)
        self._put(Record(self._session_id, self.conversation_id, self._epoch, turn, after))

    def _put(self, step: Step[Any]) -> None:
        if (
            len(self._unwritten) >= UNWRITTEN_AT_MOST
        ):  # the oldest turn goes; that a conversation begins stays
            del self._unwritten[1 if isinstance(self._unwritten[0], BeginConversation) else 0]
        self._unwritten.append(step)
        self._writer.wake()

    def _next_step(self) -> Step[Any] | None:
        return self._unwritten[0] if self._unwritten else None

    def _on_reply(self, step: Step[Any], written: Any) -> None:
        if not written:
            log.warning("turn_refused", session_id=self._session_id, epoch=self._epoch)
        if self._unwritten and self._unwritten[0] is step:  # it may have been dropped meanwhile
            self._unwritten.popleft()
        if written and isinstance(step, Record):
            self._place(step.turn.id, int(written))

    def _place(self, turn_id: str, sequence: int) -> None:
        """Remember where a turn stands, for the case that Redis loses it."""
        for at, turn in enumerate(self._said):
            if turn.id == turn_id:
                self._said[at] = replace(turn, sequence=sequence)


def as_messages(conversation: Sequence[Turn]) -> list[Any]:
    """A conversation as a bot's context has it."""
    return [turn.as_message() for turn in conversation]


def _processors(of: FrameProcessor) -> Iterator[FrameProcessor]:
    for processor in of.processors:
        yield processor
        yield from _processors(processor)


def _words(content: Any) -> str:
    """The words of a message, which may have other parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(part["text"] for part in parts if isinstance(part, dict) and "text" in part)
