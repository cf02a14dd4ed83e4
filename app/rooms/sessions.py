"""A session's states, which of them may follow which, and how a session may end."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from greenroom.app.rooms.brief import Brief
from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.procedures import Underway
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import Happened


class State(StrEnum):
    """Where a session is in its life."""

    PENDING = "pending"
    JOINING = "joining"
    LIVE = "live"
    PAUSED = "paused"
    WAITING = "waiting"
    TRANSITIONING = "transitioning"  # to another room
    LEAVING = "leaving"
    LOST = "lost"
    ENDED = "ended"


class Reason(StrEnum):
    """Why a session ended.  The list is closed: a new way to end gets a name here first."""

    LEFT = "left"
    IDLE = "idle"
    NO_SHOW = "no_show"
    MAX_DURATION = "max_duration"
    SUPERSEDED = "superseded"
    MOVED_OUT = "moved_out"
    LAUNCH_FAILED = "launch_failed"
    NOT_ASKED_FOR = "not_asked_for"  # while it waited for a slot
    NO_SLOT = "no_slot"
    NO_WORKER = "no_worker"
    ROOM_GONE = "room_gone"
    EJECTED = "ejected"
    CRASHED_TOO_OFTEN = "crashed_too_often"
    SHUTDOWN = "shutdown"
    ERROR = "error"


_FROM_ANY = frozenset({State.LEAVING, State.LOST})

FOLLOWERS: Mapping[State, frozenset[State]] = {
    State.PENDING: _FROM_ANY | {State.JOINING, State.ENDED},
    State.JOINING: _FROM_ANY | {State.LIVE, State.ENDED},
    State.LIVE: _FROM_ANY | {State.PAUSED, State.WAITING, State.TRANSITIONING, State.ENDED},
    State.PAUSED: _FROM_ANY | {State.LIVE, State.WAITING, State.TRANSITIONING, State.ENDED},
    State.WAITING: _FROM_ANY | {State.LIVE, State.TRANSITIONING, State.ENDED},
    State.TRANSITIONING: _FROM_ANY | {State.LIVE, State.PAUSED, State.WAITING, State.ENDED},
    State.LEAVING: frozenset({State.LOST, State.ENDED}),
    State.LOST: frozenset({State.PENDING, State.ENDED}),
    State.ENDED: frozenset(),
}

ON_STAGE = frozenset({State.LIVE, State.PAUSED, State.WAITING, State.TRANSITIONING})


def predecessors(state: State) -> frozenset[State]:
    """The states that a session may come from into this one."""
    return frozenset(before for before, after in FOLLOWERS.items() if state in after)


@dataclass(frozen=True)
class Call:
    """A call in another room, for which a user's own session is paused while they are in it."""

    session_id: str  # whose bot has that room
    room: Room

    def to_json(self) -> str:
        return json.dumps({"session_id": self.session_id, "room_url": str(self.room)})

    @classmethod
    def from_json(cls, text: str) -> "Call":
        facts = json.loads(text)
        return cls(facts["session_id"], Room.parse(facts["room_url"]))


@dataclass(frozen=True)
class Pause:
    """A session's bot is to be silent, and hear nothing.  Without a call somebody asked for that."""

    call: Call | None = None

    def to_json(self) -> str:
        return self.call.to_json() if self.call else "{}"

    @classmethod
    def from_json(cls, text: str) -> "Pause":
        return cls(None if text == "{}" else Call.from_json(text))


