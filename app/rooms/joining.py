"""Joining: the decision that puts exactly one bot in a room."""

import secrets
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from greenroom.app.errors.limits import InboxFull
from greenroom.app.errors.rooms import RoomInDoubt
from greenroom.app.errors.sessions import LaunchFailed, ResumeTokenUsed, SessionEnded
from greenroom.app.rooms.failures import BotFailure, FailureKind
from greenroom.app.rooms.inbox import Send
from greenroom.app.rooms.joined import Joined, wait_for_move
from greenroom.app.rooms.leases import (
    DOUBT_AT_MOST,
    Claim,
    Claimed,
    Held,
    Hold,
    NotYet,
)
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.line import FindPlace
from greenroom.app.rooms.orders import Order
from greenroom.app.rooms.queues import SessionQueues
from greenroom.app.rooms.rates import Once, TimeLeft
from greenroom.app.rooms.requests.leaving import Expect
from greenroom.app.rooms.reviving import Reviving
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.serving import Serving
from greenroom.app.rooms.session_events import ReadEvents
from greenroom.app.rooms.sessions import ON_STAGE, ReadSession, State
from greenroom.app.rooms.sliced_wait import slices
from greenroom.app.rooms.transitions import await_arrival
from greenroom.app.rooms.voice_rooms import check_voice_room

Way = TypeVar("Way")  # into a room, as whoever lets a person in tells it


