"""Puts another assistant into a live call: the same voice line, and nobody who was there before."""

from collections.abc import Awaitable, Callable

import structlog

from greenroom.app.rooms.brief import Brief
from greenroom.app.rooms.session_events import Happened, Note
from greenroom.bots.stay.carrying_out import CarryOut
from greenroom.bots.stay.definition import Definition
from greenroom.bots.stay.journal import Journal
from greenroom.bots.turns import Turns

log = structlog.get_logger(__name__)


class Switching:
    """How one stay's bot becomes another assistant."""

    def __init__(
        self,
        definition: Definition,
        *,
        journal: Journal,
        turns: Turns,
        carry_out: CarryOut,
        be: Callable[[Brief], Awaitable[None]],
        greet: Callable[[], Awaitable[object]],
    ) -> None:
        """`be` lets the bot be as a brief says, in each room where it is; `greet` says its first words."""
        self._definition = definition
        self._journal = journal
        self._turns = turns
        self._carry_out = carry_out
        self._be = be
        self._greet = greet

    async def switch(self, name: str) -> None:
        """Be that assistant, with its memory and in a conversation that begins; a bot that is it already goes on.

        The conversation begins before the record names the assistant: a bot that dies in between is followed by the
        assistant that was, which has nothing to tell, and not by the new one with the words of the other.
        Raises UnknownAssistant, AnotherBot, VoiceNotEnabled, ProfileIncomplete, DatabaseAway.
        """
        brief = await self._definition.of_another(name)
        if brief is None:
            return
        person = self._journal.session.conversation_user
        await self._carry_out.cut_off()
        self._turns.remembering.follow(brief)
        await self._carry_out.begin_conversation(person)
        session = self._journal.session
        switched = Note(
            session.id,
            Happened.SWITCHED,
            session.epoch,
            brief.assistant,
            person,
            conversation_id=session.conversation_id,
        )
        await self._journal.change_brief(brief, switched)
        self._journal.tell(Happened.SWITCHED)
        log.info("assistant_switched", session_id=session.id, epoch=session.epoch, assistant=brief.assistant)
        await self._be(brief)
        await self._greet()
