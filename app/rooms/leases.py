"""A room's lease: who may be its bot, until when that is believed, and how it passes to another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from greenroom.app.rooms.brief import NOBODYS, Brief
from greenroom.app.rooms.inbox import Message
from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.line import Place
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Session, State

BEAT_EVERY = timedelta(seconds=3)
STALE_AFTER = timedelta(seconds=20)  # six missed beats: then it is doubted that the bot lives
DOUBT_LASTS = timedelta(
    seconds=4
)  # more than a beat: a bot that lives has been heard by then, Redis back or not
DOUBT_KEEPS_FOR = timedelta(seconds=10)  # a doubt that is older says nothing: nobody could beat, perhaps
SETTLES_WITHIN = timedelta(
    seconds=4
)  # of answers after Redis lost everything; every living bot is known again then
SILENT_AT_MOST = timedelta(
    seconds=2
)  # between two looks; after more Redis was away, and no bot could register
LOOKS_EVERY = timedelta(seconds=1)  # who waits until Redis has settled; a worker reports as often
PENDING_FOR = timedelta(seconds=60)  # a launch that nobody adopted frees its room after this
PARKED_FOR = timedelta(minutes=10)  # how long a session waits for a worker to come back
ACTIVE_FOR = timedelta(hours=24)  # an adopted lease, renewed by each beat


class LeaseStatus(StrEnum):
    """What a room's lease says."""

    PENDING = "pending"
    ACTIVE = "active"
    HANDING_OVER = "handing_over"  # to the bot of another worker


@dataclass(frozen=True)
class Successor:
    """Who shall have a room next, while its bot hands it over."""

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
    asked_ms: int = 0  # when somebody last asked for this room while its bot was not there yet
    tries: int = 1  # launches since there was a slot for it; 0 while there is none
    tried_ms: int = 0  # when its launch was last put in the queue again
    lasts: timedelta = PENDING_FOR  # unadopted
    successor: Successor | None = None


@dataclass(frozen=True)
class Claimed:
    """The room is the claimer's until it is adopted or lapses."""

    epoch: int
    session_id: str  # the claimer's own, or that of the dead bot whose user is back for it
    took_over: str | None = None  # another session, whose bot is dead


@dataclass(frozen=True)
class NotYet:
    """Nobody can tell now whether the room has a bot; whoever asks again after `wait` will know."""

    wait: timedelta


@dataclass(frozen=True)
class Held:
    """Somebody has the room; `age` is how long ago its bot was heard, None while it is starting."""

    lease: Lease
    age: timedelta | None
    state: State
    recorded: (
        State | None
    )  # the state in its session's record; None: that is lost, or another version of us wrote it
    conversation_id: str  # the record's, else the one that it began with
    place: Place  # of its launch, while its bot is starting


@dataclass(frozen=True)
class Claim(Step[Claimed | Held | NotYet]):
    """Take a room that is free, or whose bot is dead: unheard for STALE_AFTER, and then for DOUBT_LASTS more.

    Asking twice with one token is one claim.  After Redis lost everything the first claims wait until every
    bot that lives has had the time to say so.
    """

    room: Room
    session_id: str
    token: str
    brief: Brief
    lasts: timedelta = PENDING_FOR
    stale_after: timedelta = STALE_AFTER


def owner_of(host: str, job_id: str, pid: int) -> str:
    """Who adopts a claim; its parent process knows it as well, and names it when it sees its child die."""
    return f"{host}/{job_id}/{pid}"


class Adoption(StrEnum):
    """How an attempt to adopt a claim ended."""

    ADOPTED = "adopted"
    NEXT = "next"  # it is the next owner's, who prepares until the present one yields
    TAKEN = "taken"  # another process has adopted this claim already
    LAPSED = "lapsed"  # the claim is no longer the room's


@dataclass(frozen=True)
class Adopt(Step[tuple[Adoption, int]]):
    """Turn a claim into an active lease of one owner, once, however often it is tried; says its epoch as well."""

    room: Room
    token: str
    owner: str
    host: str
    job_id: str
    lasts: timedelta = ACTIVE_FOR


class Beaten(StrEnum):
    """What a beat learned."""

    KEPT = "kept"
    REGISTERED = "registered"  # Redis had lost the room; it is this bot's again
    SUPERSEDED = "superseded"  # the room is another's: stop now


@dataclass(frozen=True)
class Beat(Step[tuple[Beaten, list[Message]]]):
    """Say that the bot lives; renews the lease, or registers it again where Redis lost it.

    Brings back what is in the inbox after a message, so that a wake-up that got lost costs one beat at most.
    """

    room: Room
    owner: str
    epoch: int
    session_id: str
    state: State
    lease: Lease  # what is registered again
    after: str = "0"  # the last message that was read
    lasts: timedelta = ACTIVE_FOR

    @classmethod
    def of(cls, session: Session, *, owner: str, host: str, state: State, after: str = "0") -> "Beat":
        """The beat of a session's bot, which knows all that its lease says."""
        lease = Lease(
            status=LeaseStatus.ACTIVE,
            session_id=session.id,
            epoch=session.epoch,
            since_ms=session.created_ms,
            brief=session.brief,
            host=host,
        )
        return cls(session.room, owner, session.epoch, session.id, state, lease, after=after)


@dataclass(frozen=True)
class Release(Step[bool]):
    """Give the room up; False, and nothing happens, if it is not this owner's at this epoch."""

    room: Room
    epoch: int
    owner: str


@dataclass(frozen=True)
class Withdraw(Step[bool]):
    """Take a claim back that nobody has adopted; False, and nothing happens, if somebody has."""

    room: Room
    epoch: int


@dataclass(frozen=True)
class Hold(Step[bool]):
    """Let a claim that nobody has adopted last at least so long from now; False if somebody has, or it is gone.

    `tries` is written into the claim where it is named; one more than there were says that it is launched again.
    """

    room: Room
    epoch: int
    lasts: timedelta = PENDING_FOR
    tries: int | None = None


class Finding(StrEnum):
    """In what condition a room was found."""

    FREE = "free"
    PENDING = "pending"
    OTHER = "other"  # it is not the one's who was thought to have it
    ALIVE = "alive"
    DOUBTED = "doubted"  # its bot has not been heard for long, and is given one more beat
    SUPERSEDED = "superseded"


@dataclass(frozen=True)
class Supersede(Step[tuple[Finding, Lease | None]]):
    """Give a room's session to a new bot, which must adopt `token`: the one that had it has died, or gives it up.

    Only if the room is `owner`'s at `epoch`, where those are named, and if its bot has not been heard for
    `quiet_for`; a doubt is raised first where one is asked for.  Doing it twice with one token is once.  Where
    `owner` was to have the room next, whoever has it keeps it, and can yield it to nobody.
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
    """Everything that is known about a room."""

    lease: Lease | None
    age: timedelta | None = None
    state: str | None = None
    config: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadRoom(Step[RoomView]):
    """See who has a room and when its bot was last heard."""

    room: Room


@dataclass(frozen=True)
class WriteConfig(Step[bool]):
    """Change the configuration of the bot in a room; False if its lease is not at this epoch."""

    room: Room
    epoch: int
    changes: Mapping[str, object]
    lasts: timedelta = ACTIVE_FOR