class Joining:
    """Puts bots in rooms."""

    def __init__(
        self,
        ledger: Ledger,
        launches: SessionQueues,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._reviving = Reviving(ledger, launches)
        self._serving = Serving(ledger, launches)
        self._sleep = sleep

    def join(self, order: Order) -> Joined:
        """The session of the order's room: the one that is there, or a new one whose launch is in the queue.

        Of callers at the same time one gets the new session, and all others find it.  Without a free slot the
        session waits in line, and each further join keeps its place.  Raises what REFUSALS (`serving.py`) lists where a
        limit is reached, RoomInDoubt if it cannot be told whether the room has a bot, and NotMovable if the user's bot
        elsewhere is on its way to a third room.
        """
        check_voice_room(order.room, order.brief.user_id)
        waited, has_seen_it_go = timedelta(0), False
        while waited <= DOUBT_AT_MOST:
            session_id, token = str(uuid.uuid4()), secrets.token_hex(16)
            claim = Claim(order.room, session_id, token, order.brief)
            # Should this process die after this step, the claim lapses: no caller was promised anything yet
            outcome = self._ledger.run(claim)
            match outcome:
                case Held() if outcome.is_leaving and not has_seen_it_go and not _is_of(order, outcome):
                    # Who came for the room would be led after a bot that goes: it stays, or they get one of their own
                    await_arrival(self._ledger, outcome.lease.session_id, within=DOUBT_AT_MOST)
                    has_seen_it_go = True
                case Held():
                    return self._found(order.room, outcome)
                case NotYet():
                    self._sleep(outcome.wait.total_seconds())
                    waited += outcome.wait
                case Claimed() if outcome.session_id == session_id:
                    if joined := self._serving.serve(order, session_id, token, outcome):
                        return joined
                case Claimed():  # the room had a session of the same user and bot, whose process is dead
                    if joined := self._go_on(order, outcome, token):
                        return joined
        raise RoomInDoubt

    def join_and_wait(self, order: Order, within: timedelta) -> Joined:
        """Join, and wait until the bot is in the room or the time is over; the status says which.

        Where a bot was there and left meanwhile, the room is joined again, in the same time.  Raises LaunchFailed.
        """
        until = self._clock() + within.total_seconds()

        def left() -> timedelta:
            return timedelta(seconds=max(0.0, until - self._clock()))

        joined = self.join(order)
        if joined.epoch:
            return wait_for_move(self._ledger, joined, left())
        try:
            state = self.wait(joined.session_id, left())
        except LaunchFailed:
            if not joined.reused:
                raise
            joined = self.join(order)
            state = self.wait(joined.session_id, left())
        if state is State.PENDING:
            return joined.in_line(self._ledger.run(FindPlace(joined.session_id)))
        return replace(joined, status=state, position=None)

    def wait(self, session_id: str, within: timedelta) -> State:
        """The session's state once its bot is in the room, or when the time is over.

        Raises LaunchFailed, with the reason, if the session ends before.
        """
        after, state = "0", State.PENDING
        # Why the first failed of the bots that were launched in turn and did not start
        before: str | None = None
        for wait in slices(within):
            for event in self._ledger.run(ReadEvents(session_id, after=after, wait=wait)):
                after = event.id
                state = State(event.event) if event.event in set(State) else state
                if state in ON_STAGE:
                    before = None
                elif event.event == State.LOST:
                    before = before or event.detail
                if state is State.ENDED:
                    why = event.detail or event.reason or "it has ended"
                    first = f" The first launch: it {before}." if before and before not in why else ""
                    raise LaunchFailed(
                        f"The bot did not start: {why}.{first}", session_id=session_id, reason=event.reason
                    )
            if state in ON_STAGE:
                break
        return state

    def _go_on(self, order: Order, claimed: Claimed, token: str) -> Joined | None:
        failure = BotFailure(FailureKind.NOT_HEARD, "was not heard any more")
        session = self._reviving.go_on(order.room, claimed.session_id, claimed.epoch, token, failure)
        if session is None:
            return None
        return replace(Joined.of(session, reused=True), status=State.PENDING)

    def _found(self, room: Room, held: Held) -> Joined:
        lease = held.lease
        # A bot that went live is still joining by its keepalive until its next beat; its record says live at once
        is_live = held.state is State.JOINING and held.recorded in ON_STAGE
        found = Joined(
            session_id=lease.session_id,
            room=room,
            status=held.recorded if is_live and held.recorded else held.state,
            reused=True,
            brief=lease.brief,
            conversation_id=held.conversation_id,
        )
        if held.is_on_its_way:
            before_ms = max(0, lease.since_ms - 1)
            return found.on_its_way(lease.epoch, str(before_ms))
        if held.recorded is State.WAITING:
            self._let_it_wait(lease.session_id, lease.epoch)
        if held.state is not State.PENDING:
            return found
        if held.place.ahead is not None:  # asked for again: the claim lasts longer, even where no reaper runs
            self._ledger.run(Hold(room, lease.epoch))
        return found.in_line(held.place)

    def _let_it_wait(self, session_id: str, epoch: int) -> None:
        """Tell a bot in an empty room that somebody comes, so that it does not end before they are there."""
        with suppress(InboxFull):
            self._ledger.run(Send(session_id, Expect.name, {}, epoch, good_for=Expect.within))

    def go_back(
        self, session_id: str, mark: str, lasts: timedelta, let_in: Callable[[Room], Way]
    ) -> tuple[Joined, Way]:
        """The session of somebody who comes back to it with what is good for one return, and has this mark so long.

        `let_in` makes their way into its room.  Whatever that raises, the return can be tried again.  Raises
        NoSuchSession, SessionEnded, and ResumeTokenUsed the second time.
        """
        session = self._ledger.run(ReadSession(session_id))
        if session.state is State.ENDED:
            raise SessionEnded(session_id=session_id, reason=session.reason)
        used = f"resume:{mark}"
        if self._ledger.run(TimeLeft(used)):
            raise ResumeTokenUsed(session_id=session_id)
        way = let_in(session.room)
        if not self._ledger.run(Once(used, lasts)):
            raise ResumeTokenUsed(session_id=session_id)
        if session.state is State.WAITING:
            self._let_it_wait(session.id, session.epoch)
        joined = Joined.of(session, reused=True)
        if session.state is not State.PENDING:
            return joined, way
        return joined.in_line(self._ledger.run(FindPlace(session_id))), way


def _is_of(order: Order, held: Held) -> bool:
    """Whether a room's bot is the caller's own."""
    return held.lease.brief.user_id == order.brief.user_id
