"""Upkeep: what is done every few seconds.  Two beats make no difference."""

from app.rooms.reaping import Reaper
from app.rooms.steps import TakeTurn
from app.storage.ledger import RedisLedger
from tasks.celery import REAP_EVERY, SWEEP_EVERY, app, settings
from tasks.outgoing import CeleryLaunches

ledger = RedisLedger(settings.redis_url)
reaper = Reaper(ledger, CeleryLaunches(app))


@app.task(name="rooms.reap")
def reap() -> None:
    """Look after dead bots, launches that got lost, and those that wait; now and then after what nobody says."""
    if not ledger.run(TakeTurn("reap", REAP_EVERY * 0.9)):
        return
    reaper.reap()
    reaper.tell_positions()
    if ledger.run(TakeTurn("sweep", SWEEP_EVERY * 0.9)):
        reaper.sweep()
