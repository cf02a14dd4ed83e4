"""In which call a user is, and what has become of their own session: one truth for all their devices."""

from dataclasses import dataclass
from enum import StrEnum

from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.rooms.brief import Mode
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.pausing import OVER, ReadCall, is_in_call
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Call, ReadSession, Session, State
from greenroom.app.rooms.user_bots import ReadUserBot


class Active(StrEnum):
    """What a user is in."""

    NONE = "none"
    VOICE = "voice"
    FORUM = "forum"


class Status(StrEnum):
    """How far a session is, as a user's page shows it."""

    INACTIVE = "inactive"
    CONNECTING = "connecting"
    ACTIVE = "active"
    PAUSED = "paused"


@dataclass(frozen=True)
class Place:
    """A session of a user's, or a call in which they are, and how far that is."""

    status: Status = Status.INACTIVE
    room: Room | None = None
    session_id: str | None = None


@dataclass(frozen=True)
class Whereabouts:
    """Where a user is."""

    active: Active
    voice: Place
    forum: Place
    is_in_forum: bool


def whereabouts_of(ledger: Ledger, user_id: str) -> Whereabouts:
    """Where a user is: with their own bot, or in a forum, which may be another's.

    A forum is a session in the mode of one, or any other call than with one's own bot.
    """
    bot, call = ledger.run_all([ReadUserBot(user_id), ReadCall(user_id)])
    own = _session(ledger, bot.session_id) if bot else None
    elsewhere = call if call and (own is None or call.session_id != own.id) else None
    is_own_forum = own is not None and own.brief.mode is Mode.FORUM
    forum, is_in_forum = Place(), False
    if elsewhere is not None and is_in_call(ledger, user_id, elsewhere):
        forum, is_in_forum = _place(_session(ledger, elsewhere.session_id)), True
    elif own is not None and is_own_forum:
        forum, is_in_forum = (
            _place(own),
            is_in_call(ledger, user_id, Call(own.id, own.room)) and call is not None,
        )
    voice = Place() if is_own_forum else _place(own)
    if is_in_forum or (is_own_forum and forum.status is not Status.INACTIVE):
        active = Active.FORUM
    else:
        active = Active.NONE if voice.status is Status.INACTIVE else Active.VOICE
    return Whereabouts(active, voice, forum, is_in_forum)


def _session(ledger: Ledger, session_id: str) -> Session | None:
    """A session that is on."""
    try:
        session = ledger.run(ReadSession(session_id))
    except NoSuchSession:
        return None
    return None if session.state in OVER else session


def _place(session: Session | None) -> Place:
    if session is None:
        return Place()
    if session.state in (State.PENDING, State.JOINING, State.LOST):
        status = Status.CONNECTING
    else:
        status = Status.ACTIVE if session.pause is None else Status.PAUSED
    return Place(status, session.room, session.id)
