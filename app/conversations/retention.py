"""What has been kept for long enough goes, in short transactions, and the room that it had goes back to the disk."""

import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

import structlog
from sqlalchemy import select

from greenroom.app.conversations.database import Database
from greenroom.app.conversations.personal import delete_some_at_a_time
from greenroom.app.conversations.tables import (
    conversations,
    erasures,
    events,
    notes,
    participants,
    sessions,
    summaries,
    tool_calls,
    turns,
)
from greenroom.app.rooms.erasing import NOTED_FOR

AT_A_TIME = timedelta(minutes=1)  # that one run takes; the next one goes on

log = structlog.get_logger(__name__)


class SqlRetention:
    """Forgets, for every tenant, what is older than it may be."""

    def __init__(self, database: Database, keep_for: timedelta | None) -> None:
        """Without `keep_for` conversations and sessions are kept until somebody erases them."""
        self._database = database
        self._keep_for = keep_for

    def forget_old(self, now_ms: int) -> Mapping[str, int]:
        """Returns how many rows went, by table.  A conversation is as old as its last turn, a session as its
        end, a note as when it was written last.

        Safe to do twice, also at once, and to break off.
        """
        until = time.monotonic() + AT_A_TIME.total_seconds()
        conditions = [(erasures, erasures.c.at_ms < now_ms - NOTED_FOR / timedelta(milliseconds=1))]
        if self._keep_for is not None:
            before_ms = now_ms - int(self._keep_for / timedelta(milliseconds=1))
            old_talks = select(conversations.c.id).where(conversations.c.last_ms < before_ms)
            old_sessions = select(sessions.c.id).where(sessions.c.ended_ms < before_ms)
            conditions += [
                *(
                    (table, table.c.conversation_id.in_(old_talks))
                    for table in (tool_calls, summaries, turns)
                ),
                (conversations, conversations.c.last_ms < before_ms),
                (events, events.c.at_ms < before_ms),
                (notes, notes.c.updated_ms < before_ms),
                (participants, participants.c.session_id.in_(old_sessions)),
                (sessions, sessions.c.ended_ms < before_ms),
            ]
        gone = Counter[str]()
        for table, condition in conditions:
            gone[table.name] += delete_some_at_a_time(self._database, table, condition, until=until)
        if gone.total():
            self._database.shrink()
            log.info("old_rows_removed", **gone)
        return gone
