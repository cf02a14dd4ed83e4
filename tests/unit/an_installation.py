"""An installation over the ledger in memory that is well until a test makes it ill."""

from datetime import timedelta

from greenroom.app.rooms.rates import TakeTurn
from greenroom.app.rooms.workers import Host, Report

BOTS = Host(id="bots@stage", kind="bots", slots=2, used=0, incarnation="1")
CONTROL = Host(id="control@stage", kind="control", slots=8, used=0, incarnation="2")


def keep_well(ledger, *, hosts=(BOTS, CONTROL), reaps=True):
    """What workers do every few seconds."""
    for host in hosts:
        ledger.run(Report(host))
    if reaps:
        ledger.run(TakeTurn("reap", timedelta(seconds=3)))


def let_pass(ledger, by, **who):
    """Time passes, and workers work, or those that still do."""
    ledger.pass_time(by)
    keep_well(ledger, **who)
