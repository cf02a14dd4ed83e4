"""What happens to a session, written into its record in the order in which it happens.

Without Redis the call goes on: what could not be written is kept here, and written when Redis is heard again.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import structlog

from greenroom.app.errors.families import GreenroomError
from greenroom.app.errors.sessions import IllegalTransition, NoSuchSession
from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.brief import Brief
from greenroom.app.rooms.conversations import ReadTurns, Turn
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.pausing import SetPause
from greenroom.app.rooms.session_events import NO_APPEARANCE, Appearance, Happened, Note
from greenroom.app.rooms.session_lists import Forget
from greenroom.app.rooms.sessions import LeaveAt, Reason, Session, SetBrief, SetLeave, State, Transition
from greenroom.app.storage.async_ledger import AsyncRedisLedger

RETRIES = 5  # of a step that must be done; meanwhile the room is kept without a beat
RETRY_AFTER = timedelta(seconds=1)

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Journal:
    """A session as its bot knows it, and what of that Redis has not been told yet."""

    def __init__(
        self,
        ledger: AsyncRedisLedger,
        session: Session,
        *,
        host: str,
        has_room: bool,
        on_over: Callable[[], None],
        on_enter: Callable[[State, Reason | None], None] = lambda *_: None,
        on_note: Callable[[Happened, str | None], None] = lambda *_: None,
    ) -> None:
        """`on_over` is called when the record says that the session was over before this bot came."""
        self._ledger = ledger
        self._on_over = on_over
        self._on_enter = on_enter  # told of each state before it is written
        self._on_note = on_note  # and of whatever else happens, with the person
        self.session = replace(session, host=host)
        self.has_room = has_room  # no other bot has it, or is about to have it
        self.may_be_lost = False
        self.in_order = asyncio.Lock()  # held by whoever writes: one after the other
        self._unwritten: list[Step[Any]] = []
        self._refused: Step[Any] | None = None  # the last step that Redis refused

    @property
    def state(self) -> State:
        return self.session.state

    @property
    def unwritten(self) -> tuple[Step[Any], ...]:
        return tuple(self._unwritten)

    def doubt(self) -> None:
        """Redis did not reply: it may have lost everything, the session too, without our knowing."""
        self.may_be_lost = True

    def take_over(self, session: Session) -> None:
        """The room is this bot's now, and this is the session as the bot before it left it."""
        self.session = replace(session, epoch=self.session.epoch, host=self.session.host)

    def move(self, moved: Session) -> None:
        """The session is in another room: what is unwritten yet is written under the epoch that it has there."""
        before = self.session.epoch
        self.session = replace(
            self.session, room=moved.room, epoch=moved.epoch, brief=moved.brief, procedure=None
        )
        self._unwritten = [
            replace(step, epoch=moved.epoch) if getattr(step, "epoch", None) == before else step  # type: ignore[type-var]
            for step in self._unwritten
        ]

    def change_conversation(self, conversation_id: str) -> None:
        """Remember the session's new conversation, for a record that has to be written again."""
        self.session = replace(self.session, conversation_id=conversation_id)

    async def change_brief(self, brief: Brief, *news: Step[Any]) -> bool:
        """Write down how the bot is from now on, for its next one and for another room; and what else comes of it."""
        self.session = replace(self.session, brief=brief)
        return await self.write(SetBrief(self.session.id, self.session.epoch, brief), *news)

    def take_terms(self, session: Session) -> None:
        """Remember what others have written of the session: its pause, and how long it may last."""
        self.session = replace(self.session, pause=session.pause, lasts=session.lasts)

    async def keep_leave(self, leave: LeaveAt | None) -> bool:
        """Write down when the session ends as somebody asked, or that it does not any more."""
        self.session = replace(self.session, leave=leave)
        return await self.write(SetLeave(self.session.id, self.session.epoch, leave))

    def tell(self, event: Happened) -> None:
        """Let the people's clients know of what is written with something else."""
        self._on_note(event, None)

    async def enter(self, state: State, *, afterwards: Sequence[Step[Any]] = (), **facts: Any) -> bool:
        """Change the state here and in the record; without Redis here alone, and in the record later.

        False if it could not be written.
        """
        self.session = session = replace(self.session, state=state)
        self._on_enter(state, facts.get("reason"))
        about = {"session_id": session.id, "room": str(session.room), "epoch": session.epoch, **facts}
        log.info(
            "session_changed", state=state, **{name: fact for name, fact in about.items() if fact is not None}
        )
        transition = Transition(session.id, state, session.epoch, **facts)
        is_written = await self.write(transition, *afterwards)
        is_refused = isinstance(self._refused, Transition) and self._refused.to is State.ENDED
        if is_written and state is State.ENDED and not is_refused:
            # Where that was refused the session goes on with another bot, and stays on the list of live ones
            await self.attempt(Forget(session.id, session.brief.user_id))
        return is_written

    async def note(
        self,
        event: Happened,
        detail: str | None = None,
        *,
        person: str | None = None,
        appearance: Appearance = NO_APPEARANCE,
        conversation_id: str | None = None,
        sequence: int | None = None,
    ) -> bool:
        """Put something into the session's history; a person who came is the session's from now on."""
        if event == Happened.PERSON_ARRIVED:
            self.session = replace(self.session, person=person)
        self._on_note(event, person)
        session, at = self.session, (conversation_id, sequence)
        return await self.write(Note(session.id, event, session.epoch, detail, person, appearance, *at))

    async def write(self, *news: Step[Any]) -> bool:
        """Write steps behind those that are unwritten yet; what cannot be written is kept.

        Each step is sent once, whether another is refused or not.  While a move is written down it waits, and is of the
        other room then.  False if Redis is away: the first beat that is heard again has what was kept written.
        """
        self._unwritten += news
        async with self.in_order:
            steps = list(self._unwritten)  # none, if whoever was before us has written ours with theirs
            try:
                results = await self._ledger.run_all(steps)
            except RedisAway:
                self.doubt()
                log.warning("session_write_failed", session_id=self.session.id, state=self.state)
                return False
            del self._unwritten[: len(steps)]
        for step, result in zip(steps, results, strict=True):
            if isinstance(result, IllegalTransition | NoSuchSession):
                self._note_refusal(step, result)
            elif isinstance(result, GreenroomError):
                raise result
        return True

    async def write_again(self) -> list[Turn] | None:
        """Write the session's record again, if Redis has lost it; returns what Redis still has of its conversation.

        None, and nothing is changed, without Redis: the next beat does it.
        """
        self.doubt()
        # With the record the claim is lost of a room that it was about to move to, and so is who would call that off
        session = replace(self.session, procedure=None)
        try:
            _, kept, *_ = await self._ledger.run_all(
                [Create(session), ReadTurns(self.session.conversation_id), *self._pause_again()]
            )
        except RedisAway:
            log.warning("session_write_failed", session_id=self.session.id)
            return None
        self.may_be_lost = False
        return list(kept)

    def _pause_again(self) -> list[Step[Any]]:
        """What puts the session back on the list of those whose pause is looked after."""
        pause = self.session.pause
        return [SetPause(self.session.id, is_paused=True, call=pause.call, is_known=True)] if pause else []

    async def retry(self, step: Step[T]) -> T:
        """Do a step that must be done; tries for some seconds, then raises RedisAway."""
        for _ in range(RETRIES):
            try:
                return await self._ledger.run(step)
            except RedisAway:
                await asyncio.sleep(RETRY_AFTER.total_seconds())
        return await self._ledger.run(step)

    async def attempt(self, step: Step[Any]) -> None:
        """Do a step that nothing depends on, if Redis is there."""
        try:
            await self._ledger.run(step)
        except RedisAway:
            log.warning("step_write_failed", session_id=self.session.id, step=type(step).__name__)

    def _note_refusal(self, step: Step[Any], error: GreenroomError) -> None:
        self._refused = step
        found, to = error.facts.get("state"), getattr(step, "to", None)
        log.warning("transition_refused", session_id=self.session.id, state=to, found=found)
        over = (State.LEAVING, State.ENDED)
        if found in over and to not in over:  # its session had ended before this bot came
            self._on_over()
