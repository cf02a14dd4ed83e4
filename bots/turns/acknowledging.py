"""When a client may be told that the line which its person has typed is kept."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from greenroom.app.rooms.conversations import Turn
from greenroom.bots.turns.floor import USER
from greenroom.bots.turns.transcript import Transcript
from greenroom.bots.turns.writer import TurnWriter

TAKEN_WITHIN = timedelta(seconds=2)  # a typed line, into the bot's context


class Acknowledging:
    """Finds the turn of each typed line, and waits until that is written."""

    def __init__(
        self, transcript: Transcript, writer: TurnWriter, *, contexts_are_known: Callable[[], bool]
    ) -> None:
        self._transcript = transcript
        self._writer = writer
        self._contexts_are_known = contexts_are_known
        self._acknowledged: set[str] = set()  # ids of typed lines

    async def is_written(self, words: str) -> None:
        """Wait until a typed line is written; one that does not come into the bot's context soon never does."""
        deadline = asyncio.get_running_loop().time() + TAKEN_WITHIN.total_seconds()
        while self._contexts_are_known() and asyncio.get_running_loop().time() < deadline:
            line = next((said.id for said in self._transcript if self._is_new_line(said, words)), None)
            if line is not None:
                self._acknowledged.add(line)
                break
            await asyncio.sleep(0.02)
        await self._writer.idle()

    def _is_new_line(self, said: Turn, words: str) -> bool:
        is_here = said.epoch == self._transcript.epoch and said.id not in self._acknowledged
        return is_here and said.role == USER and words in said.content
