"""What follows from what happens in a room: `attendance.py` says so, and `bots/stay/carrying_out.py` does it."""

from dataclasses import dataclass
from datetime import timedelta

from greenroom.app.rooms.session_events import NO_APPEARANCE, Appearance, Happened
from greenroom.app.rooms.sessions import LeaveAt, Reason, State


@dataclass(frozen=True)
class SetClock:
    """End the session for this reason after this time, unless the clock is stopped or set anew before."""

    after: timedelta
    reason: Reason
    detail: str | None = None


@dataclass(frozen=True)
class KeepLeave:
    """Write down when the session ends as somebody asked, or that it does not, for a bot that comes after this one."""

    leave: LeaveAt | None


@dataclass(frozen=True)
class StopClock:
    """Somebody is there: the session does not end for want of people."""


@dataclass(frozen=True)
class Enter:
    """The session is in this state now."""

    state: State


@dataclass(frozen=True)
class BeginConversation:
    """Another person is here: they must not hear what was said before, nor may it be written down as theirs."""

    person: str


@dataclass(frozen=True)
class ShowOpenThings:
    """Tell the clients what is open in the room, for one that has just come."""


@dataclass(frozen=True)
class CleanUp:
    """Nobody is left for whom the bot says, thinks or looks up anything."""


@dataclass(frozen=True)
class ReadAnew:
    """Somebody is back: what the bot knows of them, and what it is, may have changed meanwhile."""


@dataclass(frozen=True)
class CancelAnswer:
    """What the bot is saying is not to be said."""


@dataclass(frozen=True)
class FallSilent:
    """Neither speak nor hear nor think from now on; the bot stays connected."""


@dataclass(frozen=True)
class SpeakAgain:
    """Hear, think and speak as before."""


@dataclass(frozen=True)
class WriteEvent:
    """Put into the session's history that a person came or went; who came is the session's person from now on."""

    event: Happened
    person: str
    appearance: Appearance = NO_APPEARANCE


@dataclass(frozen=True)
class End:
    """End the session."""

    reason: Reason
    detail: str | None = None


@dataclass(frozen=True)
class Park:
    """Let the session wait without a bot; it gets its next one when there is a slot."""


Consequence = (
    SetClock
    | KeepLeave
    | StopClock
    | Enter
    | BeginConversation
    | ShowOpenThings
    | CleanUp
    | ReadAnew
    | CancelAnswer
    | FallSilent
    | SpeakAgain
    | WriteEvent
    | End
    | Park
)
