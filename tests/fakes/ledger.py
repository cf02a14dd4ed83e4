"""The ledger in memory: every step on plain dictionaries, with a clock that moves when told to."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import singledispatchmethod
from typing import Any, Generic, TypeVar

from greenroom.app.errors import IllegalTransition, InboxFull, NoSuchSession, RedisAway
from greenroom.app.rooms.clock import Now, Ping
from greenroom.app.rooms.conversations import Conversation, Erase, Record, Said
from greenroom.app.rooms.deadlines import Mark, Overdue, Unmark
from greenroom.app.rooms.handovers import HandOver, Ready, Turn, Yield
from greenroom.app.rooms.inbox import Answer, AwaitAnswer, Message, Receive, Send
from greenroom.app.rooms.leases import (
    DOUBT_KEEPS_FOR,
    DOUBT_LASTS,
    LOOKS_EVERY,
    SETTLES_WITHIN,
    SILENT_AT_MOST,
    STALE_AFTER,
    Adopt,
    Adoption,
    Beat,
    Beaten,
    Claim,
    Claimed,
    Finding,
    Held,
    Hold,
    Lease,
    LeaseStatus,
    NotYet,
    ReadRoom,
    Release,
    RoomView,
    Successor,
    Supersede,
    Withdraw,
    WriteConfig,
)
from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.line import FindPlace, LeaveLine, Line, Place, Push, QueueLength
from greenroom.app.rooms.probes import (
    Condition,
    HaveLifetimes,
    KeptNames,
    LastRun,
    LeasedRooms,
    ReadCondition,
)
from greenroom.app.rooms.rates import CountRequest, Once, TakeTurn
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.room_states import Open, Opened, ReadState, WriteState
from greenroom.app.rooms.sessions import (
    CRASHES_COUNT_FOR,
    FOLLOWERS,
    KEPT_AFTER_END,
    CountLaunch,
    Create,
    Created,
    Event,
    Forget,
    LastSession,
    Launching,
    LiveSessions,
    Note,
    Page,
    PageOfSessions,
    ReadEvents,
    ReadSession,
    ReadSessions,
    Session,
    State,
    Succeed,
    Succession,
    Transition,
)
from greenroom.app.rooms.vacancies import LastEmptied, NoteEmptied
from greenroom.app.rooms.workers import AskHost, Host, LivingHosts, ReadHeld, ReadHost, Report, Retire, Wish
from greenroom.app.storage.conversations import TURNS_KEPT
from greenroom.app.storage.inbox import INBOX_HOLDS, SENDING_KEPT_FOR
from greenroom.app.storage.line import IN_FRONT
from greenroom.app.storage.sessions import EVENTS_KEPT
from greenroom.app.storage.workers import WISH_KEPT_FOR

V = TypeVar("V")
T = TypeVar("T")
MS = timedelta(milliseconds=1)


A_SOUND_CONDITION = Condition(
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

    lease: Lease
    took_over: str | None = None
    doubted_ms: int | None = None
    heir: Heir | None = None
    yielded: tuple[str, int] | None = None

    @property
    def owner(self) -> str | None:
        return self.lease.owner

    def seen(self) -> Lease:
        heir = self.heir
        return replace(self.lease, successor=heir and Successor(heir.epoch, heir.is_ready))


@dataclass(frozen=True)
class Pulse:
    at_ms: int
    state: State


@dataclass
class Inbox:
    """What a session was asked, and until when each message is good."""

    messages: dict[str, tuple[Message, int]] = field(default_factory=dict)


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
        self._hosts: Kept[Host] = Kept(self._now)
        self._held: Kept[dict[str, str]] = Kept(self._now)
        self._wishes: Kept[Wish] = Kept(self._now)
        self._waiting: dict[str, int] = {}
        self._served_ms = 0
        self._users: dict[str, str] = {}  # by session
        self._sent: Kept[str] = Kept(self._now)
        self._conversations: Kept[list[Said]] = Kept(self._now)
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
        self._answered = self._answered + passed if passed <= SILENT_AT_MOST else timedelta(0)
        self._looked_at = now
        self._has_settled = self._has_settled or self._answered >= SETTLES_WITHIN
        return timedelta(0) if self._has_settled else SETTLES_WITHIN - self._answered

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

    def run(self, step: Step[T]) -> T:
        result: T = self.run_all([step])[0]
        return result

    def run_all(self, all_steps: Sequence[Step[Any]]) -> list[Any]:
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
            or (self._now() - doubted) * MS > DOUBT_KEEPS_FOR
            or doubted > self._now()
            or (pulse is not None and doubted < pulse.at_ms <= self._now())
        ):
            self._grips.change(room, replace(grip, doubted_ms=self._now()))
            return DOUBT_LASTS
        return max(timedelta(0), DOUBT_LASTS - (self._now() - doubted) * MS)

    def _next_epoch(self, room: Room, grip: Grip | None = None) -> int:
        last = max(self._epochs.get(room, 0), grip.lease.epoch if grip else 0)
        return max(last + 1, self._now() * 1000)

    @_do.register
    def _(self, step: Claim) -> Claimed | Held | NotYet:
        grip, session_id, took_over = self._grips.get(step.room), step.session_id, None
        brief = step.brief
        if grip is not None:
            lease = grip.lease
            if lease.token == step.token:
                return Claimed(lease.epoch, lease.session_id, grip.took_over)
            if lease.status is LeaseStatus.PENDING:
                self._grips.change(step.room, replace(grip, lease=replace(lease, asked_ms=self._now())))
                return Held(grip.seen(), None, State.PENDING)
            age, pulse = self._age(step.room), self._pulses.get(step.room)
            if pulse is not None and age is not None and abs(age) <= step.stale_after:
                return Held(grip.seen(), max(age, timedelta(0)), pulse.state)
            if left := self._doubt(step.room, grip):
                return NotYet(left)
            if (lease.brief.user_id, lease.brief.bot) == (brief.user_id, brief.bot):
                session_id, brief = lease.session_id, lease.brief
            else:
                took_over = lease.session_id
        else:
            if left := self._left_to_settle():
                return NotYet(min(left, LOOKS_EVERY))
        epoch = self._next_epoch(step.room)
        lease = Lease(
            status=LeaseStatus.PENDING,
            session_id=session_id,
            epoch=epoch,
            since_ms=self._now(),
            brief=brief,
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
        return Claimed(epoch, session_id, took_over)

    @_do.register
    def _(self, step: Adopt) -> tuple[Adoption, int]:
        grip = self._grips.get(step.room)
        if grip is None:
            return Adoption.LAPSED, 0
        heir = grip.heir
        if heir is not None and heir.token == step.token:
            if heir.owner not in (None, step.owner):
                return Adoption.TAKEN, 0
            heir = replace(heir, owner=step.owner, host=step.host, job_id=step.job_id)
            self._grips.change(step.room, replace(grip, heir=heir))
            return Adoption.NEXT, heir.epoch
        if grip.lease.token != step.token:
            return Adoption.LAPSED, 0
        if grip.lease.status is not LeaseStatus.PENDING:
            mine = grip.owner == step.owner
            return (Adoption.ADOPTED, grip.lease.epoch) if mine else (Adoption.TAKEN, 0)
        lease = replace(
            grip.lease,
            status=LeaseStatus.ACTIVE,
            owner=step.owner,
            host=step.host,
            job_id=step.job_id,
        )
        self._grips.put(step.room, replace(grip, lease=lease), step.lasts)
        self._pulses.put(step.room, Pulse(self._now(), State.JOINING), step.lasts)
        return Adoption.ADOPTED, lease.epoch

    @_do.register
    def _(self, step: Beat) -> tuple[Beaten, list[Message]]:
        self._marks[step.room] = self._now() + STALE_AFTER // MS
        return self._beat(step), self._unread(step.session_id, step.after)

    def _beat(self, step: Beat) -> Beaten:
        grip, outcome = self._grips.get(step.room), Beaten.KEPT
        if grip is not None and grip.lease.epoch == step.epoch:
            if grip.owner != step.owner:
                return Beaten.SUPERSEDED
            self._grips.put(step.room, grip, step.lasts)
        else:
            if max(grip.lease.epoch if grip else 0, self._epochs.get(step.room, 0)) > step.epoch:
                return Beaten.SUPERSEDED
            self._grips.put(step.room, Grip(replace(step.lease, token=None, owner=step.owner)), step.lasts)
            self._epochs[step.room] = step.epoch
            outcome = Beaten.REGISTERED
        self._pulses.put(step.room, Pulse(self._now(), step.state), step.lasts)
        return outcome

    @_do.register
    def _(self, step: Release) -> bool:
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
    def _(self, step: Withdraw) -> bool:
        grip = self._grips.get(step.room)
        if grip is None or grip.lease.status is not LeaseStatus.PENDING or grip.lease.epoch != step.epoch:
            return False
        self._grips.drop(step.room)
        self._configs.drop(step.room)
        self._close_all(step.room)
        return True

    @_do.register
    def _(self, step: Hold) -> bool:
        grip = self._grips.get(step.room)
        pending = grip is not None and grip.lease.status is LeaseStatus.PENDING
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
    def _(self, step: Supersede) -> tuple[Finding, Lease | None]:
        grip = self._grips.get(step.room)
        if grip is None:
            return Finding.FREE, None
        lease = grip.seen()
        if lease.token == step.token:
            return Finding.SUPERSEDED, lease
        if step.owner is not None and grip.heir is not None and grip.heir.owner == step.owner:
            kept = replace(grip.lease, status=LeaseStatus.ACTIVE)
            self._grips.change(step.room, replace(grip, lease=kept, heir=None))
            return Finding.OTHER, lease
        if step.owner not in (None, lease.owner) or step.epoch not in (None, lease.epoch):
            return Finding.OTHER, lease
        if lease.status is LeaseStatus.PENDING:
            return Finding.PENDING, lease
        age = self._age(step.room)
        is_known = age is not None and (age > -step.quiet_for or not step.raises_doubt)
        if is_known and step.quiet_for and age < step.quiet_for:
            return Finding.ALIVE, lease
        if step.raises_doubt and self._doubt(step.room, grip):
            return Finding.DOUBTED, lease
        epoch = self._next_epoch(step.room, grip)
        lease = replace(
            lease,
            status=LeaseStatus.PENDING,
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
        return Finding.SUPERSEDED, lease

    def _mine(self, room: Room, owner: str, epoch: int) -> Grip | None:
        grip = self._grips.get(room)
        return grip if grip and (grip.owner, grip.lease.epoch) == (owner, epoch) else None

    @_do.register
    def _(self, step: HandOver) -> int | None:
        grip = self._mine(step.room, step.owner, step.epoch)
        if grip is None:
            return None
        if grip.heir is None or grip.heir.token != step.token:
            self._epochs[step.room] = epoch = self._next_epoch(step.room, grip)
            lease = replace(grip.lease, status=LeaseStatus.MOVING)
            grip = replace(grip, lease=lease, heir=Heir(step.token, epoch))
            self._grips.change(step.room, grip)
        assert grip.heir is not None
        return grip.heir.epoch

    @_do.register
    def _(self, step: Ready) -> Turn:
        grip = self._grips.get(step.room)
        if grip is None:
            return Turn.LAPSED
        if (grip.lease.token, grip.owner) == (step.token, step.owner):
            return Turn.YOURS
        heir = grip.heir
        if heir is None or (heir.token, heir.owner) != (step.token, step.owner):
            return Turn.LAPSED
        self._grips.change(step.room, replace(grip, heir=replace(heir, is_ready=True)))
        return Turn.WAIT

    @_do.register
    def _(self, step: Yield) -> int | None:
        grip = self._grips.get(step.room)
        if grip and grip.yielded == (step.owner, step.epoch):
            return grip.lease.epoch
        grip = self._mine(step.room, step.owner, step.epoch)
        heir = grip and grip.heir
        if grip is None or heir is None or not heir.is_ready:
            return None
        lease = replace(
            grip.lease,
            status=LeaseStatus.ACTIVE,
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
    def _(self, step: ReadRoom) -> RoomView:
        grip, pulse = self._grips.get(step.room), self._pulses.get(step.room)
        return RoomView(
            lease=grip and grip.seen(),
            age=self._age(step.room),
            state=pulse and pulse.state,
            config=dict(self._configs.get(step.room) or {}),
        )

    @_do.register
    def _(self, step: WriteConfig) -> bool:
        grip = self._grips.get(step.room)
        if grip is None or grip.lease.epoch != step.epoch:
            return False
        merged = {**(self._configs.get(step.room) or {}), **step.changes}
        self._configs.put(step.room, {name: v for name, v in merged.items() if v is not None}, step.lasts)
        return True

    @_do.register
    def _(self, step: WriteState) -> bool:
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
    def _(self, step: ReadState) -> dict[Open, Opened]:
        return {name: it for name in Open if (it := self._opened.get((step.room, name)))}

    @_do.register
    def _(self, step: Mark) -> None:
        if not (step.unless_marked and step.room in self._marks):
            self._marks[step.room] = self._now() + step.within // MS

    @_do.register
    def _(self, step: Unmark) -> None:
        if self._marks.get(step.room, self._now() + 1) <= self._now():
            del self._marks[step.room]

    @_do.register
    def _(self, step: Overdue) -> list[Room]:
        overdue = [room for room, deadline in self._marks.items() if deadline <= self._now()]
        return sorted(overdue, key=lambda room: self._marks[room])[: step.limit]

    # Sessions

    @_do.register
    def _(self, step: Create) -> Created:
        session = replace(step.session, created_ms=self._now(), updated_ms=self._now())
        there = self._sessions.get(session.id)
        if there is not None and (there.epoch >= session.epoch or there.state is State.ENDED):
            return Created.THERE
        if step.launching and (refusal := self._limit(session.counts_for, step.launching)):
            return refusal
        self._sessions.put(session.id, session, session.brief.max_duration + KEPT_AFTER_END)
        before = self._events[session.id] if there is not None else []
        event = Event(self._next_id(), self._now(), session.state, session.epoch)
        self._events[session.id] = [*before, event]
        self._live[session.id] = self._now()
        self._last_sessions.put(session.room, session.id, session.brief.max_duration + KEPT_AFTER_END)
        self._users[session.id] = session.counts_for
        if step.launching:
            self._marks[session.room] = self._now() + step.launching.within // MS
            self._do(step.launching.push)
        return Created.WRITTEN

    def _limit(self, whose: str, launching: Launching) -> Created | None:
        mine = [session_id for session_id in self._live if self._users[session_id] == whose]
        in_line = [session_id for session_id in mine if session_id in self._waiting]
        limits, waiting = launching.limits, len(self._waiting)
        if len(self._live) >= limits.sessions:
            return Created.SESSIONS
        if waiting >= limits.line:
            return Created.LINE
        if len(mine) >= limits.user_sessions:
            return Created.USER_SESSIONS
        if waiting >= launching.free and len(in_line) >= limits.user_line:
            return Created.USER_LINE
        return None

    @_do.register
    def _(self, step: Transition) -> Session:
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
            self._sessions.put(session.id, session, KEPT_AFTER_END)
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
    def _(self, step: Forget) -> None:
        self._live.pop(step.session_id, None)
        self._waiting.pop(step.session_id, None)

    @_do.register
    def _(self, step: Succeed) -> Succession:
        session, now = self._session(step.session_id), self._now()
        crashes = session.crashes
        if step.is_crash:
            crashes = tuple(at for at in crashes if (now - at) * MS < CRASHES_COUNT_FOR)
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
        return Succession(session, len(crashes))

    @_do.register
    def _(self, step: Note) -> None:
        session = self._sessions.get(step.session_id)
        if session is not None:
            if step.person and step.epoch >= session.epoch:
                self._sessions.change(session.id, replace(session, person=step.person, alone_ms=0))
            self._tell(step.session_id, step.event, step.epoch, detail=step.detail)

    @_do.register
    def _(self, step: CountLaunch) -> int:
        session = self._session(step.session_id)
        self._sessions.change(session.id, replace(session, launches=session.launches + 1))
        return session.launches + 1

    @_do.register
    def _(self, step: ReadSession) -> Session:
        return self._session(step.session_id)

    @_do.register
    def _(self, step: LiveSessions) -> list[str]:
        return sorted(self._live, key=lambda session_id: self._live[session_id])[: step.limit]

    @_do.register
    def _(self, step: PageOfSessions) -> Page:
        since_ms, _, last = step.after.partition("-")
        after = (int(since_ms or -1), last)
        line = sorted((at_ms, session_id) for session_id, at_ms in self._live.items())
        left = [each for each in line if each > after]
        page = left[: step.limit]
        is_last = len(page) == len(left)
        return Page([session_id for _, session_id in page], None if is_last else "-".join(map(str, page[-1])))

    @_do.register
    def _(self, step: ReadSessions) -> list[Session | None]:
        return [self._sessions.get(session_id) for session_id in step.session_ids]

    @_do.register
    def _(self, step: ReadEvents) -> list[Event]:
        def look() -> list[Event]:
            if self._sessions.get(step.session_id) is None:
                return []
            return [event for event in self._events[step.session_id] if _place(event.id) > _place(step.after)]

        return self._await(look, step.wait)

    # Messages

    @_do.register
    def _(self, step: Send) -> str:
        sent = self._sent.get((step.session_id, step.nonce))
        if sent is not None:
            return sent
        messages = self._inboxes.setdefault(step.session_id, Inbox()).messages
        if len(messages) >= INBOX_HOLDS:
            raise InboxFull(session_id=step.session_id)
        message = Message(self._next_id(), step.kind, dict(step.body), step.epoch)
        messages[message.id] = (message, self._now() + step.good_for // MS)
        self._sent.put((step.session_id, step.nonce), message.id, SENDING_KEPT_FOR)
        return message.id

    @_do.register
    def _(self, step: Receive) -> list[Message]:
        return self._await(lambda: self._unread(step.session_id, step.after), step.wait)

    def _unread(self, session_id: str, after: str) -> list[Message]:
        return [
            replace(message, expired=good_until < self._now())
            for message, good_until in self._inboxes.setdefault(session_id, Inbox()).messages.values()
            if _place(message.id) > _place(after)
        ]

    @_do.register
    def _(self, step: Answer) -> None:
        if self._inboxes.setdefault(step.session_id, Inbox()).messages.pop(step.message_id, None):
            self._answers.put((step.session_id, step.message_id), dict(step.result), timedelta(seconds=30))

    @_do.register
    def _(self, step: AwaitAnswer) -> Any:
        key = (step.session_id, step.message_id)
        self._await(lambda: self._answers.get(key) is not None, step.wait)
        return self._answers.get(key)

    # Workers

    @_do.register
    def _(self, step: Report) -> Wish:
        self._left_to_settle()
        self._hosts.put(step.host.id, step.host, step.lasts)
        if step.held is None:
            self._wishes.drop(step.host.id)
        else:
            self._held.put(step.host.id, dict(step.held), KEPT_AFTER_END)
        return self._wishes.get(step.host.id) or Wish.WORK

    @_do.register
    def _(self, step: ReadHeld) -> dict[str, str]:
        return dict(self._held.get(step.host_id) or {})

    @_do.register
    def _(self, step: AskHost) -> None:
        self._wishes.put(step.host_id, step.wish, WISH_KEPT_FOR)

    @_do.register
    def _(self, step: Retire) -> None:
        self._hosts.drop(step.host_id)

    @_do.register
    def _(self, step: LivingHosts) -> list[str]:
        return [host_id for host_id in self._hosts._values if self._hosts.get(host_id)]

    @_do.register
    def _(self, step: ReadHost) -> Host | None:
        return self._hosts.get(step.host_id)

    @_do.register
    def _(self, step: TakeTurn) -> bool:
        is_mine = self._turns.get(step.work) is None
        if is_mine:
            self._turns.put(step.work, True, step.lasts)
        self._came.put(step.work, self._now(), KEPT_AFTER_END)
        return is_mine

    @_do.register
    def _(self, step: Once) -> bool:
        if self._once.get(step.what):
            return False
        self._once.put(step.what, True, step.lasts)
        if step.queue:
            self.queues.setdefault(step.queue, []).append(step.message)
        return True

    @_do.register
    def _(self, step: CountRequest) -> timedelta | None:
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
    def _(self, step: NoteEmptied) -> None:
        self._emptied.put(step.room, step.at_ms, KEPT_AFTER_END)

    @_do.register
    def _(self, step: LastEmptied) -> int | None:
        return self._emptied.get(step.room)

    @_do.register
    def _(self, step: Push) -> None:
        queue = self.queues.setdefault(step.queue, [])
        queue.insert(0 if step.in_front else len(queue), step.message)
        since = self._now() + (IN_FRONT // MS if step.in_front else 0)
        self._waiting.setdefault(step.session_id, since)

    def _line(self) -> list[str]:
        return sorted(self._waiting, key=lambda session_id: (self._waiting[session_id], session_id))

    @_do.register
    def _(self, step: FindPlace) -> Place:
        line = self._line()
        free = sum(host.free for host_id in self._hosts._values if (host := self._hosts.get(host_id)))
        ahead = line.index(step.session_id) if step.session_id in line else None
        since_ms = self._waiting.get(step.session_id, 0)
        return Place(ahead, len(line), free, since_ms, self._served_ms)

    @_do.register
    def _(self, step: Line) -> list[str]:
        return self._line()[: step.limit]

    @_do.register
    def _(self, step: LeaveLine) -> None:
        since_ms = self._waiting.pop(step.session_id, 0)
        if step.is_served and (self._now() - since_ms) * MS <= -IN_FRONT / 2:
            self._served_ms = max(self._served_ms, since_ms)

    @_do.register
    def _(self, step: QueueLength) -> int:
        return len(self.queues.get(step.queue, []))

    # Conversations

    def _is_overtaken(self, session_id: str, epoch: int) -> bool:
        session = self._sessions.get(session_id)
        return session is not None and session.epoch > epoch

    @_do.register
    def _(self, step: Record) -> bool:
        if self._is_overtaken(step.session_id, step.epoch):
            return False
        turns = self._conversations.get(step.session_id) or []
        if step.said.id not in {said.id for said in turns[-10:]}:
            turns = [*turns, replace(step.said, at_ms=self._now())][-TURNS_KEPT:]
            self._conversations.put(step.session_id, turns, KEPT_AFTER_END)
        return True

    @_do.register
    def _(self, step: Conversation) -> list[Said]:
        return list(self._conversations.get(step.session_id) or [])

    @_do.register
    def _(self, step: Erase) -> None:
        if not self._is_overtaken(step.session_id, step.epoch):
            self._conversations.drop(step.session_id)

    @_do.register
    def _(self, step: Ping) -> None:
        return None

    @_do.register
    def _(self, step: Now) -> int:
        return self._now()

    # For people who look

    @_do.register
    def _(self, step: ReadCondition) -> Condition:
        return self.condition

    @_do.register
    def _(self, step: LastRun) -> timedelta | None:
        came = self._came.get(step.work)
        return None if came is None else (self._now() - came) * MS

    @_do.register
    def _(self, step: LeasedRooms) -> tuple[int, list[Room]]:
        rooms = [room for room in self._grips._values if self._grips.get(room)]
        upto = step.cursor + step.batch
        return (upto if upto < len(rooms) else 0), rooms[step.cursor : upto]

    @_do.register
    def _(self, step: KeptNames) -> tuple[int, list[str]]:
        return 0, list(self.kept_names)

    @_do.register
    def _(self, step: HaveLifetimes) -> list[bool]:
        return [name not in self.lasting for name in step.names]

    @_do.register
    def _(self, step: LastSession) -> str | None:
        return self._last_sessions.get(step.room)


def _place(entry_id: str) -> tuple[int, int]:
    """Where an entry stands in its stream."""
    at_ms, _, number = entry_id.partition("-")
    return int(at_ms), int(number or 0)
