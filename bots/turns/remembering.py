"""What is known of people from earlier conversations, put where the bot that talks to them reads it."""

from collections.abc import Callable

from greenroom.app.rooms.brief import Brief
from greenroom.bots.memories import Memories
from greenroom.bots.turns.hearing import Hearing


class Remembering:
    """Puts what is known of a person into the context with them, and nowhere where others may hear it."""

    def __init__(
        self, memories: Memories, *, conversation_id: Callable[[], str], hearing: Callable[[], Hearing]
    ) -> None:
        """`conversation_id` and `hearing` are those that the session has now; both change under it."""
        self._memories = memories
        self._conversation_id = conversation_id
        self._hearing = hearing

    def follow(self, brief: Brief) -> None:
        """Know people as an assistant does that the bot has become."""
        self._memories.follow(brief)

    def read(self, person: str) -> None:
        """Begin to read what `of` will tell of a person."""
        if self._hearing().is_for_one:
            self._memories.load(person, self._conversation_id())

    async def of(self, person: str, hearing: Hearing | None = None) -> str:
        """What a bot that begins is told of the person whom it is for."""
        hearing = hearing or self._hearing()
        if not hearing.is_for_one:
            return ""
        conversation_id, contexts = self._conversation_id(), hearing.contexts

        def put_into_context(remembered: str) -> None:
            if conversation_id == self._conversation_id():
                contexts.remember(None, remembered)

        return await self._memories.of(person, conversation_id, put_into_context)

    def load(self, person: str) -> None:
        """Let the bot know a person with whom it has begun to talk, as soon as that is loaded."""
        if self._hearing().contexts.has(person):
            self.load_for_one_of_several(person)
        elif self._hearing().is_for_one:
            self._load(person, None)

    def load_for_one_of_several(self, person: str) -> None:
        """Load what is known of a person who has a context of their own, or is about to get one."""
        self._load(person, person)

    async def read_anew(self, person: str) -> bool:
        """Let the bot know of a person what is known of them now; whether that could be had."""
        context_with = person if self._hearing().contexts.has(person) else None
        if context_with is None and not self._hearing().is_for_one:
            return False
        conversation_id = self._conversation_id()
        remembered = await self._memories.anew(person, conversation_id)
        if remembered is not None and conversation_id == self._conversation_id():
            self._hearing().contexts.remember(context_with, remembered)
        return remembered is not None

    def _load(self, person: str, context_with: str | None) -> None:
        conversation_id = self._conversation_id()

        def put_into_context(remembered: str) -> None:
            if conversation_id == self._conversation_id():  # else another person is here by now
                self._hearing().contexts.remember(context_with, remembered)

        self._memories.load(person, conversation_id, put_into_context)
