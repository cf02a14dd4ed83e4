"""Joining: the decision that puts exactly one bot in a room."""

import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog

from greenroom.app.errors import (
    ConversationOfAnother,
    Forbidden,
    GreenroomError,
    InboxFull,
    LaunchFailed,
    MoveFailed,
    NotMovable,
    OthersThere,
    QueueFull,
    ResumeTokenUsed,
    RoomHasBot,
    RoomInDoubt,
    SessionEnded,
    TooManyInLine,
    TooManyOfOneUser,
    TooManySessions,
)
from greenroom.app.rooms.brief import Brief
from greenroom.app.rooms.endings import end_lost
from greenroom.app.rooms.failures import BotFailure, FailureKind
from greenroom.app.rooms.inbox import Send
from greenroom.app.rooms.leases import (
    DOUBT_LASTS,
    SETTLES_WITHIN,
    Claim,
    Claimed,
    Held,
    Hold,
    NotYet,
    Withdraw,
)
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.line import FindPlace, Place
from greenroom.app.rooms.moving import has_left
from greenroom.app.rooms.queues import SessionQueues
from greenroom.app.rooms.rates import Once
from greenroom.app.rooms.requests import Expect
from greenroom.app.rooms.reviving import Reviving
from greenroom.app.rooms.room import FORUM, Room
from greenroom.app.rooms.sessions import (
    ON_STAGE,
    Create,
    Created,
    Happened,
    Launching,
    Limits,
    ReadEvents,
    ReadSession,
    ReadSessions,
    Reason,
    Session,
    State,
)
from greenroom.app.rooms.sliced_wait import slices
from greenroom.app.rooms.transitions import Choice, Elsewhere, Transitions, brief_there, following, like
from greenroom.app.rooms.voice_rooms import check_voice_room, is_for_one, is_voice_room

LIMITS = Limits()
REFUSALS: Mapping[Created, type[GreenroomError]] = {
    Created.CONVERSATION: ConversationOfAnother,
    Created.SESSIONS: TooManySessions,
    Created.LINE: QueueFull,
    Created.USER_SESSIONS: TooManyOfOneUser,
    Created.USER_LINE: TooManyInLine,
}
DOUBT_AT_MOST = (
    DOUBT_LASTS + SETTLES_WITHIN
)  # how long a join waits until it can tell whether the room has a bot

QUEUED = "queued"  # the status of a join whose session waits for a slot

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Order:
    """What a caller asks for: a bot with this brief in this room."""

    room: Room
    brief: Brief
    link: str | None = None  # the link by which the caller came, if any
    recording: bool = False  # whether the room may be recorded, where it is a voice room
    fell_back_from: tuple[str, ...] = ()  # providers that would have had its room, and do not answer
    named: frozenset[str] = frozenset()  # facts of the brief that the caller decided
    may_move: bool = True  # whether the bot that the user has elsewhere may come


