"""The contexts of a bot's model: one, or one with each of several people."""

from collections.abc import Sequence
from typing import Any

from pipecat.processors.aggregators.llm_context import LLMContext

from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.memory import with_memory
from greenroom.app.rooms.resuming import as_messages


class Contexts:
    """What a bot's model reads, where the bot is built with pipecat's aggregators."""

    def __init__(self) -> None:
        self._by_person: dict[str | None, LLMContext] = {}

    @property
    def are_known(self) -> bool:
        return bool(self._by_person)

    def has(self, person: str | None) -> bool:
        return person in self._by_person

    def meet(self, person: str | None, context: LLMContext) -> bool:
        """False if the context is known already."""
        if any(known is context for known in self._by_person.values()):
            return False
        self._by_person[person] = context
        return True

    def extend(self, conversation: Sequence[Turn]) -> None:
        """Put what was said elsewhere behind what is there; nobody writes it down again."""
        for person, context in self._by_person.items():
            theirs = [said for said in conversation if person is None or said.person == person]
            _settle(context, theirs)
            context.set_messages([*context.messages, *as_messages(theirs)])

    def remember(self, person: str | None, remembered: str) -> None:
        """Put what is known from earlier conversations at the head; nobody said it, so it is not written down."""
        if context := self._by_person.get(person):
            context.set_messages(with_memory(remembered, context.messages))

    def clear(self) -> None:
        """Forget everything at once: as a frame it may come after the next person's first word."""
        for context in self._by_person.values():
            context.set_messages([])


def _settle(context: LLMContext, conversation: Sequence[Turn]) -> None:
    """Put the results of tools to calls that were open when the bot was prepared."""
    results = {turn.tool_call_id: turn.content for turn in conversation if turn.role == "tool"}
    messages: list[Any] = context.messages
    for message in messages:
        if isinstance(message, dict) and message.get("role") == "tool" and message["tool_call_id"] in results:
            message["content"] = results[message["tool_call_id"]]
