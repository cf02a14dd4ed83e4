"""Transitions: who is asked for a session in another room decides what comes there, and has the session's bot move.

What a move is, and how it is made, is in `moving.py`.
"""

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, auto

import structlog

from greenroom.app.errors.bots import BotFailed, BotSilent
from greenroom.app.errors.rooms import OthersThere
from greenroom.app.errors.sessions import IllegalTransition, NoSuchSession, NotMovable, SessionEnded
from greenroom.app.rooms.brief import Brief, Mode
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.deadlines import SetDeadline
from greenroom.app.rooms.endings import end_taken_over
from greenroom.app.rooms.joined import Joined
from greenroom.app.rooms.leases import Claim, Claimed, Held, NotYet, ReadRoom, Withdraw
from greenroom.app.rooms.leaving import Leaving
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.line import FindPlace
from greenroom.app.rooms.messages import ask
from greenroom.app.rooms.moves import MOVES_WITHIN, MoveFailure, Target, call_off
from greenroom.app.rooms.moving import move_without_bot
from greenroom.app.rooms.procedures import Underway, follow
from greenroom.app.rooms.queues import SessionQueues
from greenroom.app.rooms.relaunching import relaunch
from greenroom.app.rooms.requests.changing import MoveTo
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import ReadEvents
from greenroom.app.rooms.session_lists import ReadSessions
from greenroom.app.rooms.sessions import ON_STAGE, STARTS_WITHIN, Advance, ReadSession, Reason, Session, State
from greenroom.app.rooms.sliced_wait import slices
from greenroom.app.rooms.visits import account_of
from greenroom.app.rooms.voice_rooms import is_voice_room

# What a bot is like: its user's bot is like that in whichever room it is
CHARACTER = (
    "bot",
    "assistant",
    "personality",
    "persona",
    "instructions",
    "prompts",
    "voice",
    "voice_parameters",
    "language",
    "memory",
)
# What a session keeps for its whole life, whatever whoever asks for it in another room names
ITS_OWN = frozenset({"user_id", "tenant", "conversation_id"})
UNSTARTED = (State.PENDING, State.LOST)
REPLACING = "replacing"  # the procedure of a session that has no slot until its user's bot elsewhere has left

log = structlog.get_logger(__name__)


class Choice(Enum):
    """What comes into a free room whose caller has a bot elsewhere."""

    MOVE = auto()  # that bot
    ANOTHER = (
        auto()
    )  # a new session with its conversation, since it is another bot that was named; that bot leaves
    BESIDE = auto()  # a bot of the room's own, which is like that one


@dataclass(frozen=True)
class Elsewhere:
    """The session of the bot that a caller has in another room, and what follows for the room that they join."""

    choice: Choice
    session: Session
    last_event: str = "0"  # of its history


