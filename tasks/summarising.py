"""What was talked about, summed up when a session is over."""

from typing import Any

import structlog

from greenroom.app.errors.families import GreenroomError
from greenroom.app.errors.storage import DatabaseAway
from greenroom.app.queue_names import CONTROL
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.summarising import NotWritten, lost, summarise
from greenroom.tasks.celery import app
from greenroom.tasks.parts import summarising, upkeep

AGAIN_AFTER = (5, 30, 120, 600, 1800)  # seconds; then the conversation is known by how it ended alone

log = structlog.get_logger(__name__)


@app.task(name="conversations.summarise", bind=True, max_retries=len(AGAIN_AFTER))
def summarise_conversation(self: Any, tenant: str, conversation_id: str) -> None:
    """Write the summary that a conversation lacks.  Safe to deliver twice, late, or not at all."""
    here, tries = summarising(), self.request.retries
    try:
        summarise(tenant, conversation_id, here.summaries, here.writer)
    except (GreenroomError, NotWritten) as error:
        because = str(error) if isinstance(error, NotWritten) else error.kind
        log.warning("summary_failed", conversation_id=conversation_id, because=because, tries=tries + 1)
        if tries < len(AGAIN_AFTER):
            raise self.retry(countdown=AGAIN_AFTER[tries]) from None


@app.task(name="conversations.summarise_lost", ignore_result=True)
def summarise_lost() -> None:
    """Have summed up what nobody does any more.  Safe to deliver twice, late, or not at all: the next one does it."""
    try:
        found = lost(upkeep().ledger.run(Now()), summarising().summaries)
    except DatabaseAway:
        return
    for which in found:
        app.send_task("conversations.summarise", which, queue=CONTROL)
