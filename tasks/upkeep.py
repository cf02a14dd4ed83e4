"""Upkeep: what is done every few seconds, or when something has died.  Two beats make no difference."""

import os
from typing import Any, ClassVar

import structlog
from celery import bootsteps
from celery.worker.state import active_requests

from app.errors import RedisAway
from app.rooms.reaping import Reaper
from app.rooms.sessions import Reason
from app.rooms.steps import Host, Report, Retire, TakeTurn
from app.storage.ledger import RedisLedger
from tasks.celery import LAUNCHES, REAP_EVERY, SWEEP_EVERY, app, settings
from tasks.outgoing import CeleryLaunches

REPORT_EVERY = 5.0  # seconds; a worker that misses three reports has gone

log = structlog.get_logger(__name__)
ledger = RedisLedger(settings.redis_url)
reaper = Reaper(ledger, CeleryLaunches(app))


@app.task(name="rooms.reap")
def reap() -> None:
    """Free the rooms of dead bots, and launch again what never started."""
    if ledger.run(TakeTurn("reap", REAP_EVERY * 0.9)):
        reaper.reap()


@app.task(name="sessions.sweep")
def sweep() -> None:
    """End the sessions that have no room any more and nobody to say so."""
    if ledger.run(TakeTurn("sweep", SWEEP_EVERY * 0.9)):
        reaper.sweep()


@app.task(name="sessions.lost")
def lost(session_id: str, owner: str, reason: str) -> None:
    """A bot's process has died under its parent's eyes: free its room now."""
    reaper.lost(session_id, owner=owner, reason=Reason(reason))


class Reporting(bootsteps.StartStopStep):
    """Every worker says that it lives and how full it is, as long as it is connected."""

    requires: ClassVar[set[str]] = {"celery.worker.consumer.tasks:Tasks"}

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._timer: Any = None

    def start(self, consumer: Any) -> None:
        self._report(consumer)
        self._timer = consumer.timer.call_repeatedly(REPORT_EVERY, self._report, (consumer,))

    def stop(self, consumer: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
        try:
            ledger.run(Retire(consumer.hostname))
        except RedisAway:
            pass  # then its report lapses by itself

    def _report(self, consumer: Any) -> None:
        host = Host(
            id=consumer.hostname,
            kind="bots" if LAUNCHES in consumer.app.amqp.queues.consume_from else "control",
            slots=consumer.pool.num_processes,
            used=len(active_requests),
            incarnation=str(os.getpid()),
        )
        try:
            ledger.run(Report(host))
        except RedisAway as error:
            log.warning("report_unwritten", host=host.id, because=str(error))


app.steps["consumer"].add(Reporting)
