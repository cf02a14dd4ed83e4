"""Lease, keepalive and session of each room, compared.

Sessions change while they are read, so what changed less than `A_MOMENT` ago is left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from greenroom.app.operate.facts import A_MOMENT, UNHEARD, Facts
from greenroom.app.operate.findings import OK, PROBLEM, WARNING, Finding, Verdict
from greenroom.app.operate.wording import count, duration, some
from greenroom.app.rooms.leases import STALE_AFTER, Lease, LeaseStatus, RoomView
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Session, State

CLEARED_WITHIN = timedelta(seconds=90)  # the reaper's sweep ends a session without its room in this time


@dataclass(frozen=True)
class Leased:
    """A room whose lease a bot has taken up, and not just now."""

    room: Room
    age: timedelta | None  # of its keepalive
    host: str | None
    is_over: bool  # the lease's session has ended, or is unknown

    @property
    def is_dead(self) -> bool:
        return self.age is None or self.age > STALE_AFTER


def locks(facts: Facts) -> Iterable[Finding]:
    """Rooms with a lease that has neither a session nor a living bot."""
    clears = (
        "Within half a minute the reaper clears it"
        if facts.fleet.is_reaped
        else "Start control and beat, which clear it"
    )
    yield _of_rooms(
        "locks",
        [leased.room for leased in _leased(facts) if leased.is_over and leased.is_dead],
        "No room is locked without a session.",
        "locked by a session that has ended",
        f"{clears}; a join takes such a room over within seconds. If it stays so, look at the control worker's log.",
    )


def keepalives(facts: Facts) -> Iterable[Finding]:
    """Bots that are not heard although their session is on: dead, if that is long ago, else late."""
    on = [leased for leased in _leased(facts) if not leased.is_over]
    if stale := [leased for leased in on if leased.is_dead]:
        yield _of_rooms(
            "keepalives",
            [leased.room for leased in stale],
            "",
            f"not heard from for {_longest(stale)}: dead, hanging, or cut off from Redis",
            _replaced(facts, stale),
        )
        return
    late = [leased for leased in on if leased.age and leased.age > UNHEARD]
    yield _of_rooms(
        "keepalives",
        [leased.room for leased in late],
        "Every bot that is on stage was heard a moment ago.",
        f"unheard for {_longest(late)}, and due every 3 seconds",
        "Look again in half a minute: by then it is back, or replaced. Is that machine overloaded?",
        WARNING,
    )


def sessions(facts: Facts) -> Iterable[Finding]:
    """Sessions that are on without a lease of their room, so that no bot of theirs can be there."""
    ends = (
        f"A bot that lives registers again within seconds; else the session is ended within {duration(CLEARED_WITHIN)}."
        if facts.fleet.is_reaped
        else "Start control and beat, which end such sessions."
    )
    yield _of_rooms(
        "sessions",
        [
            session.room
            for session in facts.sessions
            if session.state is not State.ENDED
            and facts.since(session.updated_ms) > A_MOMENT
            and not _has(facts.rooms.get(session.room), session)
        ],
        f"{count(len(facts.sessions), 'session')} on, each with its room.",
        "of a session that is on, but has no lease there, and so no bot",
        f"{ends} A join of the room brings a bot at once.",
    )


def bots(facts: Facts) -> Iterable[Finding]:
    """Bots that are heard although their session is over."""
    yield _of_rooms(
        "bots",
        [leased.room for leased in _leased(facts) if leased.is_over and not leased.is_dead],
        "No bot goes on without its session.",
        "with a bot that runs on although its session has ended or is unknown",
        "It should stop by itself within seconds. If it does not: `greenroom doctor ROOM` names its process; "
        "SIGQUIT lets it say goodbye.",
    )


def extent(facts: Facts) -> Iterable[Finding]:
    """Whether there was time for all rooms."""
    if not facts.saw_all:
        yield Finding(
            "extent",
            WARNING,
            f"Only {count(len(facts.rooms), 'room')} could be looked at in the time there was.",
            "Ask for one room: `greenroom doctor ROOM`.",
            {"rooms": len(facts.rooms)},
        )


def _leased(facts: Facts) -> Iterator[Leased]:
    for room, view in facts.rooms.items():
        lease = view.lease
        if lease is None or lease.status is LeaseStatus.PENDING or facts.since(lease.since_ms) < A_MOMENT:
            continue
        yield Leased(room, view.age, lease.host, _is_over(facts, lease))


def _is_over(facts: Facts, lease: Lease) -> bool:
    """Whether a lease's session has ended, or is unknown, and not just now."""
    if lease.session_id not in facts.others:
        return False
    session = facts.others[lease.session_id]
    if session is None:
        return True
    return session.state is State.ENDED and facts.since(session.updated_ms) > A_MOMENT


def _has(view: RoomView | None, session: Session) -> bool:
    return view is None or (view.lease is not None and view.lease.session_id == session.id)


def _of_rooms(
    check: str, rooms: Sequence[Room], well: str, ill: str, do: str, verdict: Verdict = PROBLEM
) -> Finding:
    names = [str(room) for room in rooms]
    if not names:
        return Finding(check, OK, well, facts={"rooms": names})
    return Finding(check, verdict, f"{count(len(names), 'room')} {ill}: {some(names)}.", do, {"rooms": names})


def _longest(bots: Sequence[Leased]) -> str:
    ages = [leased.age for leased in bots if leased.age is not None]
    return duration(max(ages)) if ages else "a day or more"


def _replaced(facts: Facts, stale: Sequence[Leased]) -> str:
    """Who replaces these bots, and what to start for that."""
    living = {host.id for host in facts.fleet.hosts}
    gone = sorted({leased.host for leased in stale if leased.host and leased.host not in living})
    start = f"{some(gone)} does not report either: start that worker, or its machine. " if gone else ""
    who = (
        "The reaper gives the session to a new bot"
        if facts.fleet.is_reaped
        else "Nobody replaces them before control and beat run"
    )
    return f"{start}{who}; `greenroom doctor ROOM` tells more."
