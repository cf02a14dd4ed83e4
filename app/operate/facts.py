"""Reads the facts of an installation, in batches, and changes nothing.

The facts are read one after the other while everything goes on, so a session that is just starting or leaving
may look torn.  Rules that hold two of them against each other leave out what changed a moment ago.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from greenroom.app.errors.storage import RedisAway
from greenroom.app.queue_names import CONTROL, LAUNCHES
from greenroom.app.rooms.clock import Now, Ping
from greenroom.app.rooms.leases import ReadRoom, RoomView
from greenroom.app.rooms.ledger import Ledger, Step
from greenroom.app.rooms.line import FindPlace, Place, QueueLength
from greenroom.app.rooms.outboxes import ReadWaiting, Waiting, WaitingOutboxes
from greenroom.app.rooms.probes import (
    Condition,
    HaveLifetimes,
    KeptNames,
    LastRun,
    LeasedRooms,
    ReadCondition,
)
from greenroom.app.rooms.providers import Participant
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import Event, ReadEvents
from greenroom.app.rooms.session_lists import LastSession, LiveSessions, ReadSessions
from greenroom.app.rooms.sessions import Session
from greenroom.app.rooms.workers import Host, ReadHeld, ReadHosts

PINGS = 5  # the quickest one counts: the others may have waited behind other commands
OUTBOXES_AT_MOST = 1000  # whose turns are counted, those first that have waited for longest
BATCH = 200  # steps a round trip
SESSIONS_AT_MOST = 20_000
LOOKS_FOR = timedelta(
    seconds=1
)  # how long rooms and sessions are read; what was not read by then is left out
A_MOMENT = timedelta(
    seconds=15
)  # a session that changed so recently may be read half changed, and is left out
UNHEARD = timedelta(seconds=7)  # two beats missed
REAPED_WITHIN = timedelta(seconds=10)  # the reaper is due every 3 s; after this it is said not to run

T = TypeVar("T")


@dataclass(frozen=True)
class Reach:
    """How long a round trip to Redis takes, and by how much this machine's clock is ahead of Redis's."""

    there_and_back: timedelta
    ahead: timedelta
    now_ms: int  # Redis's own time


@dataclass(frozen=True)
class Fleet:
    """The workers, and the lengths of the queues."""

    hosts: Sequence[Host]
    since_reaped: timedelta | None
    launches: int
    chores: int

    def of_kind(self, kind: str) -> list[Host]:
        return [host for host in self.hosts if host.kind == kind]

    @property
    def bots(self) -> list[Host]:
        return self.of_kind("bots")

    @property
    def free(self) -> int:
        """The free slots: how many launches would start at once."""
        return sum(host.free for host in self.hosts)

    @property
    def is_reaped(self) -> bool:
        """Whether the reaper looks for dead bots, as far as can be told."""
        return self.since_reaped is not None and self.since_reaped <= REAPED_WITHIN


@dataclass(frozen=True)
class Occupied:
    """A slot that a worker reports as taken although its session has ended, or is unknown."""

    host: str
    owner: str  # worker, job, pid
    session: Session | None  # None: nothing is known of it


@dataclass(frozen=True)
class Database:
    """Where what was said is stored for good."""

    address: str  # as it may be shown
    why_not: str | None = None  # it cannot be used, if so


@dataclass(frozen=True)
class Facts:
    """The whole installation."""

    reach: Reach
    condition: Condition | None  # None: this Redis user may not run INFO
    fleet: Fleet
    sessions: Sequence[Session]  # those that are on, the oldest first
    rooms: dict[Room, RoomView]  # those that have a lease, or a session
    others: dict[str, Session | None]  # sessions that leases name and that are not on; None: unknown
    saw_all: bool
    occupied: Sequence[Occupied] = ()
    lasting: Sequence[str] = ()  # names of things that should go away by themselves, and do not
    servers: Mapping[str, str | None] = field(
        default_factory=dict
    )  # of rooms; why one does not answer, if so
    database: Database | None = None  # None: it was not asked
    waiting: Waiting | None = None  # to be stored

    def since(self, at_ms: int) -> timedelta:
        return _between(at_ms, self.reach.now_ms)


@dataclass(frozen=True)
class RoomFacts:
    """One room."""

    room: Room
    view: RoomView
    session: Session | None  # the lease's, else the last one
    events: list[Event]
    place: Place  # in the line of those that wait for a slot
    fleet: Fleet
    now_ms: int
    there: Sequence[Participant] | None = (
        None  # who is there, by the room's own server; None if it cannot tell
    )
    unasked: str | None = None  # why that server could not be asked

    def since(self, at_ms: int) -> timedelta:
        return _between(at_ms, self.now_ms)


def _between(at_ms: int, now_ms: int) -> timedelta:
    """How long ago that was; no time, if a process wrote it after the clock was read."""
    return timedelta(milliseconds=max(0, now_ms - at_ms))


def read(ledger: Ledger) -> Facts:
    """Raises RedisAway."""
    reach = measure(ledger)
    fleet = read_fleet(ledger)
    until = time.monotonic() + LOOKS_FOR.total_seconds()
    ids = ledger.run(LiveSessions(limit=SESSIONS_AT_MOST))
    found = list(_read_sessions(ledger, ids, until))
    sessions = [session for session in found if session]
    leased, saw_all = _leased_rooms(ledger, until)
    rooms = dict.fromkeys([*(session.room for session in sessions), *leased])
    views = dict(zip(rooms, _all(ledger, map(ReadRoom, rooms), until), strict=False))
    on = {session.id for session in sessions}
    named = {view.lease.session_id for view in views.values() if view.lease} - on
    others = dict(zip(named, _read_sessions(ledger, named, until), strict=False))
    return Facts(
        reach=reach,
        condition=_condition(ledger),
        fleet=fleet,
        sessions=sessions,
        rooms=views,
        others=others,
        occupied=_occupied(ledger, fleet, on, until),
        lasting=_lasting(ledger, until),
        waiting=_waiting(ledger),
        saw_all=saw_all
        and len(ids) < SESSIONS_AT_MOST
        and (len(found), len(views), len(others)) == (len(ids), len(rooms), len(named)),
    )


def read_room(ledger: Ledger, room: Room) -> RoomFacts:
    """Raises RedisAway."""
    view = ledger.run(ReadRoom(room))
    session_id = view.lease.session_id if view.lease else ledger.run(LastSession(room))
    session = next(iter(_read_sessions(ledger, [session_id], until=None)), None) if session_id else None
    return RoomFacts(
        room=room,
        view=view,
        session=session,
        events=ledger.run(ReadEvents(session_id)) if session_id else [],
        place=ledger.run(FindPlace(session_id or "")),
        fleet=read_fleet(ledger),
        now_ms=ledger.run(Now()),
    )


def measure(ledger: Ledger) -> Reach:
    """Raises RedisAway."""
    ledger.run(Ping())  # connects
    took = []
    for _ in range(PINGS):
        started = time.monotonic()
        ledger.run(Ping())
        took.append(time.monotonic() - started)
    before = time.time()
    now_ms = ledger.run(Now())
    here = (before + time.time()) / 2
    return Reach(timedelta(seconds=min(took)), timedelta(seconds=here - now_ms / 1000), now_ms)


def read_fleet(ledger: Ledger) -> Fleet:
    """Raises RedisAway."""
    since_reaped, launches, chores, hosts = ledger.run_all(
        [LastRun("reap"), QueueLength(LAUNCHES), QueueLength(CONTROL), ReadHosts()]
    )
    return Fleet(sorted(hosts, key=lambda host: host.id), since_reaped, launches, chores)


def _waiting(ledger: Ledger) -> Waiting:
    names = ledger.run(WaitingOutboxes(OUTBOXES_AT_MOST))
    return ledger.run(ReadWaiting(tuple(names)))


def _occupied(ledger: Ledger, fleet: Fleet, on: set[str], until: float) -> list[Occupied]:
    """Those that were found in time."""
    hosts = [host.id for host in fleet.bots if host.used]
    held = zip(hosts, _all(ledger, map(ReadHeld, hosts), until), strict=False)
    found = {
        session_id: (host, owner)
        for host, sessions in held
        for session_id, owner in sessions.items()
        if session_id not in on
    }
    sessions = _read_sessions(ledger, found, until)
    return [Occupied(*where, session) for where, session in zip(found.values(), sessions, strict=False)]


def _condition(ledger: Ledger) -> Condition | None:
    try:
        return ledger.run(ReadCondition())
    except RedisAway:  # it answered just now: so it is this question that is not allowed
        return None


def _leased_rooms(ledger: Ledger, until: float) -> tuple[list[Room], bool]:
    """Those that were found in time, and whether these are all."""
    rooms: list[Room] = []
    cursor = 0
    while time.monotonic() < until:
        try:
            cursor, found = ledger.run(LeasedRooms(cursor))
        except RedisAway:  # not allowed, either
            break
        rooms += found
        if cursor == 0:
            return rooms, True
    return rooms, False


def _lasting(ledger: Ledger, until: float) -> list[str]:
    """Those that were found in time."""
    lasting: list[str] = []
    cursor = 0
    while time.monotonic() < until:
        try:
            cursor, names = ledger.run(KeptNames(cursor))
            lasts = ledger.run(HaveLifetimes(tuple(names))) if names else []
        except RedisAway:  # not allowed, as above
            break
        lasting += [name for name, is_to_end in zip(names, lasts, strict=True) if not is_to_end]
        if cursor == 0:
            break
    return lasting


def _read_sessions(ledger: Ledger, ids: Iterable[str], until: float | None) -> Iterator[Session | None]:
    """Each session, None for one that is not there, until the time is over."""
    for some in _batches(ids):
        if until is not None and time.monotonic() > until:
            return
        yield from ledger.run(ReadSessions(tuple(some)))


def _all(ledger: Ledger, steps: Iterable[Step[Any]], until: float) -> Iterator[Any]:
    for some in _batches(steps):
        if time.monotonic() > until:
            return
        yield from ledger.run_all(some)


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
