"""A conversation that goes on after Redis has forgotten it is read from where it is kept, while the bot begins.

Nobody waits longer for it than for a person's memory.  A bot that has none of it by then begins without, and what is
said stands behind all that was said before all the same.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from greenroom.app.errors.families import GreenroomError
from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.sessions import Session
from greenroom.app.rooms.taking_up import Earlier, KeptEarlier, behind_all, keep_own
from greenroom.bots.memories import LOADED_WITHIN, in_a_thread
from greenroom.bots.turns import Turns

log = structlog.get_logger(__name__)


class TakingUp:
    """What one session begins with."""

    def __init__(
        self,
        kept: KeptEarlier | None,
        session: Session,
        known: Sequence[Turn],
        turns: Turns,
        *,
        begin_own: Callable[[], None],
    ) -> None:
        """`known` is what Redis has of the conversation; `begin_own` lets the session have one of its own."""
        self._kept = None if known else kept
        self._session = session
        self._turns = turns
        self._begin_own = begin_own
        self._reading: asyncio.Future[Earlier | None] | None = None

    def read(self) -> None:
        """Begin to read it."""
        kept, session = self._kept, self._session
        if kept is not None:
            self._reading = in_a_thread(lambda: kept.find(session.brief.tenant, session.conversation_id))

    async def done(self) -> None:
        """Let the bot know what was said, once that is there."""
        if self._reading is None:
            return
        await asyncio.wait({self._reading}, timeout=LOADED_WITHIN.total_seconds())
        if not self._reading.done():
            return self._go_on_without("it took too long")
        if (error := self._reading.exception()) is not None:
            because = error.kind if isinstance(error, GreenroomError) else type(error).__name__
            return self._go_on_without(because)
        earlier = self._reading.result()
        if earlier is None:  # it is new
            return None
        if earlier.user_id not in ("", self._session.conversation_user):
            keep_own(self._session, "it is another user's")
            return self._begin_own()
        return self._turns.take_up(earlier.turns, earlier.last_sequence)

    def _go_on_without(self, because: str) -> None:
        log.warning("conversation_load_failed", session_id=self._session.id, because=because)
        self._turns.go_on_behind(behind_all())
