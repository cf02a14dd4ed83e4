"""What may be done to the shared state, each step as data.

A step says what shall happen and what comes back; it is run by whoever keeps the
state (`ports.Ledger`): Redis in production, synchronously for web and tasks and
asynchronously for bots, a dictionary in unit tests.  Each step is atomic.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Event, Reason, Session, State
from greenroom.app.rooms.state import Open, Opened

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
STARTS_WITHIN = timedelta(seconds=10)  # then a launch is put in the queue again
KEPT_AFTER_END = timedelta(hours=24)
CRASHES_COUNT_FOR = timedelta(minutes=10)


T = TypeVar("T")


class Step(Generic[T]):
    """One atomic step; T is what running it returns."""


class LeaseStatus(StrEnum):
    """What a room's lease says."""

    PENDING = "pending"
    ACTIVE = "active"
    MOVING = "moving"


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
    bot: str = ""
    user_id: str = ""
    personality: str = ""
    mode: str = "voice"
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


@dataclass(frozen=True)
class Claim(Step[Claimed | Held | NotYet]):
    """Take a room that is free, or whose bot is dead: unheard for STALE_AFTER, and then for DOUBT_LASTS more.

    Asking twice with one token is one claim.  After Redis lost everything the first claims wait until every
    bot that lives has had the time to say so.
    """

    room: Room
    session_id: str
    token: str
    bot: str
    user_id: str
    personality: str
    mode: str
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
class Beat(Step[tuple[Beaten, list["Message"]]]):
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
            bot=session.bot,
            user_id=session.user_id,
            personality=session.personality,
            mode=session.mode,
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
class HandOver(Step[int | None]):
    """Name the claim of whoever shall have the room next; returns its epoch, or None if the room is not the asker's."""

    room: Room
    owner: str
    epoch: int
    token: str


class Turn(StrEnum):
    """What a successor learns."""

    WAIT = "wait"
    YOURS = "yours"
    LAPSED = "lapsed"


@dataclass(frozen=True)
class Ready(Step[Turn]):
    """Say that the successor is prepared, and learn whether the room is its own by now."""

    room: Room
    token: str
    owner: str


@dataclass(frozen=True)
class Yield(Step[int | None]):
    """Give the room to its successor, who is ready; returns the new epoch, or None if it is not, or not the asker's."""

    room: Room
    owner: str
    epoch: int
    state: State
    lasts: timedelta = ACTIVE_FOR


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


@dataclass(frozen=True)
class WriteState(Step[bool]):
    """Open or close things in a room; False, and nothing happens, if the room is not this owner's at this epoch."""

    room: Room
    epoch: int
    owner: str
    changes: Mapping[Open, Opened | None]  # None: closed
    lasts: timedelta = ACTIVE_FOR


@dataclass(frozen=True)
class ReadState(Step[Mapping[Open, Opened]]):
    """What is open in a room."""

    room: Room


@dataclass(frozen=True)
class Mark(Step[None]):
    """Say when a room must be looked at again, unless its bot beats before."""

    room: Room
    within: timedelta
    unless_marked: bool = False


@dataclass(frozen=True)
class Unmark(Step[None]):
    """The room need not be looked at any more, unless it has been marked anew since it was overdue."""

    room: Room


@dataclass(frozen=True)
class Overdue(Step[list[Room]]):
    """The rooms whose time is over, the longest overdue first."""

    limit: int = 500


@dataclass(frozen=True)
class Limits:
    """How many sessions there may be, of everybody and of one user, or of all who came by one link."""

    sessions: int = 10_000
    line: int = 1000  # that wait for a slot
    user_sessions: int = 100
    user_line: int = 20


@dataclass(frozen=True)
class Launching:
    """What is done together with a session's record: its launch, and a look at its room should that get lost."""

    push: "Push"
    free: int = 0  # slots that there were just now: who gets one of them is not in a user's line
    limits: Limits = Limits()
    within: timedelta = STARTS_WITHIN


