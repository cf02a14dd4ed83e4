"""Erasing a person: nothing of what they said, or of what is known of them, is left, in Redis or in SQL.

It may end anywhere and is done again from its beginning.  First it is noted that they are erased, so that nothing of
theirs from before, which is still on its way, is kept; then Redis forgets, then SQL.  Whoever comes back is new.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

import structlog

from greenroom.app.errors.users import UserInSession
from greenroom.app.rooms.brief import MAIN
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.ledger import Ledger, Step
from greenroom.app.rooms.outboxes import ReadOutbox, WaitingOutboxes, owner_of
from greenroom.app.rooms.overview import Overview
from greenroom.app.rooms.session_lists import ReadSessions
from greenroom.app.rooms.sessions import Session

NOTED_FOR = timedelta(days=30)  # longer than anything waits in Redis to be kept
STEPS_AT_ONCE = 100
REWRITES_WITHIN = timedelta(seconds=5)  # Redis: then whoever erases is not kept waiting any longer
WAITING_AT_MOST = 10_000  # conversations with turns that wait to be kept

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SessionsOf(Step[list[str]]):
    """The ids of a user's sessions, those that ended lately too."""

    user_id: str


@dataclass(frozen=True)
class ForgetConversation(Step[None]):
    """Nothing is known of a conversation any more."""

    conversation_id: str


@dataclass(frozen=True)
class ForgetWords(Step[None]):
    """What one person said, or was told, in somebody else's conversation is not known any more."""

    conversation_id: str
    person: str


@dataclass(frozen=True)
class ForgetSession(Step[None]):
    """Nothing is known of a session that has ended any more."""

    session_id: str


@dataclass(frozen=True)
class ForgetVisits(Step[None]):
    """That one person came to somebody else's session is not known any more."""

    session_id: str
    person: str


@dataclass(frozen=True)
class ForgetUser(Step[None]):
    """Which bot, sessions and voice rooms a user had is not known any more."""

    user_id: str


@dataclass(frozen=True)
class ForgetTold(Step[str]):
    """What happened to a user is not told to anybody who asks for it later, among some of what is told.

    Returns the place to go on from, or "" when all was looked at.
    """

    tenant: str
    user_id: str
    is_heard: bool  # whether it is that which is told to those who listen just now
    after: str = ""


@dataclass(frozen=True)
class IsRewriting(Step[bool]):
    """Whether Redis is writing its own file anew just now."""


@dataclass(frozen=True)
class RewriteFile(Step[None]):
    """Have Redis write its own file anew, in the background, without what it has forgotten.

    Refused while it is at that: what is forgotten meanwhile may be in the file that it writes.
    """


@dataclass(frozen=True)
class Traces:
    """Where something of a person is."""

    conversations: frozenset[str] = frozenset()  # their own
    sessions: frozenset[str] = frozenset()
    spoke_in: frozenset[str] = frozenset()  # somebody else's conversations
    came_to: frozenset[str] = frozenset()  # somebody else's sessions

    def __or__(self, other: "Traces") -> "Traces":
        return Traces(
            self.conversations | other.conversations,
            self.sessions | other.sessions,
            self.spoke_in | other.spoke_in,
            self.came_to | other.came_to,
        )


@dataclass(frozen=True)
class Account:
    """What is known of a user, in numbers."""

    counts: Mapping[str, int] = field(default_factory=dict)  # conversations, sessions, turns, facts
    last_seen_ms: int | None = None


@dataclass(frozen=True)
class Seen:
    """A user, and how much they have said."""

    user_id: str
    conversations: int
    turns: int
    last_ms: int | None  # when they were heard last


class KeptOfPeople(Protocol):
    """What is kept for good of people.  Each call raises DatabaseAway if it cannot be had in time."""

    def account(self, user_id: str) -> Account: ...

    def seen_last(self, limit: int) -> Sequence[Seen]:
        """The users who were heard last."""
        ...

    def facts(self, user_id: str) -> Sequence[Mapping[str, Any]]:
        """What is to be remembered of a user: key, text, and when that was said last."""
        ...

    def rows(self, user_id: str) -> Iterator[tuple[str, Iterable[Mapping[str, Any]]]]:
        """All that is kept of a user, by the names of what it is kept in."""
        ...

    def note_erased(self, user_id: str, at_ms: int, traces: Traces) -> Traces:
        """Keep nothing of theirs any more that is from before; returns the traces of them that are kept."""
        ...

    def is_known(self, user_id: str) -> bool:
        """Whether anything is kept of a user."""
        ...

    def erase(self, user_id: str) -> Mapping[str, int]:
        """Keep nothing of theirs; returns how much that was, by the names of what it was kept in."""
        ...


