"""The ledger in memory: every step on plain dictionaries, with a clock that moves when told to."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import singledispatchmethod
from typing import Any, Generic, TypeVar

from app.errors import IllegalTransition, InboxFull, NoSuchSession, RedisAway
from app.rooms import steps
from app.rooms.room import Room
from app.rooms.sessions import FOLLOWERS, Event, Session, State
from app.storage.commands import EVENTS_KEPT, INBOX_HOLDS

V = TypeVar("V")
T = TypeVar("T")
MS = timedelta(milliseconds=1)


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

    def change(self, key: Any, value: V) -> None:
        self._values[key] = (value, self._values[key][1])

    def drop(self, *keys: Any) -> None:
        for key in keys:
            self._values.pop(key, None)


@dataclass(frozen=True)
class Grip:
    """A lease, and the process that adopted it."""

    lease: steps.Lease
    owner: str | None = None
    took_over: str | None = None


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
        self.wipe()

    def wipe(self) -> None:
        """Forget everything, as after FLUSHALL."""
        self._grips: Kept[Grip] = Kept(self._now)
        self._pulses: Kept[Pulse] = Kept(self._now)
        self._epochs: dict[Room, int] = {}
        self._configs: Kept[dict[str, object]] = Kept(self._now)
        self._marks: dict[Room, int] = {}
        self._sessions: Kept[Session] = Kept(self._now)
        self._events: dict[str, list[Event]] = {}
        self._live: dict[str, int] = {}
        self._inboxes: dict[str, Inbox] = {}
        self._answers: Kept[Any] = Kept(self._now)
        self._hosts: Kept[steps.Host] = Kept(self._now)
        self._turns: Kept[bool] = Kept(self._now)
        self.queues: dict[str, list[str]] = {}
        self._ran: dict[str, int] = {}

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

    def _is_stale(self, room: Room, stale_after: timedelta) -> bool:
        age = self._age(room)
        return age is None or age > stale_after

    @_do.register
    def _(self, step: steps.Claim) -> steps.Claimed | steps.Held:
        grip = self._grips.get(step.room)
        if grip is not None:
            if grip.lease.token == step.token:
                return steps.Claimed(grip.lease.epoch, grip.took_over)
            if grip.lease.status is steps.LeaseStatus.PENDING:
                return steps.Held(grip.lease, None, State.PENDING)
            pulse = self._pulses.get(step.room)
            if pulse is not None and not self._is_stale(step.room, step.stale_after):
                return steps.Held(grip.lease, self._age(step.room), pulse.state)
        took_over = grip.lease.session_id if grip else None
        epoch = max(self._epochs.get(step.room, 0) + 1, self._now() * 1000)
        lease = steps.Lease(
            status=steps.LeaseStatus.PENDING,
            session_id=step.session_id,
            epoch=epoch,
            since_ms=self._now(),
            bot=step.bot,
            user_id=step.user_id,
            personality=step.personality,
            mode=step.mode,
            token=step.token,
        )
        self._grips.put(step.room, Grip(lease, took_over=took_over), step.lasts)
        self._epochs[step.room] = epoch
        self._pulses.drop(step.room)
        self._configs.drop(step.room)
        return steps.Claimed(epoch, took_over)

    @_do.register
    def _(self, step: steps.Adopt) -> steps.Adoption:
        grip = self._grips.get(step.room)
        if grip is None or (grip.lease.token, grip.lease.epoch) != (step.token, step.epoch):
            return steps.Adoption.LAPSED
        if grip.lease.status is not steps.LeaseStatus.PENDING:
            return steps.Adoption.ADOPTED if grip.owner == step.owner else steps.Adoption.TAKEN
        lease = replace(grip.lease, status=steps.LeaseStatus.ACTIVE, host=step.host, job_id=step.job_id)
        self._grips.put(step.room, replace(grip, lease=lease, owner=step.owner), step.lasts)
        self._pulses.put(step.room, Pulse(self._now(), State.JOINING), step.lasts)
        return steps.Adoption.ADOPTED

    @_do.register
    def _(self, step: steps.Beat) -> steps.Beaten:
        self._marks[step.room] = self._now() + steps.STALE_AFTER // MS
        grip, outcome = self._grips.get(step.room), steps.Beaten.KEPT
        if grip is not None and grip.lease.epoch == step.epoch:
            if grip.owner != step.owner:
                return steps.Beaten.SUPERSEDED
            self._grips.put(step.room, grip, step.lasts)
        else:
            if max(grip.lease.epoch if grip else 0, self._epochs.get(step.room, 0)) > step.epoch:
                return steps.Beaten.SUPERSEDED
            self._grips.put(step.room, Grip(replace(step.lease, token=None), step.owner), step.lasts)
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
        self._epochs[step.room] = step.epoch + 1
        return True

    def free(self, room: Room) -> None:
        """The room is nobody's, and nobody was told."""
        for kept in (self._grips, self._pulses, self._configs):
            kept.drop(room)

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
        return True

    @_do.register
    def _(self, step: steps.ReadRoom) -> steps.RoomView:
        grip, pulse = self._grips.get(step.room), self._pulses.get(step.room)
        return steps.RoomView(
            lease=grip and grip.lease,
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
    def _(self, step: steps.Reap) -> tuple[steps.Finding, steps.Lease | None]:
        grip = self._grips.get(step.room)
        if grip is None:
            return steps.Finding.FREE, None
        if grip.lease.status is steps.LeaseStatus.PENDING:
            return steps.Finding.PENDING, grip.lease
        if not self._is_stale(step.room, step.stale_after):
            return steps.Finding.ALIVE, grip.lease
        self._epochs[step.room] = max(grip.lease.epoch + 1, self._now() * 1000)
        self.free(step.room)
        return steps.Finding.REAPED, grip.lease

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
    def _(self, step: steps.Create) -> None:
        session = replace(step.session, created_ms=self._now(), updated_ms=self._now())
        if self._sessions.get(session.id) is not None:
            return
        self._sessions.put(session.id, session, session.max_duration + steps.KEPT_AFTER_END)
        self._events[session.id] = [Event(self._next_id(), self._now(), session.state, session.epoch)]
        self._live[session.id] = self._now()

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
        self._sessions.change(session.id, session)
        self._tell(session.id, step.to, step.epoch, step.reason, step.detail)
        if step.to is State.ENDED:
            self._sessions.put(session.id, session, steps.KEPT_AFTER_END)
        return session

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

    @_do.register
    def _(self, step: steps.Note) -> None:
        if self._sessions.get(step.session_id) is not None:
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
    def _(self, step: steps.ReadEvents) -> list[Event]:
        def look() -> list[Event]:
            if self._sessions.get(step.session_id) is None:
                return []
            return [event for event in self._events[step.session_id] if _place(event.id) > _place(step.after)]

        return self._await(look, step.wait)

    # Messages

    @_do.register
    def _(self, step: steps.Send) -> str:
        messages = self._inboxes.setdefault(step.session_id, Inbox()).messages
        if len(messages) >= INBOX_HOLDS:
            raise InboxFull(session_id=step.session_id)
        message = steps.Message(self._next_id(), step.kind, dict(step.body), step.epoch)
        messages[message.id] = (message, self._now() + step.good_for // MS)
        return message.id

    @_do.register
    def _(self, step: steps.Receive) -> list[steps.Message]:
        def look() -> list[steps.Message]:
            return [
                replace(message, expired=good_until < self._now())
                for message, good_until in self._inboxes.setdefault(
                    step.session_id, Inbox()
                ).messages.values()
                if _place(message.id) > _place(step.after)
            ]

        return self._await(look, step.wait)

    @_do.register
    def _(self, step: steps.Answer) -> None:
        if self._inboxes.setdefault(step.session_id, Inbox()).messages.pop(step.message_id, None):
            self._answers.put((step.session_id, step.message_id), dict(step.result), timedelta(seconds=30))

    @_do.register
    def _(self, step: steps.AwaitAnswer) -> Any:
        key = (step.session_id, step.message_id)
        self._await(lambda: self._answers.get(key) is not None, step.wait)
        answer = self._answers.get(key)
        self._answers.drop(key)
        return answer

    # Workers

    @_do.register
    def _(self, step: steps.Report) -> None:
        self._hosts.put(step.host.id, step.host, step.lasts)

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
        return is_mine

    @_do.register
    def _(self, step: steps.SinceLast) -> timedelta | None:
        before, self._ran[step.work] = self._ran.get(step.work), self._now()
        return None if before is None else timedelta(milliseconds=self._now() - before)

    @_do.register
    def _(self, step: steps.Push) -> None:
        self.queues.setdefault(step.queue, []).append(step.message)

    @_do.register
    def _(self, step: steps.Ping) -> None:
        return None

    @_do.register
    def _(self, step: steps.Now) -> int:
        return self._now()


def _place(entry_id: str) -> tuple[int, int]:
    """Where an entry stands in its stream."""
    at_ms, _, number = entry_id.partition("-")
    return int(at_ms), int(number or 0)