class Created(StrEnum):
    """What became of a record that was to be written; the last four name the limit that kept it from that."""

    WRITTEN = "written"
    THERE = "there"
    SESSIONS = "sessions"
    LINE = "line"
    USER_SESSIONS = "user_sessions"
    USER_LINE = "user_line"


@dataclass(frozen=True)
class Create(Step[Created]):
    """Write a session's record and its first event, and launch it where that is asked for: all of it or nothing.

    One that is there is left alone, unless it is of an earlier epoch and has not ended: a bot that was
    superseded wrote it again, after it was lost.
    """

    session: Session
    launching: Launching | None = None


@dataclass(frozen=True)
class Transition(Step[Session]):
    """Move a session to another state.

    Raises IllegalTransition where FOLLOWERS does not allow it, or where the
    session has a later epoch by now; NoSuchSession if it is unknown.
    """

    session_id: str
    to: State
    epoch: int
    reason: Reason | None = None
    detail: str | None = None
    host: str | None = None


@dataclass(frozen=True)
class Succession:
    """A session as its next bot finds it."""

    session: Session
    crashes: int  # within CRASHES_COUNT_FOR


@dataclass(frozen=True)
class Succeed(Step[Succession]):
    """Write into a session's record that it goes on under a later epoch.  Doing it twice is once.

    A session that has ended, or is leaving, does not go on: its record stays.  Raises NoSuchSession.
    """

    session_id: str
    epoch: int
    event: str
    to: State | None = None  # None: it stays what it was
    detail: str | None = None
    host: str | None = None  # where its bot is, once that is known
    is_crash: bool = False


@dataclass(frozen=True)
class Forget(Step[None]):
    """An ended session is no longer one of those that are on, or wait."""

    session_id: str


@dataclass(frozen=True)
class Note(Step[None]):
    """Put something that is not a change of state into a session's history."""

    session_id: str
    event: str
    epoch: int
    detail: str | None = None
    person: str | None = None  # who is the session's person from now on


@dataclass(frozen=True)
class CountLaunch(Step[int]):
    """Count one more launch of a session; returns how many there have been.  Raises NoSuchSession."""

    session_id: str


@dataclass(frozen=True)
class ReadSession(Step[Session]):
    """Raises NoSuchSession."""

    session_id: str


@dataclass(frozen=True)
class LiveSessions(Step[list[str]]):
    """The ids of the sessions that have not ended, the oldest first."""

    limit: int = 1000


@dataclass(frozen=True)
class Page:
    """Some of the sessions that have not ended, and where to go on; None: these were the last."""

    session_ids: list[str]
    after: str | None


@dataclass(frozen=True)
class PageOfSessions(Step[Page]):
    """The next of the sessions that have not ended, the oldest first; the first page comes after ""."""

    after: str = ""  # as the page before it said
    limit: int = 100


@dataclass(frozen=True)
class ReadSessions(Step[list[Session | None]]):
    """Many sessions at once; None in the place of one that is unknown."""

    session_ids: tuple[str, ...]


@dataclass(frozen=True)
class ReadEvents(Step[list[Event]]):
    """A session's history after an event, waiting for one if there is none yet."""

    session_id: str
    after: str = "0"
    wait: timedelta = timedelta(0)


@dataclass(frozen=True)
class Message:
    """What a session's bot is asked to do."""

    id: str
    kind: str
    body: Mapping[str, object]
    epoch: int
    expired: bool = False


@dataclass(frozen=True)
class Send(Step[str]):
    """Put a message in a session's inbox; returns the message's id."""

    session_id: str
    kind: str
    body: Mapping[str, object]
    epoch: int
    good_for: timedelta
    nonce: str = field(
        default_factory=lambda: secrets.token_hex(8)
    )  # sent twice with one nonce, it is one message


@dataclass(frozen=True)
class Receive(Step[list[Message]]):
    """The messages in a session's inbox after one, waiting for one if there is none yet."""

    session_id: str
    after: str
    wait: timedelta


