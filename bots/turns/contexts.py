"""The contexts of a bot's model: one, or one with each of several people."""

from collections.abc import Sequence
from typing import Any

from pipecat.processors.aggregators.llm_context import LLMContext

from greenroom.app.rooms.app_events import is_event, with_event
from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.memory import SPEAKERS, is_memory, with_memory
from greenroom.app.rooms.resuming import as_messages, as_summary


class Contexts:
    """What a bot's model reads, where the bot is built with pipecat's aggregators."""

    def __init__(self) -> None:
        self._by_person: dict[str | None, LLMContext] = {}
        self._remembered: dict[str | None, str] = {}  # what came before the bot has built the context

    @property
    def are_known(self) -> bool:
        return bool(self._by_person)

    @property
    def messages(self) -> list[list[Any]]:
        """Those of each context."""
        return [list(context.messages) for context in self._by_person.values()]

    def has(self, person: str | None) -> bool:
        return person in self._by_person

    def meet(self, person: str | None, context: LLMContext) -> bool:
        """False if the context is known already."""
        if any(known is context for known in self._by_person.values()):
            return False
        self._by_person[person] = context
        if person in self._remembered:
            self.remember(person, self._remembered.pop(person))
        return True

    def extend(self, conversation: Sequence[Turn]) -> None:
        """Put what was said elsewhere behind what is there; nobody writes it down again."""
        for person, context in self._by_person.items():
            said = (turn for turn in conversation if turn.is_said)
            theirs = [turn for turn in said if person is None or turn.person == person]
            _settle(context, theirs)
            context.set_messages([*context.messages, *as_messages(theirs)])

    def remember(self, person: str | None, remembered: str) -> None:
        """Put what is known from earlier conversations at the head, in the place of what was known there before.

        Nobody said it, so it is not written down.
        """
        context = self._by_person.get(person)
        if context is None:
            self._remembered[person] = remembered
        elif (messages := with_memory(remembered, context.messages)) != context.messages:
            context.set_messages(messages)

    def note(self, person: str, told: str) -> bool:
        """Put what the person's app reports into the context with them; False if there is none.

        Nobody said it, so it is not written down.
        """
        context = self._by_person.get(person, self._by_person.get(None))
        if context is None:
            return False
        memory = [message for message in context.messages if is_memory(message)]
        rest = [message for message in context.messages if not is_memory(message)]
        context.set_messages([*memory, *with_event(told, rest)])
        return True

    def sum_up(self, context: LLMContext, gone: Sequence[Any], text: str) -> tuple[str | None, int] | None:
        """Let a summary stand where `gone` was, and what is known from earlier conversations at the head as before.

        Returns with whom this context is, and how many messages of theirs stand behind the summary as they were said;
        None if it is none of these contexts.
        """
        person_of = {id(known): person for person, known in self._by_person.items()}
        if id(context) not in person_of:
            return None
        messages: list[Any] = list(context.messages)
        at = 1 if _role(messages[0]) == "system" else 0
        memory = [message for message in gone if is_memory(message)]
        messages[at] = as_summary(text)
        context.set_messages([*memory, *messages])
        return person_of[id(context)], sum(
            _role(each) in SPEAKERS and not is_event(each) for each in messages[at + 1 :]
        )

    def clear(self) -> None:
        """Forget everything at once: as a frame it may come after the next person's first word."""
        self._remembered.clear()
        for context in self._by_person.values():
            context.set_messages([])


def _role(message: Any) -> str | None:
    return message.get("role") if isinstance(message, dict) else None


def _settle(context: LLMContext, conversation: Sequence[Turn]) -> None:
    """Put the results of tools to calls that were open when the bot was prepared."""
    results = {turn.tool_call_id: turn.content for turn in conversation if turn.role == "tool"}
    messages: list[Any] = context.messages
    for message in messages:
        if isinstance(message, dict) and message.get("role") == "tool" and message["tool_call_id"] in results:
            message["content"] = results[message["tool_call_id"]]
