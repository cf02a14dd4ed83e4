"""How long a session may last: its record says so, and whoever changes that has its bot look at the record."""

from dataclasses import dataclass
from datetime import timedelta

from greenroom.app.rooms.ledger import Ledger, Step
from greenroom.app.rooms.messages import ask, sending
from greenroom.app.rooms.requests.changing import HeedRecord
from greenroom.app.rooms.sessions import ON_STAGE, ReadSession, Session

LONGEST_SESSION = timedelta(hours=24)
# Before its end, while it still lasts longer than a session that is over at once: what its people are told by an event
TOLD_BEFORE_END = (timedelta(seconds=30), timedelta(seconds=10))
WARNED_BEFORE_END = timedelta(seconds=30)  # and in words
WARNED_FROM = 2 * WARNED_BEFORE_END  # a session that lasts no longer is not worth a warning in words


@dataclass(frozen=True)
class SetDuration(Step[Session]):
    """Write into a session's record how long it may last: by so much longer than until now, or so long in all.

    Raises NoSuchSession, SessionEnded, or DurationRefused.
    """

    session: Session
    more: timedelta | None = None
    lasts: timedelta | None = None


@dataclass(frozen=True)
class TimeLimits:
    """From now on: when the session's time is over, and when its people are told so before."""

    ends_in: timedelta
    warns_in: timedelta | None  # in words
    tells_in: tuple[tuple[timedelta, timedelta], ...]  # by events: when, and how much time is left then


def time_limits(session: Session, age: timedelta) -> TimeLimits:
    """Of a session that was requested so long ago.  What it is too late to tell is not told."""
    ends_in = max(timedelta(0), session.max_duration - age)
    return TimeLimits(
        ends_in,
        ends_in - WARNED_BEFORE_END if ends_in > WARNED_FROM else None,
        tuple((ends_in - left, left) for left in TOLD_BEFORE_END if ends_in > left),
    )


class Extending:
    """Changes how long sessions may last."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def extend(
        self, session_id: str, *, more: timedelta | None = None, lasts: timedelta | None = None
    ) -> Session:
        """Returns the session.  Raises NoSuchSession, SessionEnded, DurationRefused, BotSilent."""
        session = self._ledger.run(SetDuration(self._ledger.run(ReadSession(session_id)), more, lasts))
        if session.state in ON_STAGE:
            ask(self._ledger, session, HeedRecord())
        else:  # it finds that in the record, as it starts, or is told once it has
            self._ledger.run(sending(session, HeedRecord()))
        return session