class Transitions:
    """Has sessions move to other rooms."""

    def __init__(self, ledger: Ledger, queues: SessionQueues) -> None:
        self._ledger = ledger
        self._queues = queues

    def choose(self, session_id: str, room: Room, brief: Brief, named: Collection[str]) -> Elsewhere | None:
        """What comes into a room, whose caller has that session elsewhere; None: what they asked for."""
        (session,), events, now_ms = self._ledger.run_all(
            [ReadSessions((session_id,)), ReadEvents(session_id), Now()]
        )
        if session is None or session.state in (State.LEAVING, State.ENDED) or session.room == room:
            return None
        if not any(event.event in ON_STAGE for event in events):  # its bot has not been anywhere yet
            return None
        last_event = events[-1].id
        here = {visit.identity for visit in account_of(events, now_ms).visits if visit.left_ms is None}
        if here - {brief.user_id} and not is_voice_room(session.room):  # they would be left behind
            return Elsewhere(Choice.BESIDE, session, last_event)
        is_another = ("bot" in named and brief.bot != session.brief.bot) or (
            "conversation_id" in named and brief.conversation_id != session.conversation_id
        )
        return Elsewhere(Choice.ANOTHER if is_another else Choice.MOVE, session, last_event)

    def has_slot_for_another(self) -> bool:
        """Whether a bot can start while the one that its user has elsewhere is still there."""
        line = self._ledger.run(FindPlace())
        return line.waiting < line.free

    def replace(self, session: Session) -> None:
        """Begin a session whose room is claimed, and which gets its bot when that of another session has left.

        The slot of that bot is the only one that it can have.
        """
        self._ledger.run(Create(replace(session, procedure=Underway(REPLACING, "begun"))))
        asked = self._queues.transition(session, session.epoch)
        self._ledger.run_all([SetDeadline(session.room, STARTS_WITHIN), asked])

    def begin(
        self,
        elsewhere: Elsewhere,
        room: Room,
        brief: Brief,
        named: Collection[str],
        *,
        alone_with: str | None,
        instead_of: Claimed | None = None,
    ) -> Joined | Held | NotYet:
        """Claim a room for a session, and have its bot move there; all that is left to do is to wait.

        Of the brief it takes what is `named`.  The caller's claim `instead_of` which the session has the room gives way
        to the session's.  With `alone_with` the bot stays where anybody else is by then.  Should this process die, the
        reaper withdraws the claim, or has the bot asked.  Returns Held where another session has the room.  Raises
        NotMovable if the session is in another procedure.
        """
        session, token = elsewhere.session, secrets.token_hex(16)
        there, changed = brief_there(session, room, brief, named)
        on_its_way = replace(Joined.of(session, reused=False), room=room, brief=there)
        claim = Claim(room, session.id, token, there, above=session.epoch)
        withdraw = []
        if instead_of is not None:
            end_taken_over(self._ledger, instead_of.took_over, room)
            withdraw = [Withdraw(room, instead_of.epoch)]
        claimed: Claimed | Held | NotYet = self._ledger.run_all([*withdraw, claim])[-1]
        if isinstance(claimed, Held) and claimed.lease.session_id == session.id:  # it was sent there before
            return replace(on_its_way, reused=True).on_its_way(claimed.lease.epoch, elsewhere.last_event)
        if not isinstance(claimed, Claimed):
            return claimed
        end_taken_over(self._ledger, claimed.took_over, room)
        target = Target(room, claimed.epoch, token, tuple(changed), alone_with)
        try:
            has_begun = self._ledger.run(Advance(session.id, session.epoch, None, target.at("claimed")))
        except NoSuchSession:
            has_begun = False
        if not has_begun:
            self._ledger.run(Withdraw(room, claimed.epoch))
            raise NotMovable(session_id=session.id)
        self._ledger.run_all(
            [SetDeadline(room, STARTS_WITHIN), self._queues.transition(session, claimed.epoch)]
        )
        return on_its_way.on_its_way(claimed.epoch, elsewhere.last_event)


def await_arrival(
    ledger: Ledger,
    session_id: str,
    *,
    within: timedelta = MOVES_WITHIN,
    is_awaited: Callable[[], bool] = lambda: True,
) -> Session:
    """The session once it is on its way to no other room, or the time is over: it is known then which room it is in.

    Raises NoSuchSession.
    """
    session, after = ledger.run(ReadSession(session_id)), "0"
    if Target.of(session) is None:
        return session
    for wait in slices(within):
        events = ledger.run(ReadEvents(session_id, after=after, wait=wait))
        after = events[-1].id if events else after
        session = ledger.run(ReadSession(session_id))  # after its history: what it misses is waited for
        if Target.of(session) is None or not is_awaited():
            break
    return session