@dataclass(frozen=True)
class Answer(Step[None]):
    """Acknowledge a message with its result; it is then gone from the inbox."""

    session_id: str
    message_id: str
    result: Mapping[str, object]


@dataclass(frozen=True)
class AwaitAnswer(Step[Mapping[str, object] | None]):
    """A message's result, or None if it did not come in time.  Asking twice gets the same answer."""

    session_id: str
    message_id: str
    wait: timedelta


@dataclass(frozen=True)
class Said:
    """Something that was said in a conversation."""

    id: str  # of the turn: written twice, it is one
    role: str  # "user" or "assistant"
    content: str
    at_ms: int = 0
    person: str | None = None  # who said it, or was told it, in a room of several


@dataclass(frozen=True)
class Record(Step[bool]):
    """Add a turn to a session's conversation; False, and nothing happens, if a bot of a later epoch has the session."""

    session_id: str
    epoch: int
    said: Said


@dataclass(frozen=True)
class Conversation(Step[list[Said]]):
    """What was said in a session, in order."""

    session_id: str


@dataclass(frozen=True)
class Erase(Step[None]):
    """Forget what was said in a session: its next person is another."""

    session_id: str
    epoch: int


@dataclass(frozen=True)
class Host:
    """A worker process and its slots."""

    id: str
    kind: str  # "bots" or "control"
    slots: int
    used: int
    incarnation: str
    draining: bool = False
    warm: int = 0  # idle processes whose models are loaded
    since_ms: int = 0  # when this incarnation first reported
    cold_s: int = 0  # for how long not all its processes have had their models; in steps of ten seconds
    unfit: Mapping[str, str] = field(default_factory=dict)  # bots that it cannot import, and why, by name

    @property
    def free(self) -> int:
        """How many launches it would start at once."""
        return 0 if self.draining or self.kind != "bots" else max(0, self.slots - self.used)


class Wish(StrEnum):
    """What an operator wants of a worker."""

    WORK = "work"
    DRAIN = "drain"  # take no launches, hand every session over, stay
    STOP = "stop"  # the same, and exit when empty


@dataclass(frozen=True)
class Report(Step[Wish]):
    """A worker says that it lives and how full it is; returns what is wanted of it.

    `held` is who runs its sessions, by session; None at a worker's first report, which then forgets what was
    wanted of the worker before it, and leaves what that one held.
    """

    host: Host
    held: Mapping[str, str] | None = None
    lasts: timedelta = timedelta(seconds=15)


@dataclass(frozen=True)
class ReadHeld(Step[Mapping[str, str]]):
    """Which sessions a worker, or the one before it of the same name, last said to run: the owner by session."""

    host_id: str


@dataclass(frozen=True)
class AskHost(Step[None]):
    """Want something of a worker; it learns of it with its next report."""

    host_id: str
    wish: Wish


@dataclass(frozen=True)
class Retire(Step[None]):
    """A worker says that it has gone."""

    host_id: str


@dataclass(frozen=True)
class LivingHosts(Step[list[str]]):
    """The ids of the workers that live."""


@dataclass(frozen=True)
class ReadHost(Step[Host | None]):
    """What a worker last said of itself; None if that is too long ago."""

    host_id: str


@dataclass(frozen=True)
class TakeTurn(Step[bool]):
    """Whether this process does a periodic piece of work this time; one of many gets True."""

    work: str
    lasts: timedelta


@dataclass(frozen=True)
class Once(Step[bool]):
    """Whether this is the first time of something in so long; if it is, a message goes into a queue with it."""

    what: str
    lasts: timedelta
    queue: str = ""
    message: str = ""


@dataclass(frozen=True)
class CountRequest(Step[timedelta | None]):
    """Count a request for each of those whose it is; None, or when to come back if one of them has made too many.

    They are counted in this order, and for nobody behind the first who is refused.
    """

    whose: Mapping[str, int]  # how many each may make within `within`
    within: timedelta = timedelta(minutes=1)


