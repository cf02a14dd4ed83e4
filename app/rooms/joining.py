"""Joining: the decision that puts exactly one bot in a room."""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import structlog

from app.errors import LaunchFailed
from app.rooms.endings import bury
from app.rooms.patience import slices
from app.rooms.ports import LaunchQueue, Ledger
from app.rooms.room import Room
from app.rooms.sessions import ON_STAGE, Reason, Session, State
from app.rooms.steps import (
    STARTS_WITHIN,
    Claim,
    Claimed,
    Create,
    Held,
    Mark,
    ReadEvents,
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Order:
    """What a caller of `join` asks for."""

    room: Room
    user_id: str
    bot: str
    personality: str
    persistence: timedelta
    max_duration: timedelta
    persona: str | None = None
    voice: str | None = None
    mode: str = "voice"
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Joined:
    """The one session of a room, and whether it was there before the call."""

    session_id: str
    room: Room
    status: str
    reused: bool
    bot: str
    personality: str
    mode: str


class Joining:
    """Puts bots in rooms."""

    def __init__(self, ledger: Ledger, launches: LaunchQueue) -> None:
        self._ledger = ledger
        self._launches = launches

    def join(self, order: Order) -> Joined:
        """The session of the order's room: the one that is there, or a new one whose launch is in the queue.

        Safe to call at once from anywhere: one caller gets the new session, all others find it.
        """
        session_id, token = str(uuid.uuid4()), secrets.token_hex(16)
        claim = Claim(
            room=order.room,
            session_id=session_id,
            token=token,
            bot=order.bot,
            user_id=order.user_id,
            personality=order.personality,
            mode=order.mode,
        )
        outcome = self._ledger.run(
            claim
        )  # should this process die now, the claim lapses; nobody has a promise
        if isinstance(outcome, Held):
            return self._found(order.room, outcome)
        return self._launch(order, session_id, token, outcome)

    def join_and_wait(self, order: Order, patience: timedelta) -> Joined:
        """The same, once the bot is in the room; its status is what there was when patience ended.

        A bot that was there, and left meanwhile, is followed by a new one.  Raises LaunchFailed.
        """
        joined = self.join(order)
        try:
            state = self.wait(joined.session_id, patience)
        except LaunchFailed:
            if not joined.reused:
                raise
            joined = self.join(order)
            state = self.wait(joined.session_id, patience)
        return replace(joined, status=state)

    def wait(self, session_id: str, patience: timedelta) -> State:
        """The session's state once its bot is in the room, or when patience ends.

        Raises LaunchFailed, with the reason, if the session ends before.
        """
        after, state = "0", State.PENDING
        for wait in slices(patience):
            for event in self._ledger.run(ReadEvents(session_id, after=after, wait=wait)):
                after = event.id
                state = State(event.event) if event.event in set(State) else state
                if state is State.ENDED:
                    why = event.detail or event.reason or "it has ended"
                    raise LaunchFailed(
                        f"The bot did not start: {why}.", session_id=session_id, reason=event.reason
                    )
            if state in ON_STAGE:
                break
        return state

    def _found(self, room: Room, held: Held) -> Joined:
        return Joined(
            session_id=held.lease.session_id,
            room=room,
            status=held.state,
            reused=True,
            bot=held.lease.bot,
            personality=held.lease.personality,
            mode=held.lease.mode,
        )

    def _launch(self, order: Order, session_id: str, token: str, claimed: Claimed) -> Joined:
        session = Session(
            id=session_id,
            room=order.room,
            user_id=order.user_id,
            bot=order.bot,
            personality=order.personality,
            mode=order.mode,
            persistence=order.persistence,
            max_duration=order.max_duration,
            epoch=claimed.epoch,
            persona=order.persona,
            voice=order.voice,
            metadata=order.metadata,
        )
        launch = self._launches.launch(session, token)
        self._ledger.run_all([Create(session), Mark(order.room, STARTS_WITHIN), launch])
        log.info("session_pending", session_id=session_id, room=str(order.room), epoch=claimed.epoch)
        if claimed.took_over:
            bury(self._ledger, claimed.took_over, Reason.SUPERSEDED, "its bot was not heard any more")
        return Joined(
            session_id=session_id,
            room=order.room,
            status=State.PENDING,
            reused=False,
            bot=order.bot,
            personality=order.personality,
            mode=order.mode,
        )
