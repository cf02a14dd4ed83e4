"""How long a bot waits in an empty room: the session's persistence, which is `SESSION_PERSISTENCE` (five minutes) where
the join did not ask for another; two minutes where nobody has come yet; and as long as somebody asked for who left.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from greenroom.app.rooms.consequences import KeepLeave, SetClock
from greenroom.app.rooms.happenings import LeaveAsked
from greenroom.app.rooms.sessions import LeaveAt, Reason, Session

# A session that nobody ever came to ends, so that its slot is free again
NO_SHOW_AFTER = timedelta(minutes=2)
# A person whose bot was replaced needs this long to reconnect, however short their session's persistence is
COMES_BACK_WITHIN = timedelta(seconds=30)


class Waiting:
    """Whether one bot waits for people, and when it gives up."""

    def __init__(
        self,
        session: Session,
        *,
        age: timedelta,
        takes_over: bool = False,
        persistence: Callable[[], timedelta] | None = None,
    ) -> None:
        """`age` is the session's when this bot adopted it; one that `takes_over` has the call of another bot.

        `persistence` is how long it waits now, where that may have been changed since the session was joined.
        """
        self._session = session
        self._changed_persistence = persistence
        self._age = age
        self._takes_over = takes_over
        self._leave: LeaveAsked | None = None  # that is to happen, unless somebody comes
        self.is_on = False

    @property
    def is_as_asked(self) -> bool:
        """Whether it ends when somebody asked for it, whoever is there."""
        return self._leave is not None

    def goes_on_in(self, session: Session) -> None:
        """The session as another bot has left it, or as it is in another room."""
        self._session = session

    def begins(self) -> SetClock:
        """The last person has left."""
        return self._set_clock(self._persistence, Reason.IDLE)

    def begins_anew(self) -> Sequence[SetClock]:
        """The time for which it waits was changed: it waits so long from now on, but for a leave that was asked for."""
        return [self.begins()] if self.is_on and not self.is_as_asked else []

    def begins_as_asked(self, asked: LeaveAsked) -> Sequence[SetClock | KeepLeave]:
        """Whoever is there goes by their own word, and said how long the bot shall wait."""
        self._leave = asked
        clock = self._set_clock(asked.teardown_delay, Reason.LEFT, asked.detail)
        in_all = self._age + asked.after + asked.teardown_delay
        at_ms = self._session.created_ms + int(in_all.total_seconds() * 1000)
        return [clock, KeepLeave(LeaveAt(at_ms, asked.detail))]

    def take_up_leave(self, after: timedelta) -> None:
        """End when the bot before this one was asked to."""
        kept = self._session.leave
        if self._leave is None and kept is not None:
            left_ms = kept.at_ms - self._session.created_ms
            left = timedelta(milliseconds=left_ms) - self._age - after
            self._leave = LeaveAsked(max(timedelta(0), left), kept.detail)

    def for_somebody(
        self, people: frozenset[str], after: timedelta, *, last_person: str | None
    ) -> Sequence[SetClock]:
        """Somebody will come, or come back, unless they are among the people who are there."""
        if self._leave is not None:
            return [self._set_clock(self._leave.teardown_delay, Reason.LEFT, self._leave.detail)]
        if people:
            return []
        alone_for, persistence = self._alone_for(after), self._persistence
        if last_person is None:
            return [self._set_clock(NO_SHOW_AFTER - alone_for, Reason.NO_SHOW)]
        if self._takes_over and alone_for:  # a call that was handed over: they had gone before
            return [self._set_clock(persistence - alone_for, Reason.IDLE)]
        return [self._set_clock(max(persistence - alone_for, COMES_BACK_WITHIN), Reason.IDLE)]

    def goes_on_for_somebody(self, anybody_came: bool) -> Sequence[SetClock | KeepLeave]:
        """Somebody is on their way: one who joins a moment before the time is over finds the bot there."""
        forgotten = self._forget_leave()
        if not self.is_on:
            return forgotten
        if not anybody_came:
            return [self._set_clock(NO_SHOW_AFTER, Reason.NO_SHOW), *forgotten]
        persistence = max(self._persistence, COMES_BACK_WITHIN)
        return [self._set_clock(persistence, Reason.IDLE), *forgotten]

    def end(self) -> list[KeepLeave]:
        """Somebody is there."""
        self.is_on = False
        return self._forget_leave()

    def suspend(self) -> None:
        """The bot makes a move, and waits for nobody meanwhile; a leave that was asked for is kept."""
        self.is_on = False

    @property
    def _persistence(self) -> timedelta:
        changed = self._changed_persistence
        return self._session.brief.persistence if changed is None else changed()

    def _forget_leave(self) -> list[KeepLeave]:
        was_kept, self._leave = self._leave is not None or self._session.leave is not None, None
        self._session = replace(self._session, leave=None)
        return [KeepLeave(None)] if was_kept else []

    def _set_clock(self, after: timedelta, reason: Reason, detail: str | None = None) -> SetClock:
        self.is_on = True
        return SetClock(max(timedelta(0), after), reason, detail)

    def _alone_for(self, after: timedelta) -> timedelta:
        """How long nobody has been with the session's bots, this one and those before it."""
        session = self._session
        if not session.alone_ms:
            return timedelta(0)
        before = self._age - timedelta(milliseconds=session.alone_ms - session.created_ms)
        return max(timedelta(0), before + after)