@dataclass(frozen=True)
class Joined:
    """The one session of a room, and whether it was there before the call."""

    session_id: str
    room: Room
    status: str
    reused: bool
    brief: Brief  # of whoever asked first
    conversation_id: str
    position: int | None = None  # in the line, if there is no free slot
    epoch: int = 0  # of its claim of the room, if the session is on its way there from another room
    after: str = "0"  # the last event of its history before that claim

    @classmethod
    def of(cls, session: Session, *, reused: bool) -> "Joined":
        return cls(
            session_id=session.id,
            room=session.room,
            status=session.state,
            reused=reused,
            brief=session.brief,
            conversation_id=session.conversation_id,
        )


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
        self._launches = launches
        self._reviving = Reviving(ledger, launches)
        self._transitions = Transitions(ledger, launches)
        self._sleep = sleep

    def join(self, order: Order) -> Joined:
        """The session of the order's room: the one that is there, or a new one whose launch is in the queue.

        Of callers at the same time one gets the new session, and all others find it.  Without a free slot the
        session waits in line, and each further join keeps its place.  Raises what REFUSALS lists where a limit is
        reached, RoomInDoubt if it cannot be told whether the room has a bot, and NotMovable if the user's bot
        elsewhere is on its way to a third room.
        """
        check_voice_room(order.room, order.brief.user_id)
        waited = timedelta(0)
        while waited <= DOUBT_AT_MOST:
            session_id, token = str(uuid.uuid4()), secrets.token_hex(16)
            claim = Claim(order.room, session_id, token, order.brief)
            # Should this process die after this step, the claim lapses: no caller was promised anything yet
            outcome = self._ledger.run(claim)
            match outcome:
                case Held():
                    return self._found(order.room, outcome)
                case NotYet():
                    self._sleep(outcome.wait.total_seconds())
                    waited += outcome.wait
                case Claimed() if outcome.session_id == session_id:
                    if joined := self._serve(order, session_id, token, outcome):
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
            return self._wait_for_move(joined, left())
        try:
            state = self.wait(joined.session_id, left())
        except LaunchFailed:
            if not joined.reused:
                raise
            joined = self.join(order)
            state = self.wait(joined.session_id, left())
        if state is State.PENDING:
            return _at(joined, self._ledger.run(FindPlace(joined.session_id)))
        return replace(joined, status=state, position=None)

    def wait(self, session_id: str, within: timedelta) -> State:
        """The session's state once its bot is in the room, or when the time is over.

        Raises LaunchFailed, with the reason, if the session ends before.
        """
        after, state = "0", State.PENDING
        for wait in slices(within):
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

    def move(
        self, session: Session, room: Room, named: Mapping[str, Any], *, by: str | None = None
    ) -> Joined:
        """Have a session's bot move to a free room, as it was but for what is named.

        Asked `by` its user it stays with whoever else is there: raises OthersThere.  Nor does it let them into rooms
        whose people they may not hear: raises Forbidden.  Raises SessionEnded, NotMovable, RoomHasBot, RoomInDoubt.
        """
        check_voice_room(room, session.brief.user_id)
        if session.state in (State.LEAVING, State.ENDED):
            raise SessionEnded(session_id=session.id, reason=session.reason)
        if session.room == room:
            return Joined.of(session, reused=True)
        elsewhere = self._transitions.choose(session.id, room, session.brief, ())
        if elsewhere is None:
            raise NotMovable(session_id=session.id)
        if by is not None and elsewhere.choice is Choice.BESIDE:
            raise OthersThere(session_id=session.id)
        if by is not None and not self._may_take_it_to(room, session):
            raise Forbidden(
                "With its token a session goes to the forum, to its user's own voice room, and back."
            )
        brief, changed = brief_there(session, room, replace(session.brief, **named), named.keys())
        token, waited = secrets.token_hex(16), timedelta(0)
        while waited <= DOUBT_AT_MOST:
            begun = self._transitions.begin(session, room, brief, token, changed, alone_with=by)
            if isinstance(begun, Held) and begun.lease.session_id != session.id:
                raise RoomHasBot(session_id=begun.lease.session_id)
            if isinstance(begun, NotYet):
                self._sleep(begun.wait.total_seconds())
                waited += begun.wait
                continue
            if isinstance(begun, Claimed) and begun.took_over:
                self._end_taken_over(room, begun.took_over)
            epoch = begun.lease.epoch if isinstance(begun, Held) else begun.epoch
            there = replace(Joined.of(session, reused=isinstance(begun, Held)), room=room, brief=brief)
            return replace(there, status=State.TRANSITIONING, epoch=epoch, after=elsewhere.last_event)
        raise RoomInDoubt

    def _may_take_it_to(self, room: Room, session: Session) -> bool:
        """Whether a session's user may, without the API key: the answer to a move lets them into the room as well."""
        if is_for_one(room) or room.name == FORUM:
            return True
        history = self._ledger.run(ReadEvents(session.id))
        return has_left(room, history)

    def move_and_wait(
        self,
        session: Session,
        room: Room,
        named: Mapping[str, Any],
        within: timedelta,
        *,
        by: str | None = None,
    ) -> Joined:
        """The same, and wait until the bot is there.  Raises MoveFailed, LaunchFailed."""
        joined = self.move(session, room, named, by=by)
        return self._wait_for_move(joined, within) if joined.epoch else joined

    def _wait_for_move(self, joined: Joined, within: timedelta) -> Joined:
        """Wait until a session's bot is in the room that it moves to.  Raises MoveFailed or LaunchFailed."""
        after, is_there = joined.after, False
        for wait in slices(within):
            for event in self._ledger.run(ReadEvents(joined.session_id, after=after, wait=wait)):
                after = event.id
                if event.event == Happened.MOVE_FAILED:
                    raise MoveFailed(
                        f"The bot stays where it is: {event.detail}.",
                        session_id=joined.session_id,
                        reason=event.reason,
                    )
                if event.event == State.ENDED:
                    why = event.detail or event.reason
                    raise LaunchFailed(f"The session has ended: {why}.", session_id=joined.session_id)
                is_there = is_there or event.event == Happened.MOVED
                if is_there and event.event in ON_STAGE - {State.TRANSITIONING}:
                    return replace(joined, status=event.event)
        return joined

    def _serve(self, order: Order, session_id: str, token: str, claimed: Claimed) -> Joined | None:
        """Have a room served that was free: by the bot that its caller has elsewhere, or by a new one.

        None, if that has changed meanwhile and is to be decided anew.
        """
        elsewhere = None
        if claimed.elsewhere and order.may_move:
            elsewhere = self._transitions.choose(claimed.elsewhere, order.room, order.brief, order.named)
        if elsewhere is None:
            return self._launch(order, session_id, token, claimed)
        if elsewhere.choice is Choice.MOVE:
            return self._move(order, elsewhere, claimed)
        its, is_another = elsewhere.session, elsewhere.choice is Choice.ANOTHER
        of_brief = (
            following(order.brief, its, order.named)
            if is_another
            else like(order.brief, its.brief, order.named)
        )
        order = replace(order, brief=of_brief)
        withdraw, claim = Withdraw(order.room, claimed.epoch), Claim(order.room, session_id, token, of_brief)
        _, again = self._ledger.run_all([withdraw, claim])
        if not isinstance(again, Claimed):
            return None
        if not is_another:
            return self._launch(order, session_id, token, replace(again, took_over=claimed.took_over))
        if claimed.took_over:
            self._end_taken_over(order.room, claimed.took_over)
        session = Session(session_id, order.room, order.brief, again.epoch, link=order.link)
        self._transitions.replace(session, its)
        return Joined.of(session, reused=False)

    def _move(self, order: Order, elsewhere: Elsewhere, claimed: Claimed) -> Joined | None:
        session = elsewhere.session
        if claimed.took_over:
            self._end_taken_over(order.room, claimed.took_over)
        brief, named = brief_there(session, order.room, order.brief, order.named)
        alone_with = None if is_voice_room(session.room) else order.brief.user_id
        begun = self._transitions.begin(
            session,
            order.room,
            brief,
            secrets.token_hex(16),
            named,
            alone_with=alone_with,
            instead_of=claimed.epoch,
        )
        if not isinstance(begun, Claimed):
            return None
        joined = replace(Joined.of(session, reused=False), room=order.room, brief=brief)
        return replace(joined, status=State.TRANSITIONING, epoch=begun.epoch, after=elsewhere.last_event)

    def _go_on(self, order: Order, claimed: Claimed, token: str) -> Joined | None:
        failure = BotFailure(FailureKind.NOT_HEARD, "was not heard any more")
        session = self._reviving.go_on(order.room, claimed.session_id, claimed.epoch, token, failure)
        if session is None:
            return None
        return replace(Joined.of(session, reused=True), status=State.PENDING)

    def _end_taken_over(self, room: Room, session_id: str) -> None:
        """End the session whose dead bot had this room; one that was only to move here goes on where it is."""
        session = self._ledger.run(ReadSessions((session_id,)))[0]
        if session is None or session.room == room:
            end_lost(self._ledger, session_id, Reason.SUPERSEDED, "its bot was not heard any more")

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
            return replace(found, status=State.TRANSITIONING, epoch=lease.epoch, after=str(before_ms))
        if held.recorded is State.WAITING:
            self._let_it_wait(lease.session_id, lease.epoch)
        if held.state is not State.PENDING:
            return found
        if held.place.ahead is not None:  # asked for again: the claim lasts longer, even where no reaper runs
            self._ledger.run(Hold(room, lease.epoch))
        return _at(found, held.place)

    def _let_it_wait(self, session_id: str, epoch: int) -> None:
        """Tell a bot in an empty room that somebody comes, so that it does not end before they are there."""
        with suppress(InboxFull):
            self._ledger.run(Send(session_id, Expect.name, {}, epoch, good_for=Expect.within))

    def go_back(self, session_id: str, mark: str, lasts: timedelta) -> Joined:
        """The session of somebody who comes back to it with what is good for one return, and has this mark so long.

        Raises NoSuchSession, SessionEnded, and ResumeTokenUsed the second time.
        """
        session = self._ledger.run(ReadSession(session_id))
        if session.state is State.ENDED:
            raise SessionEnded(session_id=session_id, reason=session.reason)
        if not self._ledger.run(Once(f"resume:{mark}", lasts)):
            raise ResumeTokenUsed(session_id=session_id)
        if session.state is State.WAITING:
            self._let_it_wait(session.id, session.epoch)
        joined = Joined.of(session, reused=True)
        if session.state is not State.PENDING:
            return joined
        return _at(joined, self._ledger.run(FindPlace(session_id)))

    def _launch(self, order: Order, session_id: str, token: str, claimed: Claimed) -> Joined:
        session = Session(session_id, order.room, order.brief, claimed.epoch, link=order.link)
        launching = Launching(self._launches.launch(session, token), LIMITS)
        created = self._ledger.run(Create(session, launching))
        if refusal := REFUSALS.get(created.outcome):
            self._ledger.run(Withdraw(order.room, claimed.epoch))
            raise refusal()
        log.info(
            "session_changed",
            state=State.PENDING,
            session_id=session_id,
            room=str(order.room),
            epoch=claimed.epoch,
        )
        if claimed.took_over:
            self._end_taken_over(order.room, claimed.took_over)
        return _at(Joined.of(session, reused=False), created.place)


def _at(joined: Joined, place: Place) -> Joined:
    """The same join with its place in line, if it waits for a slot."""
    return replace(joined, status=QUEUED if place.position else State.PENDING, position=place.position)
