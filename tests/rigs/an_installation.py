"""An installation that is well until a test makes it ill."""

from datetime import timedelta

from greenroom.app.rooms.probes import Condition
from greenroom.app.rooms.rates import ClaimPeriod
from greenroom.app.rooms.workers import Host, Report

BOTS = Host(id="bots@stage", kind="bots", slots=2, used=0, incarnation="1")
CONTROL = Host(id="control@stage", kind="control", slots=8, used=0, incarnation="2")
SOUND = Condition(
    version="7.2.4",
    up=timedelta(days=3),
    used_bytes=12_000_000,
    limit_bytes=0,
    machine_bytes=8_000_000_000,
    drops="noeviction",
    is_kept=True,
)


def keep_well(ledger, *, hosts=(BOTS, CONTROL), reaps=True):
    """What workers do every few seconds."""
    for host in hosts:
        ledger.run(Report(host))
    if reaps:
        ledger.run(ClaimPeriod("reap", timedelta(seconds=3)))


def let_pass(ledger, by, **who):
    """Time passes, and workers work, or those that still do."""
    ledger.pass_time(by)
    keep_well(ledger, **who)
