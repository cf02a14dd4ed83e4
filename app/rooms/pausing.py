"""Pauses: a session's bot is silent and hears nothing, because somebody asked for it or its user is in another call.

The session's record says whether its bot is to be paused, and why.  Whoever changes that writes it there first and
then has the bot look (`HeedRecord`), so that of two who change it at once the record decides, and every next bot of the
session finds it.  A pause that is for another room's call lasts as long as the session's user is in that call: the bot
of that room begins and ends it, as its user comes and goes.  `PauseUpkeep` ends what that bot could not.
"""

from dataclasses import dataclass

import structlog

from greenroom.app.errors.limits import InboxFull
from greenroom.app.errors.sessions import NoSuchSession, SessionEnded
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.ledger import Ledger, Step
from greenroom.app.rooms.messages import ask, sending
from greenroom.app.rooms.procedures import Procedure
from greenroom.app.rooms.requests.changing import HeedRecord
from greenroom.app.rooms.session_events import ReadEvents
from greenroom.app.rooms.session_lists import ReadSessions
from greenroom.app.rooms.sessions import ON_STAGE, Call, Pause, ReadSession, Session, State
from greenroom.app.rooms.user_bots import ReadUserBot
from greenroom.app.rooms.visits import account_of

OVER = (State.LEAVING, State.ENDED)
LOOKED_AFTER_AT_ONCE = 100  # pauses, of which each may have a history to be read

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SetPause(Step[Session]):
    """Write into a session's record that its bot is to be paused, or not any more.  Doing it twice is once.

    With a call a pause changes none that somebody asked for, and its end none but that of the same call.  The session
    is listed among the `Paused` then, until `SeenTo`.  One that `is_known` is listed again, should Redis have lost the
    list, and changes nothing: the record is right.  Raises NoSuchSession; SessionEnded once it leaves.
    """

    session_id: str
    is_paused: bool
    call: Call | None = None  # for which it is paused; None: somebody asked for it
    by: str = ""  # who asked, where there is no call
    is_known: bool = False  # to the session's bot, as it was when that last read the record

    @property
    def pause(self) -> Pause | None:
        return Pause(self.call) if self.is_paused else None


@dataclass(frozen=True)
class Paused(Step[list[tuple[str, int]]]):
    """The ids of sessions whose pause is to be looked after, the longest first, each with its moment in ms."""

    limit: int = LOOKED_AFTER_AT_ONCE


@dataclass(frozen=True)
class SeenTo(Step[None]):
    """A session's pause needs no look any more, unless it has changed since a moment."""

    session_id: str
    since_ms: int


@dataclass(frozen=True)
class SetCall(Step[None]):
    """Write down that a person is in a call, or has left it."""

    person: str
    call: Call
    is_there: bool


@dataclass(frozen=True)
class ReadCall(Step[Call | None]):
    """The call that a person was last seen to come into, and not to leave; its bot may have died since."""

    person: str


class Pausing:
    """Pauses and resumes the bots of sessions.  Doing it twice is fine."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def pause(self, session_id: str, *, by: str) -> Session:
        """Have a session's bot fall silent; returns the session.  Raises NoSuchSession, SessionEnded, BotSilent."""
        return self._set(SetPause(session_id, is_paused=True, by=by))

    def resume(self, session_id: str, *, by: str) -> Session:
        """Have it speak again, whyever it was paused."""
        return self._set(SetPause(session_id, is_paused=False, by=by))

    def _set(self, step: SetPause) -> Session:
        session = self._ledger.run(step)
        if session.state not in ON_STAGE:  # it finds that in the record, as it starts, or is told once it has
            self._ledger.run(sending(session, HeedRecord()))
            return session
        ask(self._ledger, session, HeedRecord())
        return self._ledger.run(ReadSession(session_id=step.session_id))


def follow_call(person: str, call: Session, *, is_there: bool) -> Procedure[bool]:
    """Pause the own session of a person who has come into a call, or resume it as they leave; True if it changed.

    What else their session is paused for stays.
    """
    yield SetCall(person, Call(call.id, call.room), is_there)
    found = yield ReadUserBot(person)
    if found is None or found.session_id == call.id:
        return False
    try:
        before = yield ReadSession(found.session_id)
        if before.brief.user_id != person:
            return False
        step = SetPause(before.id, is_there, Call(call.id, call.room))
        session = yield step
        if session.version == before.version:
            return False
        yield sending(session, HeedRecord())
    except (NoSuchSession, SessionEnded, InboxFull):
        return False
    return True


def is_in_call(ledger: Ledger, person: str, call: Call) -> bool:
    """Whether a person who came into a call is in it still: it is on, and its history does not say that they left."""
    its, now_ms, events, last = ledger.run_all(
        [ReadSession(call.session_id), Now(), ReadEvents(call.session_id), ReadCall(person)]
    )
    if isinstance(its, NoSuchSession) or its.state in OVER or its.room != call.room:
        return False
    account = account_of(events, now_ms)
    visits = [visit for visit in account.visits if visit.identity == person]
    if visits:
        return visits[-1].left_ms is None
    # A history that does not say that they came is a long one, cut at its beginning; or Redis has lost it
    return last == call and all(each.identity != person for each in account.departures)


class PauseUpkeep:
    """Ends the pauses whose call is over, and reminds bots that were not told."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def look(self) -> int:
        """Look after the pauses; says how many were ended."""
        listed = self._ledger.run(Paused())
        if not listed:
            return 0
        sessions = self._ledger.run(ReadSessions(tuple(session_id for session_id, _ in listed)))
        ended = 0
        for (session_id, since_ms), session in zip(listed, sessions, strict=True):
            if session is None or session.state in OVER:
                self._ledger.run(SeenTo(session_id, since_ms))
            elif session.pause is not None and session.pause.call is not None:
                ended += self._end_if_over(session, session.pause.call)
            else:
                self._remind(session)
                self._ledger.run(SeenTo(session_id, since_ms))
        return ended

    def _end_if_over(self, session: Session, call: Call) -> bool:
        if is_in_call(self._ledger, session.brief.user_id, call):
            if session.state is State.LIVE:  # whoever paused it died before its bot was told
                self._remind(session)
            return False
        log.info("pause_ended", session_id=session.id, because="its user is not in the call any more")
        try:
            self._remind(self._ledger.run(SetPause(session.id, is_paused=False, call=call)))
        except (NoSuchSession, SessionEnded):
            return False
        return True

    def _remind(self, session: Session) -> None:
        """Have a bot look at its record; once for each change of it, however often the upkeep comes by."""
        step = sending(session, HeedRecord(), nonce=f"heed-{session.version}")
        try:
            self._ledger.run(step)
        except InboxFull:  # it is asked for much, and looks at its record with whatever comes first
            log.warning("pause_reminder_failed", session_id=session.id)
