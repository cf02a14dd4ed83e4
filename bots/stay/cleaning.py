"""Ends what a bot has under way when nobody is left to hear it, and reads anew what it knows when somebody is back."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog

from greenroom.app.rooms.cleaning import in_words
from greenroom.app.rooms.requests.answers import Cleaned
from greenroom.app.rooms.session_events import Happened
from greenroom.bots.memories import Memories
from greenroom.bots.stay.definition import Definition
from greenroom.bots.stay.journal import Journal
from greenroom.bots.turns import Turns

CANCELLED_WITHIN = timedelta(seconds=1)  # whatever is under way; whoever comes back meanwhile waits for it
WRITTEN_WITHIN = timedelta(seconds=2)  # how long the last turns may take to be written
REMEMBERED = 100  # wishes that were done, so that one that is sent twice is done once

Interrupt = Callable[
    [timedelta], Coroutine[Any, Any, bool]
]  # cancels what the bot says and thinks; whether it has ended

log = structlog.get_logger(__name__)


class Cleaning:
    """The soft reset of one stay's bot."""

    def __init__(
        self,
        *,
        journal: Journal,
        turns: Turns,
        memories: Memories,
        definition: Definition,
        interrupt: Interrupt,
        people: Callable[[], frozenset[str]],
        later: Callable[[Coroutine[Any, Any, Any]], object],
    ) -> None:
        """`later` does something beside the rest."""
        self._journal = journal
        self._turns = turns
        self._memories = memories
        self._definition = definition
        self._interrupt = interrupt
        self._people = people
        self._later = later
        self._one_by_one = asyncio.Lock()
        self._done: OrderedDict[str, Cleaned] = OrderedDict()  # by the wish's timestamp

    async def clean_up(self) -> Cleaned:
        """Cancel what is under way, and wait until it has ended and all that was said is written.

        The session's history and the log say what it was.
        """
        async with self._one_by_one:
            cleaned = await self._cancel()
            await self._note(cleaned)
        return cleaned

    async def clean_up_for(self, wish: str | None) -> Cleaned:
        """The same while the bot stays with who is there, and what it knows is read anew.  One wish is done once."""
        async with self._one_by_one:
            if wish is not None and wish in self._done:
                return self._done[wish]
            cleaned = await self._cancel()
            cleaned = replace(cleaned, read_anew=await self.read_anew())
            await self._note(cleaned)
            if wish is not None:
                self._done[wish] = cleaned
            while len(self._done) > REMEMBERED:
                self._done.popitem(last=False)
            return cleaned

    async def read_anew(self) -> list[str]:
        """Read from their sources what the bot knows of who is there, and what it is; returns which were read."""
        people = self._people()
        memory = [await self._turns.remembering.read_anew(person) for person in sorted(people)]
        assistant = await self._definition.read_anew()
        return [*(["memory"] if any(memory) else []), *(["assistant"] if assistant else [])]

    def begin_to_read_anew(self) -> None:
        """Begin to read anew, and let nobody wait for it."""
        self._later(self.read_anew())

    def let_nobody_be_answered(self) -> None:
        """Cancel from now on each answer that begins, as to words that were still on their way: nobody hears it."""
        self._turns.floor.on_answer = lambda: self._later(self._interrupt(CANCELLED_WITHIN))

    def let_people_be_answered(self) -> None:
        self._turns.floor.on_answer = None

    async def _cancel(self) -> Cleaned:
        answer, tools = not self._turns.floor.is_quiet, self._turns.hearing.calls_without_result
        tasks = self._memories.forget()
        is_awaited = await self._interrupt(CANCELLED_WITHIN) if answer or tools else True
        await self._turns.hearing.cancel_tools(CANCELLED_WITHIN)
        is_awaited = is_awaited and not self._turns.hearing.calls_without_result
        self._turns.hearing.settle()
        is_written = await self._turns.written(WRITTEN_WITHIN)
        return Cleaned(answer, tools, tasks, is_awaited, is_written)

    async def _note(self, cleaned: Cleaned) -> None:
        session = self._journal.session
        log.info(
            "session_cleaned",
            session_id=session.id,
            epoch=session.epoch,
            answer=cleaned.answer,
            tools=cleaned.tools,
            tasks=cleaned.tasks,
            is_awaited=cleaned.is_awaited,
            is_written=cleaned.is_written,
            read_anew=list(cleaned.read_anew),
        )
        await self._journal.note(Happened.CLEANED, in_words(cleaned))