@dataclass(frozen=True)
class NoteEmptied(Step[None]):
    """No person is in a room, at this time of the ledger's own."""

    room: Room
    at_ms: int


@dataclass(frozen=True)
class LastEmptied(Step[int | None]):
    """When a room was last seen without any person, if that was in the last day."""

    room: Room


@dataclass(frozen=True)
class Push(Step[None]):
    """Put a session's launch at the end of the line, or in front: for who was on stage already."""

    queue: str
    message: str
    session_id: str
    in_front: bool = False


@dataclass(frozen=True)
class Place:
    """Where a session stands in the line, and how the line stands."""

    ahead: int | None  # how many were there before it; None if it does not wait
    waiting: int
    free: int  # slots of the workers that live
    since_ms: int = field(default=0, compare=False)  # since when it has waited
    served_ms: int = field(
        default=0, compare=False
    )  # since when the latest of those had waited whom a worker has taken

    @property
    def position(self) -> int | None:
        """1 for who is next as soon as a slot gets free; None for who does not wait, or has a slot already."""
        if self.ahead is None or self.ahead < self.free:
            return None
        return self.ahead + 1 - self.free


@dataclass(frozen=True)
class FindPlace(Step[Place]):
    """Where a session stands in the line of those that wait for a slot."""

    session_id: str = ""


@dataclass(frozen=True)
class Line(Step[list[str]]):
    """The sessions that wait for a slot, the first first."""

    limit: int = 1000


@dataclass(frozen=True)
class LeaveLine(Step[None]):
    """A session waits no more: its launch has been taken, in its turn, or it is only forgotten."""

    session_id: str
    is_served: bool = True


@dataclass(frozen=True)
class QueueLength(Step[int]):
    """How many messages lie in a queue."""

    queue: str


@dataclass(frozen=True)
class Ping(Step[None]):
    """Whether the ledger answers at all."""


@dataclass(frozen=True)
class Now(Step[int]):
    """The ledger's own time in ms; ages are never reckoned with a worker's clock."""


# For a person's look at the whole; nothing of the product depends on these.


@dataclass(frozen=True)
class Condition:
    """How the keeper of the ledger is."""

    version: str
    up: timedelta
    used_bytes: int
    limit_bytes: int  # 0: as much as the machine has
    machine_bytes: int
    drops: str  # what it drops when its memory is full; "noeviction" is nothing
    is_kept: bool  # an append-only file is written
    trouble: tuple[str, ...] = ()  # with writing, in its own words
    refused: Mapping[str, int] = field(default_factory=dict)  # commands since its start, by its word for why


@dataclass(frozen=True)
class ReadCondition(Step[Condition]):
    """How the keeper of the ledger is."""


@dataclass(frozen=True)
class LastRun(Step[timedelta | None]):
    """How long ago a worker last came for a periodic piece of work; None if that is more than a day, or unknown."""

    work: str


@dataclass(frozen=True)
class LeasedRooms(Step[tuple[int, list[Room]]]):
    """Some of the rooms that have a lease, and the cursor to go on from; 0 says that these were the last.

    This walks over all that is kept, a batch at a time, and so is for people who look.
    """

    cursor: int = 0
    batch: int = 1000


@dataclass(frozen=True)
class KeptNames(Step[tuple[int, list[str]]]):
    """Some of the names of ours under which something is kept, and the cursor to go on from; 0: these were the last.

    Those that are kept for good are left out.  A walk over everything, as LeasedRooms is.
    """

    cursor: int = 0
    batch: int = 1000


@dataclass(frozen=True)
class HaveLifetimes(Step[list[bool]]):
    """For each name, whether what is kept there goes away by itself; what has gone already did."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class LastSession(Step[str | None]):
    """The session that was last begun in a room, if that is not longer ago than a session's record lives."""

    room: Room