class Elsewhere(Protocol):
    """Another place in which something of people is kept: a backend of somebody's own."""

    def erase(self, tenant: str, user_id: str, at_ms: int) -> None:
        """Have nothing of theirs kept there that is from before.  Raises BackendAway if that is not done."""
        ...


class Erasing:
    """Erases people of one tenant."""

    def __init__(
        self,
        ledger: Ledger,
        kept: KeptOfPeople,
        tenant: str = MAIN,
        *,
        elsewhere: Elsewhere | None = None,
        redis_keeps_file: bool = False,
    ) -> None:
        """`redis_keeps_file` says that the Redis is one that may be told to write its own file anew."""
        self._ledger = ledger
        self._kept = kept
        self._tenant = tenant
        self._elsewhere = elsewhere
        self._redis_keeps_file = redis_keeps_file

    def erase(self, user_id: str) -> Mapping[str, int]:
        """Raises UserInSession while a bot is with them, and BackendAway where a backend has not done its part.

        Done twice, the second time there is nothing.
        """
        at_ms = self._ledger.run(Now())  # who begins a session after this is new
        self._refuse_if_on(user_id, at_ms)
        in_redis = self._traces(user_id)
        traces = in_redis | self._kept.note_erased(user_id, at_ms, in_redis)
        self._run([ForgetConversation(each) for each in traces.conversations])
        self._run([ForgetWords(each, user_id) for each in traces.spoke_in - traces.conversations])
        self._run([ForgetVisits(each, user_id) for each in traces.came_to - traces.sessions])
        self._run([ForgetSession(each) for each in traces.sessions])
        erased = self._kept.erase(user_id)
        if self._elsewhere:
            self._elsewhere.erase(self._tenant, user_id, at_ms)
        for is_heard in (False, True):
            self._forget_told(user_id, is_heard)
        self._run([ForgetUser(user_id)])  # last: it leads to the rest
        if self._redis_keeps_file:
            self._rewrite_file()
        return erased

    def _forget_told(self, user_id: str, is_heard: bool) -> None:
        after = self._ledger.run(ForgetTold(self._tenant, user_id, is_heard))
        while after:
            after = self._ledger.run(ForgetTold(self._tenant, user_id, is_heard, after))

    def _rewrite_file(self) -> None:
        """A small Redis never does it by itself, and its file would tell for ever what it has forgotten."""
        until = time.monotonic() + REWRITES_WITHIN.total_seconds()
        while self._ledger.run(IsRewriting()):
            if time.monotonic() > until:
                log.warning("redis_rewrite_failed", because="it is writing its file already")
                return
            time.sleep(0.05)
        self._ledger.run(RewriteFile())

    def _refuse_if_on(self, user_id: str, before_ms: int) -> None:
        overview, after = Overview(self._ledger), ""
        with_them = []
        while True:
            some, goes_on = overview.sessions(after, 1000)
            with_them += [
                each.id for each in some if self._is_with(each, user_id) and each.created_ms <= before_ms
            ]
            if goes_on is None:
                break
            after = goes_on
        if with_them:
            raise UserInSession(sessions=with_them)

    def _is_with(self, session: Session, user_id: str) -> bool:
        own = session.brief.tenant == self._tenant
        return own and (
            user_id in (session.brief.user_id, session.person)
            or session.conversation_owner == session.brief.owned_by(user_id)
        )

    def _traces(self, user_id: str) -> Traces:
        """In Redis: their sessions' and those that wait to be kept.  Of the latter each may have their words."""
        found: list[str] = self._ledger.run(SessionsOf(user_id))
        ids = tuple(found)
        sessions = [each for each in self._ledger.run(ReadSessions(ids)) if each]
        owned = {
            each.conversation_id
            for each in sessions
            if owner_of(each.conversation_owner) == self._of(user_id)
        } | {each.brief.conversation_id for each in sessions}
        waiting = self._ledger.run(WaitingOutboxes(WAITING_AT_MOST))
        outboxes = self._run([ReadOutbox(name, 1) for name in waiting])
        theirs = {each.conversation_id for each in outboxes if owner_of(each.owner) == self._of(user_id)}
        return Traces(frozenset(owned | theirs), frozenset(ids), frozenset(waiting) - theirs - owned)

    def _of(self, user_id: str) -> tuple[str, str]:
        return self._tenant, user_id

    def _run(self, steps: Sequence[Step[Any]]) -> list[Any]:
        results: list[Any] = []
        for first in range(0, len(steps), STEPS_AT_ONCE):
            results += self._ledger.run_all(steps[first : first + STEPS_AT_ONCE])
        return results
