"""A room's lease: whose bot may be in it, for how long that is believed without a beat, and how it passes on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from greenroom.app.errors.rooms import NoBotThere
from greenroom.app.rooms.brief import NOBODYS, Brief
from greenroom.app.rooms.inbox import Message
from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.line import Place
from greenroom.app.rooms.minds import Mind
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Session, State

BEAT_EVERY = timedelta(seconds=3)
STALE_AFTER = timedelta(seconds=20)  # after six missed beats it is doubted that the bot lives
# More than the 3 s between two beats: a bot that lives beats once before a doubt is over
DOUBT_LASTS = timedelta(seconds=4)
# An older doubt does not count: Redis may have been away since, and no bot could beat
DOUBT_KEEPS_FOR = timedelta(seconds=10)
# Once a Redis that lost everything has answered for so long, every living bot has beaten, and is known again
SETTLES_WITHIN = timedelta(seconds=4)
# So long a join or a move waits at most until it can tell whether a room has a bot
DOUBT_AT_MOST = DOUBT_LASTS + SETTLES_WITHIN
# A longer time without a claim or a report is an outage, in which no bot could beat: SETTLES_WITHIN begins again
SILENT_AT_MOST = timedelta(seconds=2)
# How often a join that waits for SETTLES_WITHIN asks again; a worker reports as often
LOOKS_EVERY = timedelta(seconds=1)
PENDING_FOR = timedelta(seconds=60)  # a claim that no process adopts frees its room after this
GIVEN_UP_BEFORE = timedelta(seconds=15)  # how long before a claim lapses its place in line is given up
PLACE_KEPT_FOR = PENDING_FOR - GIVEN_UP_BEFORE  # that nobody asks for
PARKED_FOR = timedelta(minutes=10)  # how long a session waits for a worker to come back
ACTIVE_FOR = timedelta(hours=24)  # an adopted lease, renewed by each beat


class LeaseStatus(StrEnum):
    """How far a room's lease is."""

    PENDING = "pending"  # a claim: it waits for a process to adopt it
    ACTIVE = "active"
    HANDING_OVER = "handing_over"  # to the bot of another worker


@dataclass(frozen=True)
class Successor:
    """The bot that gets a room next, while the present one hands it over."""

    epoch: int
    is_ready: bool  # its bot is prepared, and waits for its turn


@dataclass(frozen=True)
class Lease:
    """A session's right to be the bot of a room."""

    status: LeaseStatus
    session_id: str
    epoch: int
    since_ms: int
    brief: Brief = NOBODYS
    host: str | None = None
    job_id: str | None = None
    owner: str | None = None
    token: str | None = field(default=None, repr=False)  # the claim's; never shown to callers
    asked_ms: int = 0  # when a caller last joined this room while it was pending
    tries: int = 1  # launches since there was a slot for it; 0 while there is none
    tried_ms: int = 0  # when its launch was last put in the queue again
    lasts: timedelta = PENDING_FOR  # how long a claim lasts unadopted
    successor: Successor | None = None


@dataclass(frozen=True)
class Claimed:
    """The room is the claimer's until it is adopted or lapses."""

    epoch: int
    session_id: str  # the claimer's own, or that of the dead bot, if it was of the same user and bot
    took_over: str | None = None  # another session, whose bot is dead
    elsewhere: str | None = None  # the session of the bot that its user has in another room


@dataclass(frozen=True)
class NotYet:
    """It cannot be told yet whether the room has a bot; a caller asks again after `wait`."""

    wait: timedelta


@dataclass(frozen=True)
class Held:
    """Another session has the room; `age` is how long ago its bot was heard, None while it is starting."""

    lease: Lease
    age: timedelta | None
    state: State
    # The state in its session's record; None if that is lost, or was written by another version of ours
    recorded: State | None
    conversation_id: str  # the record's, else the one that it began with
    place: Place  # of its launch, while its bot is starting
    is_on_its_way: bool = False  # that session has a bot in another room, which moves here
    is_leaving: bool = False  # or has one here, which is to move to another room


@dataclass(frozen=True)
class Claim(Step[Claimed | Held | NotYet]):
    """Take a room that is free, or whose bot is dead: not heard for STALE_AFTER, and then for DOUBT_LASTS more.

    Claiming twice with one token is one claim.  After Redis lost everything claims wait for SETTLES_WITHIN, until
    every bot that lives has beaten again: else a second bot would come into its room.

    A session that moves here claims `above` its own epoch, and with the brief that it will have.
    """

    room: Room
    session_id: str
    token: str
    brief: Brief
    lasts: timedelta = PENDING_FOR
    stale_after: timedelta = STALE_AFTER
    above: int = 0  # 0: a new session's


def owner_of(host: str, job_id: str, pid: int) -> str:
    """The name of a process that adopts a claim.  Its parent can make it too, and names its dead child by it."""
    return f"{host}/{job_id}/{pid}"


