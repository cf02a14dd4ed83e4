"""What is said in a call, written down as it happens.

A turn is on its way to Redis as soon as it is in the bot's context; nobody waits for it.
"""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregator

from greenroom.app.rooms.brief import new_conversation
from greenroom.app.rooms.conversations import Source, ToolStatus, Turn
from greenroom.app.rooms.memory import LONGEST_SUMMARY
from greenroom.app.rooms.resuming import NO_RESULT, as_messages, as_resumed, open_calls, owes_an_answer
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Session
from greenroom.app.rooms.voice_rooms import is_for_one
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.bots.memories import Memories
from greenroom.bots.turns.acknowledging import Acknowledging
from greenroom.bots.turns.floor import Floor
from greenroom.bots.turns.hearing import Hearing
from greenroom.bots.turns.remembering import Remembering
from greenroom.bots.turns.transcript import Transcript
from greenroom.bots.turns.writer import TurnWriter


class Turns:
    """One stay's part of a conversation: what was said, what the bot reads of it, and its way to Redis."""

    def __init__(
        self,
        ledger: AsyncRedisLedger,
        session: Session,
        before: Sequence[Turn],
        *,
        age: timedelta = timedelta(0),
        memories: Memories | None = None,
    ) -> None:
        """`age` is the session's: with it the times of turns are those of Redis's clock."""
        self._brief = session.brief
        self._transcript = Transcript(session.epoch, before)
        self._writer = TurnWriter(ledger, session, self._transcript, on_kept=self._kept)
        self.now_ms = _clock(session.created_ms, age)
        self.hearing = self.hear_in(session.room)  # in the room where the bot is
        self._resumes = False
        self.on_said: Callable[[Turn], object] | None = None  # called with each turn
        self.on_kept: Callable[[str, Turn], object] | None = (
            None  # with its conversation, once it has its place there
        )
        self.remembering = Remembering(
            memories or Memories(None, session),
            conversation_id=lambda: self.conversation_id,
            hearing=lambda: self.hearing,
        )
        self.acknowledging = Acknowledging(
            self._transcript,
            self._writer,
            contexts_are_known=lambda: self.hearing.contexts.are_known,
        )

    @property
    def conversation_id(self) -> str:
        """The conversation that is going on."""
        return self._writer.conversation_id

    @property
    def floor(self) -> Floor:
        """Who speaks in the room where the bot is."""
        return self.hearing.floor

    @property
    def are_for_one(self) -> bool:
        """Whether only one person is ever in that room."""
        return self.hearing.is_for_one

    def hear_in(self, room: Room) -> Hearing:
        """Make what follows a pipeline of the bot's in a room."""
        return Hearing(
            is_for_one=is_for_one(room),
            on_turn=self._add,
            on_person=self._meet,
            on_summary=self._sum_up,
            now_ms=self.now_ms,
        )

    def message_added(self, message: Any, person: str | None = None) -> None:
        """A message has come into the bot's context, or into that with one person."""
        self.hearing.message_added(message, person)

    def _add(self, role: str, content: str, **facts: Any) -> None:
        """Write down what has just been said."""
        turn = self._transcript.add(role, content, **facts)
        self._writer.write(turn)
        if self.on_said is not None:
            self.on_said(turn)

    def _kept(self, conversation_id: str, turn: Turn) -> None:
        if self.on_kept is not None:
            self.on_kept(conversation_id, turn)

    def _sum_up(self, person: str | None, kept: int, text: str, model: str) -> None:
        """A summary has taken the place of messages in a context: the bot that replaces this one reads it there too."""
        if summary := self._transcript.sum_up(text[:LONGEST_SUMMARY], model, person, kept):
            self._writer.write(summary)

    # What was said before

    def take_up(self, turns: Sequence[Turn], last_sequence: int) -> None:
        """Go on with a conversation that the ledger has forgotten."""
        self._transcript.catch_up(turns)
        self.go_on_behind(last_sequence)
        self._writer.take_up(turns, last_sequence)

    def go_on_behind(self, sequence: int) -> None:
        """Write what is said from now on to a later place than that."""
        self._transcript.go_on_behind(sequence)

    def resume(self) -> None:
        """Go on in place of a bot that was lost, whose tools have no result any more."""
        self._resumes = True
        self._close_calls()

    def before(self, person: str | None = None) -> list[Any]:
        """What was said before this bot came, to one of several people or to all, as its model reads it."""
        conversation = self._transcript.of(person, alone_with=self._user)
        return as_resumed(conversation) if self._resumes else as_messages(conversation)

    @property
    def owe_an_answer(self) -> bool:
        """Whether the bot that was lost owed the person an answer, or the rest of one."""
        return self._resumes and owes_an_answer(tuple(self._transcript))

    def by_person(self) -> dict[str, list[Any]]:
        """What each of several people and the bot have said to each other, as their context has it."""
        return {person: self.before(person) for person in self._transcript.people}

    def owed_to(self) -> list[str]:
        """Who of several people waits for an answer, or for the rest of one."""
        people = {self._user, *self._transcript.people}
        said_with = {person: self._transcript.of(person, alone_with=self._user) for person in sorted(people)}
        return [person for person, said in said_with.items() if owes_an_answer(said)]

    @property
    def _user(self) -> str:
        """Whose the conversation is."""
        return self._writer.owner.partition("/")[2]

    def catch_up(self, conversation: Sequence[Turn], conversation_id: str, owner: str = "") -> bool:
        """Take what was said since this bot was prepared into its context, or leave a conversation that is over.

        False if that must be done, and the bot's context is unknown.
        """
        is_another = conversation_id != self.conversation_id
        is_forgotten = is_another or not self._transcript.begins_with(conversation)
        self._writer.go_on_with(conversation_id, owner)
        if is_forgotten:
            self.hearing.forget()
            self._transcript.clear()
        self.hearing.take_in(self._transcript.catch_up(conversation))
        self._close_calls()
        return self.hearing.contexts.are_known or not is_forgotten

    def restore(self, kept: Sequence[Turn]) -> Sequence[Turn]:
        """Write again what Redis has lost, each turn where it stood; returns those that it had."""
        lost = self._transcript.lost(kept)
        self._writer.write_again(lost)
        return [turn for turn in lost if turn.source is Source.RESTORED]

    def begin_another(self, person: str) -> bool:
        """Begin another conversation, for another person: nothing of this one is theirs, and it stays as it is.

        False if the bot's context is unknown.
        """
        self.hearing.forget()
        self._transcript.clear()
        self._resumes = False
        self._writer.begin(new_conversation(), self._brief.owned_by(person))
        return self.hearing.contexts.are_known

    # In another room

    @property
    def said(self) -> tuple[Turn, ...]:
        """What was said, as far as it is known here."""
        return tuple(self._transcript)

    def carry(self) -> list[Any]:
        """What was said, for the context of a run of the bot in another room; nothing of it was cut off by a fault."""
        self._resumes = False
        return self.before()

    def go_on_in(self, hearing: Hearing, epoch: int) -> None:
        """From now on the session is in another room, under this epoch."""
        self.hearing = hearing
        self._transcript.go_on_under(epoch)
        self._writer.go_on_under(epoch)

    # The way to Redis

    async def write(self) -> None:
        """Until it is cancelled."""
        await self._writer.run()

    async def write_all(self) -> None:
        """Write what is unwritten, however long Redis is away."""
        await self._writer.write_all()

    async def written(self, within: timedelta) -> bool:
        """Wait until everything that was said is written."""
        return await self._writer.written(within)

    def _meet(self, person: str, aggregator: LLMUserAggregator) -> None:
        if not self.hearing.contexts.has(person):
            aggregator.context.set_messages(self.before(person))
        self.remembering.load_for_one_of_several(person)

    def _close_calls(self) -> None:
        """Give each call of a tool that was cut off a result that says so."""
        for turn, call in open_calls(tuple(self._transcript)):
            status = ToolStatus.CUT_OFF
            self._add("tool", NO_RESULT, tool_call_id=call.id, tool_status=status, person=turn.person)


def _clock(created_ms: int, age: timedelta) -> Callable[[], int]:
    """Redis's time, from what it was when the session was adopted: hosts do not agree on the time of day."""
    then, began = created_ms + int(age.total_seconds() * 1000), time.monotonic()
    return lambda: then + int((time.monotonic() - began) * 1000)