class Carrier:
    """What the control worker does of a transition."""

    def __init__(self, ledger: Ledger, queues: SessionQueues, leaving: Leaving) -> None:
        self._ledger = ledger
        self._queues = queues
        self._leaving = leaving

    def carry(self, session_id: str, epoch: int) -> None:
        """Have a session come into the room that it has claimed at this epoch.

        Safe to do twice: a bot that is moving there already says the same, and one that is there is not asked.
        """
        try:
            session = self._ledger.run(ReadSession(session_id))
        except NoSuchSession:
            return
        target = Target.of(session)
        if target is not None and target.epoch == epoch:
            self._move(session, target)
        elif session.procedure is not None and session.procedure.kind == REPLACING and session.epoch == epoch:
            self._replace(session, session.procedure)

    def _move(self, session: Session, target: Target) -> None:
        try:
            if session.state in UNSTARTED:
                follow(self._ledger, move_without_bot(session, target, self._queues))
                return
        except IllegalTransition:  # its bot has just started
            pass
        if failed := self._ask(session, target):
            why, detail = failed
            if self._ledger.run(call_off(session, target, why, detail)):
                room = str(target.room)
                log.warning("session_move_failed", session_id=session.id, room=room, kind=why, because=detail)

    def _ask(self, session: Session, target: Target) -> tuple[MoveFailure, str] | None:
        """Why its bot does not move, or None if it does."""
        try:
            ask(self._ledger, session, MoveTo(str(target.epoch)))
        except (SessionEnded, NoSuchSession):
            return MoveFailure.ENDED, "the session ended meanwhile"
        except OthersThere:
            return MoveFailure.OTHERS_THERE, "others are with the bot, and would be left without it"
        except NotMovable:
            return MoveFailure.NOT_MOVABLE, "its bot was not on stage, left, or was being handed over"
        except BotSilent:
            return MoveFailure.BOT_SILENT, "its bot did not answer"
        except BotFailed:
            return MoveFailure.OURS, "its bot could not begin; the worker's log says why"
        return None

    def _replace(self, session: Session, stands: Underway) -> None:
        """Let the user's bot elsewhere leave, and launch this one, which goes on with its conversation."""
        try:
            if session.instead_of is not None:
                self._leaving.leave_session(session.instead_of, reason=Reason.MOVED_OUT)
        except NoSuchSession:
            pass
        except BotSilent:  # the reaper has it asked once more, and then gives this session up
            return
        lease = self._ledger.run(ReadRoom(session.room)).lease
        if lease is None or lease.epoch != session.epoch or lease.token is None:
            return
        if self._ledger.run(Advance(session.id, session.epoch, stands, None)):
            follow(self._ledger, relaunch(session, lease.token, self._queues))


def like(brief: Brief, its: Brief, named: Collection[str]) -> Brief:
    """A brief for a bot beside another one, which is like it, but for what was named."""
    return replace(brief, **{fact: getattr(its, fact) for fact in CHARACTER if fact not in named})


def following(brief: Brief, its: Session, named: Collection[str]) -> Brief:
    """A brief for another bot, which goes on with a session's conversation if that is its user's."""
    brief = like(brief, its.brief, named)
    if "conversation_id" in named or its.conversation_user != brief.user_id:
        return brief
    return replace(brief, conversation_id=its.conversation_id)


def brief_there(
    session: Session, room: Room, brief: Brief, named: Collection[str]
) -> tuple[Brief, list[str]]:
    """A session's brief in another room: its own, but for what was named; and the facts that are not its own any more.

    Where nobody names the mode, a bot is seen in a room of several, and heard in its user's own voice room.  How long a
    session may last that was extended is in its record, and nobody who joins changes that.
    """
    kept = ITS_OWN if session.lasts is None else {*ITS_OWN, "max_duration"}
    facts: Mapping[str, object] = {fact: getattr(brief, fact) for fact in named if fact not in kept}
    if "mode" not in named and is_voice_room(session.room) is not is_voice_room(room):
        facts = {**facts, "mode": Mode.VOICE if is_voice_room(room) else Mode.FORUM}
    there = replace(session.brief, max_duration=session.max_duration)
    return replace(there, **facts), sorted(facts)  # type: ignore[arg-type]
