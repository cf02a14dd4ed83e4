"""Sentences that several stories have in common."""

from greenroom.app.operate.facts import Fleet
from greenroom.app.operate.findings import Finding, Verdict
from greenroom.app.operate.wording import duration
from greenroom.app.rooms.leases import Lease

JOIN = "`POST /join` brings a bot."


def found(verdict: Verdict, says: str, do: str = "") -> Finding:
    return Finding("room", verdict, says, do)


def reaper_will(fleet: Fleet, does: str) -> str:
    if fleet.is_reaped:
        return f"Within half a minute the reaper {does}."
    when = f"for {duration(fleet.since_reaped)}" if fleet.since_reaped else "today"
    return f"The reaper, which {does}, has not run {when}: start control and beat (`greenroom doctor`)."


def where(lease: Lease) -> str:
    return lease.host or "a worker"
