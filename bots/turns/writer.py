"""Writes turns to Redis, one command each and in order, while nobody waits for it.

While Redis is away turns are kept here; what is too much is counted, and the log says so.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog

from greenroom.app.rooms.conversations import BeginConversation, Record, TakeUp, Turn
from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.sessions import Session
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.bots.background_writer import BackgroundWriter
from greenroom.bots.turns.transcript import Transcript

Unwritten = Record | BeginConversation | TakeUp
UNWRITTEN_AT_MOST = 1000  # turns; the oldest go, if Redis is away for longer

log = structlog.get_logger(__name__)


class TurnWriter:
    """One bot's way from what is said to Redis."""

    def __init__(
        self,
        ledger: AsyncRedisLedger,
        session: Session,
        transcript: Transcript,
        *,
        on_kept: Callable[[str, Turn], None] = lambda *_: None,
    ) -> None:
        """`on_kept` is called with a conversation's id and each turn of it that has its place there."""
        self.conversation_id = session.conversation_id  # where it stands now
        self.dropped = 0  # turns that are never written
        self._is_dropping = False
        self._session_id = session.id
        self._epoch = session.epoch
        self._owners = {session.conversation_id: session.conversation_owner}
        self._transcript = transcript
        self._on_kept = on_kept
        self._unwritten: deque[Unwritten] = deque()
        self._sent: tuple[Step[Any], Step[Any]] | None = None  # as it is kept here, and as it went
        self._background = BackgroundWriter(ledger, next_step=self._next_step, on_reply=self._on_reply)

    def write(self, turn: Turn) -> None:
        """Write a turn, behind those that are unwritten yet."""
        after, owner = self._transcript.last_sequence, self.owner
        self._put(Record(self._session_id, self.conversation_id, self._epoch, turn, after, owner))

    @property
    def owner(self) -> str:
        """Whose the conversation is that is going on."""
        return self._owners.get(self.conversation_id, "")

    def go_on_with(self, conversation_id: str, owner: str) -> None:
        """Write what comes from now on into a conversation that has begun."""
        self.conversation_id = conversation_id
        self._owners.setdefault(conversation_id, owner)

    def begin(self, conversation_id: str, owner: str) -> None:
        """Write what comes from now on into another conversation."""
        self.conversation_id = conversation_id
        self._owners[conversation_id] = owner
        self._put(BeginConversation(self._session_id, self._epoch, conversation_id, owner))

    def take_up(self, turns: Sequence[Turn], last_sequence: int) -> None:
        """Write what the ledger has forgotten of the conversation that goes on, in front of what is said now."""
        step = TakeUp(self._session_id, self.conversation_id, self._epoch, tuple(turns), last_sequence)
        self._put(step)

    def go_on_under(self, epoch: int) -> None:
        """Write from now on under a later epoch of the session's, also what is unwritten yet."""
        self._epoch = epoch
        self._unwritten = deque(replace(step, epoch=epoch) for step in self._unwritten)

    def write_again(self, turns: list[Turn]) -> None:
        """Write these instead of what is unwritten of their conversation, which is among them."""
        self._unwritten = deque(step for step in self._unwritten if not self._is_turn_of_this(step))
        for turn in turns:
            self.write(turn)
        if self._unwritten:
            self._background.wake()

    async def run(self) -> None:
        """Until it is cancelled."""
        await self._background.run()

    async def write_all(self) -> None:
        """Write what is unwritten, however long Redis is away."""
        await self._background.write_all()

    async def idle(self) -> None:
        """Wait until everything is written."""
        await self._background.idle()

    async def written(self, within: timedelta) -> bool:
        """Wait until everything that was said is written."""
        is_written = await self._background.is_idle(within)
        if not is_written:
            log.warning("turns_write_failed", session_id=self._session_id, turns=len(self._unwritten))
        return is_written

    def _put(self, step: Unwritten) -> None:
        if len(self._unwritten) >= UNWRITTEN_AT_MOST:
            self._drop_oldest_turn()
        self._unwritten.append(step)
        self._background.wake()

    def _drop_oldest_turn(self) -> None:
        """That a conversation begins stays: what follows would be in another person's."""
        for at, step in enumerate(self._unwritten):
            if isinstance(step, Record):
                del self._unwritten[at]
                self.dropped += 1
                if (
                    not self._is_dropping
                ):  # once an absence of Redis; how many there were is told when it is back
                    self._say_dropped()
                self._is_dropping = True
                return

    def _say_dropped(self) -> None:
        log.error("turns_dropped", session_id=self._session_id, turns=self.dropped)

    def _next_step(self) -> Step[Any] | None:
        if not self._unwritten:
            return None
        kept = self._unwritten[0]
        step: Step[Any] = kept
        if isinstance(kept, Record) and self._is_turn_of_this(kept):
            # A reply that has come since it was said tells a later sequence, which Redis may have lost again
            step = replace(kept, after=max(kept.after, self._transcript.last_sequence))
        self._sent = kept, step
        return step

    def _is_turn_of_this(self, step: Unwritten) -> bool:
        """Whether a step writes a turn of the conversation that is going on, which the transcript has too."""
        return isinstance(step, Record) and step.conversation_id == self.conversation_id

    def _on_reply(self, step: Step[Any], written: Any) -> None:
        if not written and not isinstance(step, TakeUp):  # of that another bot has written it
            log.warning("turn_refused", session_id=self._session_id, epoch=self._epoch)
        kept, sent = self._sent or (None, None)
        is_still_first = bool(self._unwritten) and self._unwritten[0] is kept  # else it was dropped meanwhile
        if sent is step and is_still_first:
            self._unwritten.popleft()
        if written and isinstance(step, Record):
            self._transcript.place(step.turn.id, int(written))
            self._on_kept(step.conversation_id, replace(step.turn, sequence=int(written)))
        if not self._unwritten and self._is_dropping:
            self._is_dropping = False
            self._say_dropped()