def pid_of(owner: str) -> int:
    return int(owner.rpartition("/")[2])


class Adoption(StrEnum):
    """How an attempt to adopt a claim ended."""

    ADOPTED = "adopted"
    NEXT = "next"  # the asker is the successor, and prepares until the present bot yields
    TAKEN = "taken"  # another process has adopted this claim already
    LAPSED = "lapsed"  # the claim is no longer the room's


@dataclass(frozen=True)
class Adopt(Step[tuple[Adoption, int]]):
    """Turn a claim into the active lease of one process, once, however often it is tried; returns its epoch too."""

    room: Room
    token: str
    owner: str
    host: str
    job_id: str
    lasts: timedelta = ACTIVE_FOR


class Beaten(StrEnum):
    """What a beat found."""

    KEPT = "kept"
    REGISTERED = "registered"  # Redis had lost the room; it is this bot's again
    SUPERSEDED = "superseded"  # the room is another's, or others have ended the session: stop now


@dataclass(frozen=True)
class Beat(Step[tuple[Beaten, list[Message]]]):
    """Say that the bot lives; renews the lease, or registers it again where Redis lost it.

    Returns what has come into the inbox since a message, so that a request whose wake-up got lost waits 3 s at most.
    """

    room: Room
    owner: str
    epoch: int
    session_id: str
    state: State
    lease: Lease  # what is written where Redis lost it
    after: str = "0"  # the last message that was read
    mind: Mind | None = None  # how the bot's mind does, for whoever reads the room
    lasts: timedelta = ACTIVE_FOR

    @classmethod
    def of(
        cls,
        session: Session,
        *,
        owner: str,
        host: str,
        state: State,
        after: str = "0",
        mind: Mind | None = None,
    ) -> "Beat":
        """Make the beat of a session's bot, with its lease as the bot knows it."""
        lease = Lease(
            status=LeaseStatus.ACTIVE,
            session_id=session.id,
            epoch=session.epoch,
            since_ms=session.created_ms,
            brief=session.brief,
            host=host,
        )
        return cls(session.room, owner, session.epoch, session.id, state, lease, after=after, mind=mind)


@dataclass(frozen=True)
class Release(Step[bool]):
    """Give the room up.  False, and nothing is changed, if it is not this owner's at this epoch."""

    room: Room
    epoch: int
    owner: str


@dataclass(frozen=True)
class Withdraw(Step[bool]):
    """Remove a claim that no process has adopted.  False, and nothing is changed, if one has."""

    room: Room
    epoch: int


@dataclass(frozen=True)
class Hold(Step[bool]):
    """Let a claim that no process has adopted last at least so long from now.  False if one has, or it is gone.

    `tries` replaces the claim's count of launches; a larger one than before says that it is launched again.
    """

    room: Room
    epoch: int
    lasts: timedelta = PENDING_FOR
    tries: int | None = None


class Found(StrEnum):
    """What a look at a room has found: whether it has a bot, and in what condition that is."""

    FREE = "free"
    PENDING = "pending"
    OTHER = "other"  # it is not the named owner's, or not at the named epoch
    ALIVE = "alive"
    DOUBTED = "doubted"  # its bot has not been heard for long, and has DOUBT_LASTS to beat
    SUPERSEDED = "superseded"


@dataclass(frozen=True)
class Supersede(Step[tuple[Found, Lease | None]]):
    """Give a room's session to a new bot, which must adopt `token`: the bot that has it died, or gives it up.

    Only if the room is `owner`'s at `epoch`, where those are named, and if its bot has not been heard for
    `quiet_for`; with `raises_doubt` only a bot that does not beat within DOUBT_LASTS more.  Doing it twice with one
    token is doing it once.  If `owner` is the successor in a hand-over, the present bot keeps the room, without one.
    """

    room: Room
    token: str
    owner: str | None = None
    epoch: int | None = None
    quiet_for: timedelta = timedelta(0)
    raises_doubt: bool = False
    lasts: timedelta = PENDING_FOR


@dataclass(frozen=True)
class RoomView:
    """A room's lease, how long ago its bot was heard, in which state and mind, and its changed configuration."""

    lease: Lease | None
    age: timedelta | None = None
    state: str | None = None
    mind: Mind | None = None
    config: Mapping[str, object] = field(default_factory=dict)

    def adopted(self) -> Lease:
        """The lease of the room's bot.  Raises NoBotThere where there is none, or it has not started yet."""
        if self.lease is None or self.lease.status is LeaseStatus.PENDING:
            raise NoBotThere
        return self.lease


@dataclass(frozen=True)
class ReadRoom(Step[RoomView]):
    """Read a room's lease, keepalive and configuration at one moment."""

    room: Room


@dataclass(frozen=True)
class WriteConfig(Step[bool]):
    """Change the configuration of the bot in a room; False if its lease is not at this epoch."""

    room: Room
    epoch: int
    changes: Mapping[str, object]
    lasts: timedelta = ACTIVE_FOR
