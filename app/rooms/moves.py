"""Moves: where a session goes, why it does not, and the steps that write that down."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from greenroom.app.rooms.leases import ACTIVE_FOR, PENDING_FOR
from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.procedures import Underway
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import STARTS_WITHIN, Session, State

MOVE = "move"  # the kind of the procedure


MOVES_WITHIN = timedelta(seconds=20)  # then a move is called off that is not made


MOVABLE = frozenset({State.LIVE, State.WAITING, State.PAUSED})


def as_told(old: Room, new: Room) -> str:
    """What a session's history says of a move that is made."""
    return f"from {old} to {new}"


def rooms_told(detail: str) -> tuple[Room, Room] | None:
    """From which room to which, as `as_told` tells it to people; what follows from a move is decided by the record."""
    match detail.split():
        case ["from", old, "to", new]:
            return Room.parse(old), Room.parse(new)
    return None


class MoveFailure(StrEnum):
    """Why a session did not move.  The list is closed."""

    UNREACHABLE = "unreachable"  # the other room's server is away, or lets the bot not in
    NO_ROOM = "no_room"  # the other room's server has none for it
    TOO_LATE = "too_late"  # the claim of the other room had lapsed, or the move was called off
    OTHERS_THERE = "others_there"  # they would be left without the bot
    NOT_TWICE = "not_twice"  # the bot cannot be in two rooms at once, and not started anew either
    BOT_DIED = "bot_died"
    BOT_SILENT = "bot_silent"
    NOT_MOVABLE = "not_movable"  # the bot was not on stage, left, or was handing its session over
    ENDED = "ended"  # the session ended meanwhile
    OURS = "ours"  # a defect of Greenroom's own: the worker's log has the traceback


@dataclass(frozen=True)
class Target:
    """Where a session moves: the other room, and the claim that it has there."""

    room: Room
    epoch: int
    token: str = field(repr=False)
    named: tuple[str, ...] = ()  # what holds there whatever the old room's config says
    alone_with: str | None = None  # the move is made only while nobody else is in the old room

    def at(self, step: str) -> Underway:
        """This move as the session's record has it, once that step is done."""
        facts = {"room": str(self.room), "epoch": str(self.epoch), "token": self.token}
        if self.named:
            facts["named"] = ",".join(self.named)
        if self.alone_with is not None:
            facts["alone_with"] = self.alone_with
        return Underway(MOVE, step, facts)

    @classmethod
    def of(cls, session: Session) -> "Target | None":
        """Where a session is on its way to."""
        return cls.of_procedure(session.procedure)

    @classmethod
    def of_procedure(cls, underway: Underway | None) -> "Target | None":
        """Where the session is on its way to whose record has this procedure."""
        if underway is None or underway.kind != MOVE:
            return None
        facts = underway.facts
        named = tuple(name for name in facts.get("named", "").split(",") if name)
        room, epoch = Room.parse(facts["room"]), int(facts["epoch"])
        return cls(room, epoch, facts["token"], named, facts.get("alone_with"))


@dataclass(frozen=True)
class CommitMove(Step[Session]):
    """Write down that a session is in its other room, and give up the one that it was in, with all that is open there.

    Doing it twice is once.  The room's config and what is open go along, but for the config's `named` facts, and for
    what the other room's config says: somebody has asked for that there since the bot adopted it.  With
    `starts_anew` another bot adopts the claim there; without an owner, no bot has adopted the old room's either.
    Raises IllegalTransition if the move was called off, or one of the two rooms is not the session's any more;
    NoSuchSession.
    """

    session: Session
    target: Target
    owner: str | None
    starts_anew: bool = False
    lasts: timedelta = ACTIVE_FOR
    pending_for: timedelta = PENDING_FOR
    within: timedelta = STARTS_WITHIN


@dataclass(frozen=True)
class CallOffMove(Step[bool]):
    """Write down that a session does not move, and withdraw its claim of the other room.

    False if it is not in that move any more: it has moved, or somebody else has called it off.
    """

    session_id: str
    room: Room
    epoch: int
    why: MoveFailure
    detail: str


def call_off(session: Session, target: Target, why: MoveFailure, detail: str) -> CallOffMove:
    return CallOffMove(session.id, target.room, target.epoch, why, detail)