@dataclass(frozen=True)
class LeaveAt:
    """A session ends then, as somebody asked, unless anybody comes before."""

    at_ms: int  # by Redis's clock
    detail: str  # who asked

    def to_json(self) -> str:
        return json.dumps({"at_ms": self.at_ms, "detail": self.detail})

    @classmethod
    def from_json(cls, text: str) -> "LeaveAt":
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Session:
    """One caller's bot in one room, from the join to its end, as its record tells it."""

    id: str
    room: Room
    brief: Brief
    epoch: int
    conversation_id: str = ""  # the brief's, until another person has begun another
    link: str | None = None  # that its user came by
    state: State = State.PENDING
    reason: Reason | None = None
    host: str | None = None
    person: str | None = None  # who talked with the bot last
    alone_ms: int = 0  # since when nobody has been with its bot; 0 while somebody is, or before it is live
    was_empty: bool = False  # whether all who had come were gone when the bot before this one was lost
    launches: int = 1  # how often its launch was put in the queue, under this epoch
    crashes: tuple[int, ...] = ()  # when its bots died, in ms
    procedure: Underway | None = None  # that a bot has begun, and the reaper finishes if it dies
    pause: Pause | None = None  # a fact beside the states: it outlives a crash, and an empty room
    leave: LeaveAt | None = None
    lasts: timedelta | None = None  # since it was requested, where that was changed; None: as its brief says
    came_from: tuple[Room, ...] = ()  # the rooms that it was in before, the last one last
    instead_of: str | None = None  # the session whose bot leaves once this one's is on stage
    version: int = 1
    created_ms: int = 0
    updated_ms: int = 0

    def __post_init__(self) -> None:
        if not self.conversation_id:
            object.__setattr__(self, "conversation_id", self.brief.conversation_id)

    @property
    def max_duration(self) -> timedelta:
        """How long it may last, since it was requested."""
        return self.brief.max_duration if self.lasts is None else self.lasts

    @property
    def conversation_owner(self) -> str:
        """Whose the conversation is: its user's, or the person's for whom it was begun."""
        is_as_asked = self.conversation_id == self.brief.conversation_id
        return self.brief.owner if is_as_asked or self.person is None else self.brief.owned_by(self.person)

    @property
    def conversation_user(self) -> str:
        """The user whose conversation it is."""
        return self.conversation_owner.partition("/")[2]

    @property
    def counts_for(self) -> str:
        """Whose limits it takes from: its user's, or the link's that they came by, which makes up users at will."""
        return f"link/{self.link}" if self.link else self.brief.user_id  # no user's id has a slash


CAME_FROM_AT_MOST = 50  # rooms that a session's record names: whoever has the API key may move it without end
STARTS_WITHIN = timedelta(seconds=10)  # then a launch is put in the queue again
KEPT_AFTER_END = timedelta(hours=24)
CRASHES_COUNT_FOR = timedelta(minutes=10)


@dataclass(frozen=True)
class Transition(Step[Session]):
    """Move a session to another state.

    Whoever decides by a state that they have read names it as `expected`: then a change that came in between is not
    overwritten.  A session's bot need not: it alone writes while it lives, in order, and Redis may have forgotten its
    last change.  Raises IllegalTransition, with the state that the session is in, where that is not the expected one,
    where FOLLOWERS does not allow the change, or where the session has a later epoch by now; NoSuchSession if it is
    unknown.
    """

    session_id: str
    to: State
    epoch: int
    expected: State | None = None
    reason: Reason | None = None
    detail: str | None = None
    host: str | None = None


@dataclass(frozen=True)
class Advance(Step[bool]):
    """Write into a session's record where a procedure of it stands.  Doing it twice is once.

    False, and nothing happens, if it stands elsewhere than `before`, so that of two who run it one goes on, or if the
    session has a later epoch by now.  Raises NoSuchSession.
    """

    session_id: str
    epoch: int
    before: Underway | None  # None: no procedure is under way
    after: Underway | None  # None: it is done


@dataclass(frozen=True)
class SetLeave(Step[None]):
    """Write into a session's record when it ends as somebody asked, or that it does not, so that its next bot knows.

    Nothing happens if the session has a later epoch by now, or is unknown.
    """

    session_id: str
    epoch: int
    leave: LeaveAt | None


@dataclass(frozen=True)
class SetBrief(Step[None]):
    """Write into a session's record how its bot is from now on, so that its next bot is the same.

    Nothing happens if the session has a later epoch by now, or is unknown.
    """

    session_id: str
    epoch: int
    brief: Brief


@dataclass(frozen=True)
class Succession:
    """A session as its next bot finds it."""

    session: Session
    crashes: int  # within CRASHES_COUNT_FOR


@dataclass(frozen=True)
class Succeed(Step[Succession]):
    """Write into a session's record that it goes on under a later epoch.  Doing it twice is once.

    A procedure that was under way is not any more.  A session that has ended, or is leaving, does not go on: its record
    stays.  Raises NoSuchSession.
    """

    session_id: str
    epoch: int
    event: State | Happened
    to: State | None = None  # None: it stays what it was
    reason: StrEnum | None = None  # the kind of the failure of the bot that was lost
    detail: str | None = None
    host: str | None = None  # where its bot is, once that is known
    is_crash: bool = False


@dataclass(frozen=True)
class CountLaunch(Step[int]):
    """Count one more launch of a session; returns how many there have been.  Raises NoSuchSession."""

    session_id: str


@dataclass(frozen=True)
class ReadSession(Step[Session]):
    """Raises NoSuchSession."""

    session_id: str
