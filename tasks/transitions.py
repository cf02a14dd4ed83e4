"""Sessions on their way from one room to another."""

from greenroom.tasks.celery import app
from greenroom.tasks.parts import carrier


@app.task(name="rooms.transition")
def transition(session_id: str, epoch: str) -> None:
    """Have a session's bot move to the room that it has claimed at this epoch.  Safe to deliver twice, late, or never.

    What came of it is in the session's history.
    """
    carrier().carry(session_id, int(epoch))
