"""What may be done to the shared state, each step as data.

A step says what shall happen and what comes back; it is run by whoever keeps the
state (`ports.Ledger`): Redis in production, synchronously for web and tasks and
asynchronously for bots, a dictionary in unit tests.  Each step is atomic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from app.rooms.room import Room
from app.rooms.sessions import Event, Reason, Session, State

BEAT_EVERY = timedelta(seconds=3)
STALE_AFTER = timedelta(seconds=30)  # ten missed beats: then the bot is dead, and never "reused"
PENDING_FOR = timedelta(seconds=60)  # a launch that nobody adopted frees its room after this
ACTIVE_FOR = timedelta(hours=24)  # an adopted lease, renewed by each beat
STARTS_WITHIN = timedelta(seconds=10)  # then a launch is put in the queue again
KEPT_AFTER_END = timedelta(hours=24)


T = TypeVar("T")


class Step(Generic[T]):
    """One atomic step; T is what running it returns."""


class LeaseStatus(StrEnum):
    """What a room's lease says."""

    PENDING = "pending"
    ACTIVE = "active"
    MOVING = "moving"


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
    token: str | None = field(default=None, repr=False)  # the claim's; never shown to callers


@dataclass(frozen=True)
class Claimed:
    """The room is the claimer's until it is adopted or lapses."""

    epoch: int
    took_over: str | None = None  # the session whose keepalive was stale


@dataclass(frozen=True)
class Held:
    """Somebody has the room; `age` is how long ago its bot was heard, None while it is starting."""

    lease: Lease
    age: timedelta | None
    state: State


@dataclass(frozen=True)
class Claim(Step[Claimed | Held]):
    """Take a room that is free, or whose bot has not been heard for STALE_AFTER.

    Asking twice with one token is one claim.
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
    TAKEN = "taken"  # another process has adopted this claim already
    LAPSED = "lapsed"  # the claim is no longer the room's


@dataclass(frozen=True)
class Adopt(Step[Adoption]):
    """Turn a claim into an active lease of one owner, once, however often it is tried."""

    room: Room
    token: str
    epoch: int
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
class Beat(Step[Beaten]):
    """Say that the bot lives; renews the lease, or registers it again where Redis lost it."""

    room: Room
    owner: str
    epoch: int
    session_id: str
    state: State
    lease: Lease  # what is registered again
    lasts: timedelta = ACTIVE_FOR


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


class Finding(StrEnum):
    """What the reaper found in a room that is overdue."""

    FREE = "free"
    PENDING = "pending"
    ALIVE = "alive"
    REAPED = "reaped"


@dataclass(frozen=True)
class Reap(Step[tuple[Finding, Lease | None]]):
    """Free a room whose bot is stale; a bot that beats, or may still start, is left alone."""

    room: Room
    stale_after: timedelta = STALE_AFTER


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
class Create(Step[None]):
    """Write a session's record and its first event."""

    session: Session


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
class Forget(Step[None]):
    """An ended session is no longer one of those that are on."""

    session_id: str


@dataclass(frozen=True)
class Note(Step[None]):
    """Put something that is not a change of state into a session's history."""

    session_id: str
    event: str
    epoch: int
    detail: str | None = None


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
    """A message's result, or None if it did not come in time."""

    session_id: str
    message_id: str
    wait: timedelta


@dataclass(frozen=True)
class Host:
    """A worker process and its slots."""

    id: str
    kind: str  # "bots" or "control"
    slots: int
    used: int
    incarnation: str
    draining: bool = False


@dataclass(frozen=True)
class Report(Step[None]):
    """A worker says that it lives and how full it is."""

    host: Host
    lasts: timedelta = timedelta(seconds=15)


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
class SinceLast(Step[timedelta | None]):
    """How long ago a periodic piece of work was last begun, anywhere; it is begun now.  None if that is unknown."""

    work: str


@dataclass(frozen=True)
class Push(Step[None]):
    """Put a message at the end of a queue."""

    queue: str
    message: str


@dataclass(frozen=True)
class Ping(Step[None]):
    """Whether the ledger answers at all."""


@dataclass(frozen=True)
class Now(Step[int]):
    """The ledger's own time in ms; ages are never reckoned with a worker's clock."""
