"""The fleet: who works, and how workers are emptied and replaced without ending a call.

A worker does what is wanted of it itself; these functions ask it, and tell what they see until it is done.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from greenroom.app.errors.families import Conflict, Missing
from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.errors.storage import RedisAway
from greenroom.app.operate.wording import columns, count, duration, listed, moment, rfc3339
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.leases import LeaseStatus, ReadRoom
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import ReadSession, State
from greenroom.app.rooms.timings import WORKER_GONE_AFTER
from greenroom.app.rooms.workers import AskHost, Host, ReadHeld, ReadHost, ReadHosts, RequestedState

REACTS_WITHIN = timedelta(
    seconds=15
)  # a worker that lives reports every second, and learns then what is wanted
EMPTY_WITHIN = timedelta(minutes=10)
BACK_WITHIN = timedelta(minutes=2)  # a worker loads its models first
RETURNS_WITHIN = timedelta(seconds=5)  # a worker that has lost Redis for a moment; later, it has ended
LOOK_EVERY = timedelta(seconds=0.5)

Say = Callable[[str], None]


class NoSuchWorker(Missing):
    """There is no worker of that name."""

    kind = "no-such-worker"


class NotDone(Conflict):
    """A worker did not do what was wanted of it in time."""

    kind = "not-done"


def workers(ledger: Ledger) -> list[Host]:
    """Those that have reported within WORKER_GONE_AFTER, by kind and name.  Raises RedisAway."""
    hosts = ledger.run(ReadHosts())
    return sorted(hosts, key=lambda host: (host.kind, host.id))


def as_table(hosts: Sequence[Host], now_ms: int) -> str:
    if not hosts:
        return f"No worker has reported in the last {WORKER_GONE_AFTER.seconds} seconds."
    rows: list[tuple[str, ...]] = [("WORKER", "KIND", "SLOTS", "USED", "WARM", "FREE", "DOES", "SINCE (UTC)")]
    for host in hosts:
        since = moment(host.since_ms, now_ms) if host.since_ms else ""
        does = "drains" if host.draining else "works"
        numbers = (host.slots, host.used, host.warm, host.free if host.kind == "bots" else "")
        rows.append((host.id, host.kind, *map(str, numbers), does, since))
    return columns(rows)


def as_objects(hosts: Iterable[Host]) -> list[dict[str, object]]:
    """In the words of the API, which calls a worker the host of its sessions."""
    return [
        {
            "host": host.id,
            "kind": host.kind,
            "slots": host.slots,
            "used": host.used,
            "warm": host.warm,
            "free": host.free,
            "draining": host.draining,
            "incarnation": host.incarnation,
            "since": rfc3339(host.since_ms) if host.since_ms else None,
        }
        for host in hosts
    ]


def find(ledger: Ledger, name: str) -> Host:
    """The bot worker of that name, or on that machine.  Raises NoSuchWorker, which names those there are."""
    bots = [host for host in workers(ledger) if host.kind == "bots"]
    found = [host for host in bots if host.id == name] or [
        host for host in bots if host.id.partition("@")[2] == name
    ]
    if len(found) == 1:
        return found[0]
    there = (
        f"there are {listed([host.id for host in bots])}"
        if bots
        else f"none has reported in the last {WORKER_GONE_AFTER.seconds} seconds"
    )
    if found:
        raise NoSuchWorker(f"`{name}` may be {listed([host.id for host in found])}; say which.")
    raise NoSuchWorker(f"There is no bot worker `{name}`; {there}.")


class Where(StrEnum):
    """Say where a session that was on the worker is now."""

    HERE = "here"
    ELSEWHERE = "handed over"
    PARKED = "parked"
    ENDED = "ended"


@dataclass
class Watch:
    """Watches one worker until something is true of it, and prints what changes meanwhile."""

    ledger: Ledger
    host: Host
    say: Say
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _rooms: dict[str, Room] = field(default_factory=dict)  # of the sessions that were on it, by session
    _said: str = ""
    _is_blind: bool = False
    _away_since: float | None = None

    def until(
        self, is_so: Callable[[Host | None], bool], within: timedelta, *, tells: bool = False
    ) -> Host | None:
        """The worker as it was when that was so.  Raises NotDone when it was not, in time."""
        deadline = self.clock() + within.total_seconds()
        while True:
            try:
                now = self.ledger.run(ReadHost(self.host.id))
                if not self._may_return(now):
                    if tells:
                        self._tell(now)
                    if is_so(now):
                        return now
                self._is_blind = False
            except RedisAway:
                if not self._is_blind:
                    self.say("Redis does not answer; still trying. Calls go on.")
                self._is_blind = True
            if self.clock() > deadline:
                raise NotDone
            self.pause(LOOK_EVERY.total_seconds())

    def _may_return(self, now: Host | None) -> bool:
        """Whether it is away only since just now: a worker that loses its connection for a moment says goodbye, too."""
        if now is not None:
            self._away_since = None
            return False
        self._away_since = self._away_since or self.clock()
        return self.clock() - self._away_since < RETURNS_WITHIN.total_seconds()

    def places(self) -> Counter[Where]:
        """Print where each session that was on this worker is now."""
        for session_id in self.ledger.run(ReadHeld(self.host.id)):
            if session_id not in self._rooms:
                try:
                    self._rooms[session_id] = self.ledger.run(ReadSession(session_id)).room
                except NoSuchSession:
                    continue
        return Counter(self._place(session_id, room) for session_id, room in self._rooms.items())

    def _place(self, session_id: str, room: Room) -> Where:
        try:
            session = self.ledger.run(ReadSession(session_id))
        except NoSuchSession:
            return Where.ENDED
        lease = self.ledger.run(ReadRoom(room)).lease
        if session.state is State.ENDED or lease is None or lease.session_id != session_id:
            return Where.ENDED
        if lease.status is LeaseStatus.PENDING:
            return Where.PARKED
        return Where.HERE if lease.host == self.host.id else Where.ELSEWHERE

    def _tell(self, now: Host | None) -> None:
        places = self.places()
        used = now.used if now and now.incarnation == self.host.incarnation else 0
        parts = [f"{places[where]} {where}" for where in list(Where)[1:] if places[where]]
        said = f"{self.host.id}: {count(used, 'call')} left on it" + "".join(f", {part}" for part in parts)
        if said != self._said:
            self.say(said)
            self._said = said


def drain(watch: Watch, *, within: timedelta = EMPTY_WITHIN) -> None:
    """Let a worker hand over everything and take nothing new.  Raises NotDone and NoSuchWorker."""
    host = watch.host
    _ask(watch, RequestedState.DRAIN)
    try:
        now = watch.until(lambda now: _has_gone(now, host) or _is_empty(now), within, tells=True)
    except NotDone:
        raise NotDone(
            f"{host.id} is not empty after {duration(within)}. It goes on draining; the calls on it go on as well. "
            f"Run the command again to go on watching, or `greenroom drain --undo {host.id}`."
        ) from None
    if _has_gone(now, host):
        raise NotDone(
            f"{host.id} has ended while it drained; `greenroom doctor` tells whether anybody waits."
        )
    watch.say(
        f"{host.id} is empty, and takes no launches. Stop it now, or `greenroom drain --undo {host.id}` lets it work "
        "again."
    )


def undo(watch: Watch) -> None:
    """Let a worker take launches again.  Raises NotDone."""
    host = watch.host
    watch.ledger.run(AskHost(host.id, RequestedState.WORK))
    try:
        watch.until(lambda now: now is not None and not now.draining, REACTS_WITHIN)
    except NotDone:
        raise _no_reaction(host) from None
    watch.say(f"{host.id} takes launches again.")


def restart(
    watches: Sequence[Watch], *, empty_within: timedelta = EMPTY_WITHIN, back_within: timedelta = BACK_WITHIN
) -> None:
    """Replace workers, one after the other.  Raises NotDone at the first that does not come back."""
    for number, watch in enumerate(watches, start=1):
        watch.say(f"{watch.host.id} ({number} of {len(watches)}) is asked to hand over and stop")
        try:
            _replace(watch, empty_within, back_within)
        except NotDone as error:
            others = [other.host.id for other in watches[number:]]
            untouched = (
                f" {listed(others)} {'was' if len(others) == 1 else 'were'} left alone." if others else ""
            )
            raise NotDone(f"{error}{untouched}") from None


def _replace(watch: Watch, empty_within: timedelta, back_within: timedelta) -> None:
    host = watch.host
    _ask(watch, RequestedState.STOP)
    try:
        watch.until(lambda now: _has_gone(now, host), empty_within, tells=True)
    except NotDone:
        raise NotDone(
            f"{host.id} has not ended after {duration(empty_within)}. It stops when its last call has been handed over."
        ) from None
    watch.say(f"{host.id} has stopped; waiting for its supervisor to start it again")
    try:
        new = watch.until(lambda now: _is_ready(now, host), back_within)
    except NotDone:
        raise NotDone(
            f"{host.id} did not come back within {duration(back_within)}: whoever supervises it (systemd, Kubernetes, "
            "`greenroom up`) must start it again."
        ) from None
    assert new is not None
    watch.say(f"{host.id} is back, with {count(new.slots, 'slot')}")


def _ask(watch: Watch, requested: RequestedState) -> None:
    host = watch.host
    watch.places()
    watch.ledger.run(AskHost(host.id, requested))
    try:
        watch.until(
            lambda now: _has_gone(now, host) or (now is not None and now.draining), REACTS_WITHIN, tells=True
        )
    except NotDone:
        raise _no_reaction(host) from None


def _no_reaction(host: Host) -> NotDone:
    return NotDone(
        f"{host.id} does not react within {duration(REACTS_WITHIN)}: does it hang, or is it cut off from Redis? "
        "`greenroom doctor` may tell."
    )


def _has_gone(now: Host | None, before: Host) -> bool:
    return now is None or now.incarnation != before.incarnation


def _is_empty(now: Host | None) -> bool:
    return now is not None and now.draining and now.used == 0


def _is_ready(now: Host | None, before: Host) -> bool:
    """A new incarnation works, and has a process that is ready for a bot, or has one already."""
    return (
        now is not None
        and now.incarnation != before.incarnation
        and not now.draining
        and now.warm + now.used > 0
    )


def now_ms(ledger: Ledger) -> int:
    """Raises RedisAway."""
    return ledger.run(Now())
