"""The ledger in memory: every step on plain dictionaries, with a clock that moves when told to."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import singledispatchmethod
from typing import Any, Generic, TypeVar

from greenroom.app.errors import IllegalTransition, InboxFull, NoSuchSession, RedisAway
from greenroom.app.rooms import steps
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import FOLLOWERS, Event, Session, State
from greenroom.app.rooms.state import Open, Opened
from greenroom.app.storage.commands import (
    EVENTS_KEPT,
    IN_FRONT,
    INBOX_HOLDS,
    SENDING_KEPT_FOR,
    TURNS_KEPT,
    WISH_KEPT_FOR,
)

V = TypeVar("V")
T = TypeVar("T")
MS = timedelta(milliseconds=1)


A_SOUND_CONDITION = steps.Condition(
    version="7.2.4",
    up=timedelta(days=3),
    used_bytes=12_000_000,
    limit_bytes=0,
    machine_bytes=8_000_000_000,
    drops="noeviction",
    is_kept=True,
)


class Kept(Generic[V]):
    """Values that go away when their time is over."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._values: dict[Any, tuple[V, int]] = {}

    def put(self, key: Any, value: V, lasts: timedelta) -> None:
        self._values[key] = (value, self._now() + lasts // MS)

    def get(self, key: Any) -> V | None:
        value, until = self._values.get(key, (None, 0))
        return value if until > self._now() else None

    def left(self, key: Any) -> timedelta:
        return (self._values[key][1] - self._now()) * MS

    def change(self, key: Any, value: V) -> None:
        self._values[key] = (value, self._values[key][1])

    def drop(self, *keys: Any) -> None:
        for key in keys:
            self._values.pop(key, None)


@dataclass(frozen=True)
class Heir:
    """Who shall have a room next."""

    token: str
    epoch: int
    owner: str | None = None
    host: str | None = None
    job_id: str | None = None
    is_ready: bool = False


@dataclass(frozen=True)
class Grip:
    """A lease, and what only the ledger knows of it."""

    lease: steps.Lease
    took_over: str | None = None
    doubted_ms: int | None = None
    heir: Heir | None = None
    yielded: tuple[str, int] | None = None

    @property
    def owner(self) -> str | None:
        return self.lease.owner

    def seen(self) -> steps.Lease:
        heir = self.heir
        return replace(self.lease, successor=heir and steps.Successor(heir.epoch, heir.is_ready))


@dataclass(frozen=True)
class Pulse:
    at_ms: int
    state: State


@dataclass
class Inbox:
    """What a session was asked, and until when each message is good."""

    messages: dict[str, tuple[steps.Message, int]] = field(default_factory=dict)


class InMemoryLedger:
    """Keeps the state of one test.  Time stands still until `pass_time`.

    Where a step waits and there is nothing yet, `meanwhile` is done first: what
    others would do in that time.
    """

    def __init__(self) -> None:
        self._lock = threading.Condition(threading.RLock())
        self._is_away = False
        self._last_id = 0
        self._now_ms = 1_790_000_000_000
        self.meanwhile: list[Callable[[], None]] = []
        self.condition = A_SOUND_CONDITION
        self.kept_names: list[str] = []  # what a keeper that has names for it would say
        self.lasting: set[str] = set()
        self.wipe()
        self.settle()

    def wipe(self) -> None:
        """Forget everything, as after FLUSHALL."""
        self._grips: Kept[Grip] = Kept(self._now)
        self._pulses: Kept[Pulse] = Kept(self._now)
        self._epochs: dict[Room, int] = {}
        self._configs: Kept[dict[str, object]] = Kept(self._now)
        self._opened: Kept[Opened] = Kept(self._now)
        self._marks: dict[Room, int] = {}
        self._sessions: Kept[Session] = Kept(self._now)
        self._events: dict[str, list[Event]] = {}
        self._live: dict[str, int] = {}
        self._inboxes: dict[str, Inbox] = {}
        self._answers: Kept[Any] = Kept(self._now)
        self._hosts: Kept[steps.Host] = Kept(self._now)
        self._held: Kept[dict[str, str]] = Kept(self._now)
        self._wishes: Kept[steps.Wish] = Kept(self._now)
        self._waiting: dict[str, int] = {}
        self._served_ms = 0
        self._users: dict[str, str] = {}  # by session
        self._sent: Kept[str] = Kept(self._now)
        self._conversations: Kept[list[steps.Said]] = Kept(self._now)
        self._has_settled = False
        self._answered = timedelta(0)  # since it lost everything
        self._looked_at: int | None = None
        self._came: Kept[int] = Kept(self._now)
        self._last_sessions: Kept[str] = Kept(self._now)
        self._turns: Kept[bool] = Kept(self._now)
        self._once: Kept[bool] = Kept(self._now)
        self._emptied: Kept[int] = Kept(self._now)
        self._requests: Kept[int] = Kept(self._now)
        self.queues: dict[str, list[str]] = {}

    def settle(self) -> None:
        """Everybody who lives has had the time to say so."""
        self._has_settled = True

    def _left_to_settle(self) -> timedelta:
        """How long until it gives rooms away, after it lost everything."""
        now = self._now()
        passed = timedelta(0) if self._looked_at is None else (now - self._looked_at) * MS
        self._answered = self._answered + passed if passed <= steps.SILENT_AT_MOST else timedelta(0)
        self._looked_at = now
        self._has_settled = self._has_settled or self._answered >= steps.SETTLES_WITHIN
        return timedelta(0) if self._has_settled else steps.SETTLES_WITHIN - self._answered

    def pass_time(self, by: timedelta) -> None:
        self._now_ms += by // MS

    @contextmanager
    def away(self) -> Iterator[None]:
        """For as long as the block lasts, nothing answers."""
        self._is_away = True
        try:
            yield
        finally:
            self._is_away = False

    def run(self, step: steps.Step[T]) -> T:
        result: T = self.run_all([step])[0]
        return result

    def run_all(self, all_steps: Sequence[steps.Step[Any]]) -> list[Any]:
        if self._is_away:
            raise RedisAway
        results = []
        for step in all_steps:
            with self._lock:
                results.append(self._do(step))
                self._lock.notify_all()
        return results

    def _now(self) -> int:
        return self._now_ms

    def _next_id(self) -> str:
        self._last_id += 1
        return f"{self._now_ms}-{self._last_id}"

    def _await(self, look: Callable[[], V], wait: timedelta) -> V:
        if not look() and wait:
            for act in self.meanwhile:
                act()
            self._lock.wait_for(look, wait.total_seconds())
        return look()

    @singledispatchmethod
    def _do(self, step: Any) -> Any:
        raise TypeError(f"no way to do {type(step).__name__}")

    # Rooms and leases

    def _age(self, room: Room) -> timedelta | None:
        pulse = self._pulses.get(room)
        return None if pulse is None else (self._now() - pulse.at_ms) * MS

    def _doubt(self, room: Room, grip: Grip) -> timedelta:
        """How much longer the bot of a stale lease is given; a doubt that does not count is raised anew."""
        doubted, pulse = grip.doubted_ms, self._pulses.get(room)
        if (
            doubted is None
            or (self._now() - doubted) * MS > steps.DOUBT_KEEPS_FOR
            or doubted > self._now()
            or (pulse is not None and doubted < pulse.at_ms <= self._now())
        ):
            self._grips.change(room, replace(grip, doubted_ms=self._now()))
            return steps.DOUBT_LASTS
        return max(timedelta(0), steps.DOUBT_LASTS - (self._now() - doubted) * MS)

    def _next_epoch(self, room: Room, grip: Grip | None = None) -> int:
        last = max(self._epochs.get(room, 0), grip.lease.epoch if grip else 0)
        return max(last + 1, self._now() * 1000)

    @_do.register
    def _(self, step: steps.Claim) -> steps.Claimed | steps.Held | steps.NotYet:
        grip, session_id, took_over = self._grips.get(step.room), step.session_id, None
        personality, mode = step.personality, step.mode
        if grip is not None:
            lease = grip.lease
            if lease.token == step.token:
                return steps.Claimed(lease.epoch, lease.session_id, grip.took_over)
            if lease.status is steps.LeaseStatus.PENDING:
                self._grips.change(step.room, replace(grip, lease=replace(lease, asked_ms=self._now())))
                return steps.Held(grip.seen(), None, State.PENDING)
            age, pulse = self._age(step.room), self._pulses.get(step.room)
            if pulse is not None and age is not None and abs(age) <= step.stale_after:
                return steps.Held(grip.seen(), max(age, timedelta(0)), pulse.state)
            if left := self._doubt(step.room, grip):
                return steps.NotYet(left)
            if (lease.user_id, lease.bot) == (step.user_id, step.bot):
                session_id, personality, mode = lease.session_id, lease.personality, lease.mode
            else:
                took_over = lease.session_id
        else:
            if left := self._left_to_settle():
                return steps.NotYet(min(left, steps.LOOKS_EVERY))
        epoch = self._next_epoch(step.room)
        lease = steps.Lease(
            status=steps.LeaseStatus.PENDING,
            session_id=session_id,
            epoch=epoch,
            since_ms=self._now(),
            bot=step.bot,
            user_id=step.user_id,
            personality=personality,
            mode=mode,
            token=step.token,
            asked_ms=self._now(),
            lasts=step.lasts,
        )
        self._grips.put(step.room, Grip(lease, took_over), step.lasts)
        self._epochs[step.room] = epoch
        self._pulses.drop(step.room)
        if session_id == step.session_id:
            self._configs.drop(step.room)
            self._close_all(step.room)
        return steps.Claimed(epoch, session_id, took_over)

    @_do.register
    def _(self, step: steps.Adopt) -> tuple[steps.Adoption, int]:
        grip = self._grips.get(step.room)
        if grip is None:
            return steps.Adoption.LAPSED, 0
        heir = grip.heir
        if heir is not None and heir.token == step.token:
            if heir.owner not in (None, step.owner):
                return steps.Adoption.TAKEN, 0
            heir = replace(heir, owner=step.owner, host=step.host, job_id=step.job_id)
            self._grips.change(step.room, replace(grip, heir=heir))
            return steps.Adoption.NEXT, heir.epoch
        if grip.lease.token != step.token:
            return steps.Adoption.LAPSED, 0
        if grip.lease.status is not steps.LeaseStatus.PENDING:
            mine = grip.owner == step.owner
            return (steps.Adoption.ADOPTED, grip.lease.epoch) if mine else (steps.Adoption.TAKEN, 0)
        lease = replace(
            grip.lease,
            status=steps.LeaseStatus.ACTIVE,
            owner=step.owner,
            host=step.host,
            job_id=step.job_id,
        )
        self._grips.put(step.room, replace(grip, lease=lease), step.lasts)
        self._pulses.put(step.room, Pulse(self._now(), State.JOINING), step.lasts)
        return steps.Adoption.ADOPTED, lease.epoch

    @_do.register
    def _(self, step: steps.Beat) -> tuple[steps.Beaten, list[steps.Message]]:
        self._marks[step.room] = self._now() + steps.STALE_AFTER // MS
        return self._beat(step), self._unread(step.session_id, step.after)

    def _beat(self, step: steps.Beat) -> steps.Beaten:
        grip, outcome = self._grips.get(step.room), steps.Beaten.KEPT
        if grip is not None and grip.lease.epoch == step.epoch:
            if grip.owner != step.owner:
                return steps.Beaten.SUPERSEDED
            self._grips.put(step.room, grip, step.lasts)
        else:
            if max(grip.lease.epoch if grip else 0, self._epochs.get(step.room, 0)) > step.epoch:
                return steps.Beaten.SUPERSEDED
            self._grips.put(step.room, Grip(replace(step.lease, token=None, owner=step.owner)), step.lasts)
            self._epochs[step.room] = step.epoch
            outcome = steps.Beaten.REGISTERED
        self._pulses.put(step.room, Pulse(self._now(), step.state), step.lasts)
        return outcome

    @_do.register
    def _(self, step: steps.Release) -> bool:
        grip = self._grips.get(step.room)
        if grip is None or (grip.owner, grip.lease.epoch) != (step.owner, step.epoch):
            return False
        self.free(step.room)
        self._epochs[step.room] = max(self._epochs.get(step.room, 0), step.epoch + 1)
        return True

    def free(self, room: Room) -> None:
        """The room is nobody's, and nobody was told."""
        for kept in (self._grips, self._pulses, self._configs):
            kept.drop(room)
        self._close_all(room)

    def _close_all(self, room: Room) -> None:
        self._opened.drop(*((room, name) for name in Open))

    @_do.register
    def _(self, step: steps.Withdraw) -> bool:
        grip = self._grips.get(step.room)
        if (
            grip is None
            or grip.lease.status is not steps.LeaseStatus.PENDING
            or grip.lease.epoch != step.epoch
        ):
            return False
        self._grips.drop(step.room)
        self._configs.drop(step.room)
        self._close_all(step.room)
        return True

    @_do.register
    def _(self, step: steps.Hold) -> bool:
        grip = self._grips.get(step.room)
        pending = grip is not None and grip.lease.status is steps.LeaseStatus.PENDING
        if grip is None or not pending or grip.lease.epoch != step.epoch:
            return False
        if step.tries is not None:
            is_again = step.tries > max(1, grip.lease.tries)
            tried_ms = self._now() if is_again else grip.lease.tried_ms
            grip = replace(grip, lease=replace(grip.lease, tries=step.tries, tried_ms=tried_ms))
            self._grips.change(step.room, grip)
        if self._grips.left(step.room) < step.lasts:
            self._grips.put(step.room, grip, step.lasts)
        return True

    @_do.register
    def _(self, step: steps.Supersede) -> tuple[steps.Finding, steps.Lease | None]:
        grip = self._grips.get(step.room)
        if grip is None:
            return steps.Finding.FREE, None
        lease = grip.seen()
        if lease.token == step.token:
            return steps.Finding.SUPERSEDED, lease
        if step.owner is not None and grip.heir is not None and grip.heir.owner == step.owner:
            kept = replace(grip.lease, status=steps.LeaseStatus.ACTIVE)
            self._grips.change(step.room, replace(grip, lease=kept, heir=None))
            return steps.Finding.OTHER, lease
        if step.owner not in (None, lease.owner) or step.epoch not in (None, lease.epoch):
            return steps.Finding.OTHER, lease
        if lease.status is steps.LeaseStatus.PENDING:
            return steps.Finding.PENDING, lease
        age = self._age(step.room)
        is_known = age is not None and (age > -step.quiet_for or not step.raises_doubt)
        if is_known and step.quiet_for and age < step.quiet_for:
            return steps.Finding.ALIVE, lease
        if step.raises_doubt and self._doubt(step.room, grip):
            return steps.Finding.DOUBTED, lease
        epoch = self._next_epoch(step.room, grip)
        lease = replace(
            lease,
            status=steps.LeaseStatus.PENDING,
            epoch=epoch,
            token=step.token,
            since_ms=self._now(),
            asked_ms=self._now(),
            lasts=step.lasts,
            tries=1,
            tried_ms=0,
            owner=None,
            host=None,
            job_id=None,
            successor=None,
        )
        self._grips.put(step.room, Grip(lease), step.lasts)
        self._epochs[step.room] = epoch
        self._pulses.drop(step.room)
        return steps.Finding.SUPERSEDED, lease

    def _mine(self, room: Room, owner: str, epoch: int) -> Grip | None:
        grip = self._grips.get(room)
        return grip if grip and (grip.owner, grip.lease.epoch) == (owner, epoch) else None

    @_do.register
    def _(self, step: steps.HandOver) -> int | None:
        grip = self._mine(step.room, step.owner, step.epoch)
        if grip is None:
            return None
        if grip.heir is None or grip.heir.token != step.token:
            self._epochs[step.room] = epoch = self._next_epoch(step.room, grip)
            lease = replace(grip.lease, status=steps.LeaseStatus.MOVING)
            grip = replace(grip, lease=lease, heir=Heir(step.token, epoch))
            self._grips.change(step.room, grip)
        assert grip.heir is not None
        return grip.heir.epoch

    @_do.register
    def _(self, step: steps.Ready) -> steps.Turn:
        grip = self._grips.get(step.room)
        if grip is None:
            return steps.Turn.LAPSED
        if (grip.lease.token, grip.owner) == (step.token, step.owner):
            return steps.Turn.YOURS
        heir = grip.heir
        if heir is None or (heir.token, heir.owner) != (step.token, step.owner):
            return steps.Turn.LAPSED
        self._grips.change(step.room, replace(grip, heir=replace(heir, is_ready=True)))
        return steps.Turn.WAIT

    @_do.register
    def _(self, step: steps.Yield) -> int | None:
        grip = self._grips.get(step.room)
        if grip and grip.yielded == (step.owner, step.epoch):
            return grip.lease.epoch
        grip = self._mine(step.room, step.owner, step.epoch)
        heir = grip and grip.heir
        if grip is None or heir is None or not heir.is_ready:
            return None
        lease = replace(
            grip.lease,
            status=steps.LeaseStatus.ACTIVE,
            epoch=heir.epoch,
            owner=heir.owner,
            token=heir.token,
            host=heir.host,
            job_id=heir.job_id,
        )
        self._grips.put(step.room, Grip(lease, yielded=(step.owner, step.epoch)), step.lasts)
        self._pulses.put(step.room, Pulse(self._now(), step.state), step.lasts)
        return heir.epoch

    @_do.register
    def _(self, step: steps.ReadRoom) -> steps.RoomView:
        grip, pulse = self._grips.get(step.room), self._pulses.get(step.room)
        return steps.RoomView(
            lease=grip and grip.seen(),
            age=self._age(step.room),
            state=pulse and pulse.state,
            config=dict(self._configs.get(step.room) or {}),
        )

    @_do.register
    def _(self, step: steps.WriteConfig) -> bool:
        grip = self._grips.get(step.room)
        if grip is None or grip.lease.epoch != step.epoch:
            return False
        merged = {**(self._configs.get(step.room) or {}), **step.changes}
        self._configs.put(step.room, {name: v for name, v in merged.items() if v is not None}, step.lasts)
        return True

    @_do.register
    def _(self, step: steps.WriteState) -> bool:
        grip = self._grips.get(step.room)
        if grip is None or (grip.owner, grip.lease.epoch) != (step.owner, step.epoch):
            return False
        for name, it in step.changes.items():
            if it is None:
                self._opened.drop((step.room, name))
            else:
                self._opened.put((step.room, name), it, step.lasts)
        return True

    @_do.register
    def _(self, step: steps.ReadState) -> dict[Open, Opened]:
        return {name: it for name in Open if (it := self._opened.get((step.room, name)))}

    @_do.register
    def _(self, step: steps.Mark) -> None:
        if not (step.unless_marked and step.room in self._marks):
            self._marks[step.room] = self._now() + step.within // MS

    @_do.register
    def _(self, step: steps.Unmark) -> None:
        if self._marks.get(step.room, self._now() + 1) <= self._now():
            del self._marks[step.room]

    @_do.register
    def _(self, step: steps.Overdue) -> list[Room]:
        overdue = [room for room, deadline in self._marks.items() if deadline <= self._now()]
        return sorted(overdue, key=lambda room: self._marks[room])[: step.limit]

    # Sessions

    @_do.register
    def _(self, step: steps.Create) -> steps.Created:
        session = replace(step.session, created_ms=self._now(), updated_ms=self._now())
        there = self._sessions.get(session.id)
        if there is not None and (there.epoch >= session.epoch or there.state is State.ENDED):
            return steps.Created.THERE
        if step.launching and (refusal := self._limit(session.counts_for, step.launching)):
            return refusal
        self._sessions.put(session.id, session, session.max_duration + steps.KEPT_AFTER_END)
        before = self._events[session.id] if there is not None else []
        event = Event(self._next_id(), self._now(), session.state, session.epoch)
        self._events[session.id] = [*before, event]
        self._live[session.id] = self._now()
        self._last_sessions.put(session.room, session.id, session.max_duration + steps.KEPT_AFTER_END)
        self._users[session.id] = session.counts_for
        if step.launching:
            self._marks[session.room] = self._now() + step.launching.within // MS
            self._do(step.launching.push)
        return steps.Created.WRITTEN

    def _limit(self, whose: str, launching: steps.Launching) -> steps.Created | None:
        mine = [session_id for session_id in self._live if self._users[session_id] == whose]
        in_line = [session_id for session_id in mine if session_id in self._waiting]
        limits, waiting = launching.limits, len(self._waiting)
        if len(self._live) >= limits.sessions:
            return steps.Created.SESSIONS
        if waiting >= limits.line:
            return steps.Created.LINE
        if len(mine) >= limits.user_sessions:
            return steps.Created.USER_SESSIONS
        if waiting >= launching.free and len(in_line) >= limits.user_line:
            return steps.Created.USER_LINE
        return None

    @_do.register
    def _(self, step: steps.Transition) -> Session:
        session = self._session(step.session_id)
        here = session.state is step.to
        if session.epoch > step.epoch or not (here or step.to in FOLLOWERS[session.state]):
            raise IllegalTransition(session_id=session.id, state=session.state, to=str(step.to))
        if here:
            return session
        session = replace(
            session,
            state=step.to,
            reason=step.reason or session.reason,
            host=step.host or session.host,
            version=session.version + 1,
            updated_ms=self._now(),
        )
        if step.to is State.WAITING or (step.to is State.LIVE and session.person is None):
            session = self._alone(session)
        self._sessions.change(session.id, session)
        self._tell(session.id, step.to, step.epoch, step.reason, step.detail)
        if step.to is State.ENDED:
            self._sessions.put(session.id, session, steps.KEPT_AFTER_END)
        return session

    def _alone(self, session: Session) -> Session:
        return replace(session, alone_ms=session.alone_ms or self._now())

    def _session(self, session_id: str) -> Session:
        session = self._sessions.get(session_id)
        if session is None:
            raise NoSuchSession(session_id=session_id)
        return session

    def _tell(
        self, session_id: str, event: str, epoch: int, reason: str | None = None, detail: str | None = None
    ) -> None:
        events = self._events[session_id]
        events.append(Event(self._next_id(), self._now(), event, epoch, reason, detail))
        del events[:-EVENTS_KEPT]

    @_do.register
    def _(self, step: steps.Forget) -> None:
        self._live.pop(step.session_id, None)
        self._waiting.pop(step.session_id, None)

    @_do.register
    def _(self, step: steps.Succeed) -> steps.Succession:
        session, now = self._session(step.session_id), self._now()
        crashes = session.crashes
        if step.is_crash:
            crashes = tuple(at for at in crashes if (now - at) * MS < steps.CRASHES_COUNT_FOR)
        goes_on = session.state not in (State.ENDED, State.LEAVING)
        if goes_on and step.epoch > session.epoch:
            crashes = (*crashes, now) if step.is_crash else crashes
            session = replace(
                session,
                epoch=step.epoch,
                state=step.to or session.state,
                updated_ms=now,
                version=session.version + 1,
                launches=1,
                crashes=crashes,
            )
            if step.to is State.PENDING and session.person is not None:
                session = self._alone(session)
            self._sessions.change(session.id, session)
            self._tell(session.id, step.event, step.epoch, detail=step.detail)
            if step.to:
                self._tell(session.id, step.to, step.epoch)
        if goes_on and step.epoch >= session.epoch and step.host:
            session = replace(session, host=step.host)
            self._sessions.change(session.id, session)
        return steps.Succession(session, len(crashes))

    @_do.register
    def _(self, step: steps.Note) -> None:
        session = self._sessions.get(step.session_id)
        if session is not None:
            if step.person and step.epoch >= session.epoch:
                self._sessions.change(session.id, replace(session, person=step.person, alone_ms=0))
            self._tell(step.session_id, step.event, step.epoch, detail=step.detail)

    @_do.register
    def _(self, step: steps.CountLaunch) -> int:
        session = self._session(step.session_id)
        self._sessions.change(session.id, replace(session, launches=session.launches + 1))
        return session.launches + 1

    @_do.register
    def _(self, step: steps.ReadSession) -> Session:
        return self._session(step.session_id)

    @_do.register
    def _(self, step: steps.LiveSessions) -> list[str]:
        return sorted(self._live, key=lambda session_id: self._live[session_id])[: step.limit]

    @_do.register
    def _(self, step: steps.PageOfSessions) -> steps.Page:
        since_ms, _, last = step.after.partition("-")
        after = (int(since_ms or -1), last)
        line = sorted((at_ms, session_id) for session_id, at_ms in self._live.items())
        left = [each for each in line if each > after]
        page = left[: step.limit]
        is_last = len(page) == len(left)
        return steps.Page(
            [session_id for _, session_id in page], None if is_last else "-".join(map(str, page[-1]))
        )

    @_do.register
    def _(self, step: steps.ReadSessions) -> list[Session | None]:
        return [self._sessions.get(session_id) for session_id in step.session_ids]

    @_do.register
    def _(self, step: steps.ReadEvents) -> list[Event]:
        def look() -> list[Event]:
            if self._sessions.get(step.session_id) is None:
                return []
            return [event for event in self._events[step.session_id] if _place(event.id) > _place(step.after)]

        return self._await(look, step.wait)

    # Messages

    @_do.register
    def _(self, step: steps.Send) -> str:
        sent = self._sent.get((step.session_id, step.nonce))
        if sent is not None:
            return sent
        messages = self._inboxes.setdefault(step.session_id, Inbox()).messages
        if len(messages) >= INBOX_HOLDS:
            raise InboxFull(session_id=step.session_id)
        message = steps.Message(self._next_id(), step.kind, dict(step.body), step.epoch)
        messages[message.id] = (message, self._now() + step.good_for // MS)
        self._sent.put((step.session_id, step.nonce), message.id, SENDING_KEPT_FOR)
        return message.id

    @_do.register
    def _(self, step: steps.Receive) -> list[steps.Message]:
        return self._await(lambda: self._unread(step.session_id, step.after), step.wait)

    def _unread(self, session_id: str, after: str) -> list[steps.Message]:
        return [
            replace(message, expired=good_until < self._now())
            for message, good_until in self._inboxes.setdefault(session_id, Inbox()).messages.values()
            if _place(message.id) > _place(after)
        ]

    @_do.register
    def _(self, step: steps.Answer) -> None:
        if self._inboxes.setdefault(step.session_id, Inbox()).messages.pop(step.message_id, None):
            self._answers.put((step.session_id, step.message_id), dict(step.result), timedelta(seconds=30))

    @_do.register
    def _(self, step: steps.AwaitAnswer) -> Any:
        key = (step.session_id, step.message_id)
        self._await(lambda: self._answers.get(key) is not None, step.wait)
        return self._answers.get(key)

    # Workers

    @_do.register
    def _(self, step: steps.Report) -> steps.Wish:
        self._left_to_settle()
        self._hosts.put(step.host.id, step.host, step.lasts)
        if step.held is None:
            self._wishes.drop(step.host.id)
        else:
            self._held.put(step.host.id, dict(step.held), steps.KEPT_AFTER_END)
        return self._wishes.get(step.host.id) or steps.Wish.WORK

    @_do.register
    def _(self, step: steps.ReadHeld) -> dict[str, str]:
        return dict(self._held.get(step.host_id) or {})

    @_do.register
    def _(self, step: steps.AskHost) -> None:
        self._wishes.put(step.host_id, step.wish, WISH_KEPT_FOR)

    @_do.register
    def _(self, step: steps.Retire) -> None:
        self._hosts.drop(step.host_id)

    @_do.register
    def _(self, step: steps.LivingHosts) -> list[str]:
        return [host_id for host_id in self._hosts._values if self._hosts.get(host_id)]

    @_do.register
    def _(self, step: steps.ReadHost) -> steps.Host | None:
        return self._hosts.get(step.host_id)

    @_do.register
    def _(self, step: steps.TakeTurn) -> bool:
        is_mine = self._turns.get(step.work) is None
        if is_mine:
            self._turns.put(step.work, True, step.lasts)
        self._came.put(step.work, self._now(), steps.KEPT_AFTER_END)
        return is_mine

    @_do.register
    def _(self, step: steps.Once) -> bool:
        if self._once.get(step.what):
            return False
        self._once.put(step.what, True, step.lasts)
        if step.queue:
            self.queues.setdefault(step.queue, []).append(step.message)
        return True

    @_do.register
    def _(self, step: steps.CountRequest) -> timedelta | None:
        for who, at_most in step.whose.items():
            made = (self._requests.get(who) or 0) + 1
            if made == 1:
                self._requests.put(who, made, step.within)
            else:
                self._requests.change(who, made)
            if made > at_most:
                return self._requests.left(who)
        return None

    @_do.register
    def _(self, step: steps.NoteEmptied) -> None:
        self._emptied.put(step.room, step.at_ms, steps.KEPT_AFTER_END)

    @_do.register
    def _(self, step: steps.LastEmptied) -> int | None:
        return self._emptied.get(step.room)

    @_do.register
    def _(self, step: steps.Push) -> None:
        queue = self.queues.setdefault(step.queue, [])
        queue.insert(0 if step.in_front else len(queue), step.message)
        since = self._now() + (IN_FRONT // MS if step.in_front else 0)
        self._waiting.setdefault(step.session_id, since)

    def _line(self) -> list[str]:
        return sorted(self._waiting, key=lambda session_id: (self._waiting[session_id], session_id))

    @_do.register
    def _(self, step: steps.FindPlace) -> steps.Place:
        line = self._line()
        free = sum(host.free for host_id in self._hosts._values if (host := self._hosts.get(host_id)))
        ahead = line.index(step.session_id) if step.session_id in line else None
        since_ms = self._waiting.get(step.session_id, 0)
        return steps.Place(ahead, len(line), free, since_ms, self._served_ms)

    @_do.register
    def _(self, step: steps.Line) -> list[str]:
        return self._line()[: step.limit]

    @_do.register
    def _(self, step: steps.LeaveLine) -> None:
        since_ms = self._waiting.pop(step.session_id, 0)
        if step.is_served and (self._now() - since_ms) * MS <= -IN_FRONT / 2:
            self._served_ms = max(self._served_ms, since_ms)

    @_do.register
    def _(self, step: steps.QueueLength) -> int:
        return len(self.queues.get(step.queue, []))

    # Conversations

    def _is_overtaken(self, session_id: str, epoch: int) -> bool:
        session = self._sessions.get(session_id)
        return session is not None and session.epoch > epoch

    @_do.register
    def _(self, step: steps.Record) -> bool:
        if self._is_overtaken(step.session_id, step.epoch):
            return False
        turns = self._conversations.get(step.session_id) or []
        if step.said.id not in {said.id for said in turns[-10:]}:
            turns = [*turns, replace(step.said, at_ms=self._now())][-TURNS_KEPT:]
            self._conversations.put(step.session_id, turns, steps.KEPT_AFTER_END)
        return True

    @_do.register
    def _(self, step: steps.Conversation) -> list[steps.Said]:
        return list(self._conversations.get(step.session_id) or [])

    @_do.register
    def _(self, step: steps.Erase) -> None:
        if not self._is_overtaken(step.session_id, step.epoch):
            self._conversations.drop(step.session_id)

    @_do.register
    def _(self, step: steps.Ping) -> None:
        return None

    @_do.register
    def _(self, step: steps.Now) -> int:
        return self._now()

    # For people who look

    @_do.register
    def _(self, step: steps.ReadCondition) -> steps.Condition:
        return self.condition

    @_do.register
    def _(self, step: steps.LastRun) -> timedelta | None:
        came = self._came.get(step.work)
        return None if came is None else (self._now() - came) * MS

    @_do.register
    def _(self, step: steps.LeasedRooms) -> tuple[int, list[Room]]:
        rooms = [room for room in self._grips._values if self._grips.get(room)]
        upto = step.cursor + step.batch
        return (upto if upto < len(rooms) else 0), rooms[step.cursor : upto]

    @_do.register
    def _(self, step: steps.KeptNames) -> tuple[int, list[str]]:
        return 0, list(self.kept_names)

    @_do.register
    def _(self, step: steps.HaveLifetimes) -> list[bool]:
        return [name not in self.lasting for name in step.names]

    @_do.register
    def _(self, step: steps.LastSession) -> str | None:
        return self._last_sessions.get(step.room)


def _place(entry_id: str) -> tuple[int, int]:
    """Where an entry stands in its stream."""
    at_ms, _, number = entry_id.partition("-")
    return int(at_ms), int(number or 0)
