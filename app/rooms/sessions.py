"""A session's states, which of them may follow which, and how a session may end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from greenroom.app.rooms.room import Room


class State(StrEnum):
    """Where a session is in its life."""

    PENDING = "pending"
    JOINING = "joining"
    LIVE = "live"
    PAUSED = "paused"
    WAITING = "waiting"
    MOVING = "moving"
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


FORUM = "forum"  # the mode in which a bot is seen; in "voice" it is only heard

_FROM_ANY = frozenset({State.LEAVING, State.LOST})

FOLLOWERS: Mapping[State, frozenset[State]] = {
    State.PENDING: _FROM_ANY | {State.JOINING, State.ENDED},
    State.JOINING: _FROM_ANY | {State.LIVE, State.ENDED},
    State.LIVE: _FROM_ANY | {State.PAUSED, State.WAITING, State.MOVING, State.ENDED},
    State.PAUSED: _FROM_ANY | {State.LIVE, State.WAITING, State.ENDED},
    State.WAITING: _FROM_ANY | {State.LIVE, State.ENDED},
    State.MOVING: _FROM_ANY | {State.LIVE, State.ENDED},
    State.LEAVING: frozenset({State.LOST, State.ENDED}),
    State.LOST: frozenset({State.PENDING, State.ENDED}),
    State.ENDED: frozenset(),
}

ON_STAGE = frozenset({State.LIVE, State.PAUSED, State.WAITING, State.MOVING})


def predecessors(state: State) -> frozenset[State]:
    """The states that a session may come from into this one."""
    return frozenset(before for before, after in FOLLOWERS.items() if state in after)


@dataclass(frozen=True)
class Session:
    """One bot's stay with one conversation, as its record tells it."""

    id: str
    room: Room
    user_id: str
    bot: str
    personality: str
    mode: str
    persistence: timedelta  # how long the bot waits in an empty room
    max_duration: timedelta
    epoch: int
    persona: str | None = None
    voice: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    link: str | None = None  # that its user came by
    state: State = State.PENDING
    reason: Reason | None = None
    host: str | None = None
    person: str | None = None  # who talked with the bot last
    alone_ms: int = 0  # since when nobody has been with its bot; 0 while somebody is, or before it is live
    launches: int = 1  # how often its launch was put in the queue, under this epoch
    crashes: tuple[int, ...] = ()  # when its bots died, in ms
    version: int = 1
    created_ms: int = 0
    updated_ms: int = 0

    @property
    def counts_for(self) -> str:
        """Whose limits it takes from: its user's, or the link's that they came by, which makes up users at will."""
        return f"link/{self.link}" if self.link else self.user_id  # no user's id has a slash


@dataclass(frozen=True)
class Event:
    """One line of a session's history."""

    id: str
    at_ms: int
    event: str
    epoch: int
    reason: str | None = None
    detail: str | None = None
