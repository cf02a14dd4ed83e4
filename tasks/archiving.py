"""What was said, and what has happened, on its way from Redis to where it is kept for good."""

from greenroom.tasks.celery import app
from greenroom.tasks.parts import flusher


@app.task(name="conversations.flush", send_events=False, ignore_result=True)  # as often as "rooms.reap"
def flush() -> None:
    """Keep what waits to be kept.  Safe to deliver twice, late, or not at all: the next one does the rest."""
    flusher().flush()
