"""What was said, and what has happened, on its way from Redis to where it is kept for good."""

from greenroom.app.errors.storage import DatabaseAway
from greenroom.app.rooms.clock import Now
from greenroom.tasks.celery import app
from greenroom.tasks.parts import flusher, retention, upkeep


@app.task(name="conversations.flush", send_events=False, ignore_result=True)  # as often as "rooms.reap"
def flush() -> None:
    """Keep what waits to be kept.  Safe to deliver twice, late, or not at all: the next one does the rest."""
    flusher().flush()


@app.task(name="conversations.forget_old", send_events=False, ignore_result=True)
def forget_old() -> None:
    """Erase what is older than it may be.  Safe to deliver twice, late, or not at all: the next one does the rest."""
    try:
        retention().forget_old(upkeep().ledger.run(Now()))
    except DatabaseAway:
        pass  # what is old now is still old in an hour
