"""The archive in SQL: turns, tool calls and sessions, each kept once however often it is delivered."""

from collections.abc import Sequence

from sqlalchemy.exc import DataError, IntegrityError

from greenroom.app.conversations.archive_sessions import keep_session
from greenroom.app.conversations.archive_turns import keep_turns, with_deliveries
from greenroom.app.conversations.database import Database
from greenroom.app.conversations.state import check
from greenroom.app.rooms.archive import Batch, Refusal, Report, Unkept

# What a database says of data that it will never take; anything else may pass, or is a bug of ours
UNSTORABLE = (DataError, IntegrityError, UnicodeError, OverflowError)


class SqlArchive:
    """Keeps what was said and what has happened (`greenroom.app.rooms.archive.Archive`)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_checked = False

    def keep_turns(self, batches: Sequence[Batch]) -> list[Refusal]:
        """All in one transaction; where one of them cannot be stored, in as few as leave that one out."""
        self._check()
        # In one order, so that of several that flush at once none waits for one that waits for it
        batches = sorted(batches, key=lambda batch: (batch.tenant, batch.conversation_id))
        try:
            with self._database.writing() as connection:
                return keep_turns(connection, batches)
        except UNSTORABLE as error:
            halves = _halves(batches)
            if not halves:
                (batch,) = batches
                turn_id, because = batch.deliveries[0].turn.id, type(error).__name__
                return [Refusal(batch.conversation_id, turn_id, Unkept.UNSTORABLE, because)]
            return [refusal for half in halves for refusal in self.keep_turns(half)]

    def keep_session(self, report: Report) -> str | None:
        """With its people and its history."""
        self._check()
        try:
            with self._database.writing() as connection:
                keep_session(connection, report)
        except UNSTORABLE as error:
            return type(error).__name__
        return None

    def _check(self) -> None:
        """Once: raises DatabaseNewer or DatabaseOld where these tables are not the ones that this code knows."""
        if not self._is_checked:
            check(self._database)
            self._is_checked = True


def _halves(batches: Sequence[Batch]) -> list[Sequence[Batch]]:
    """The same turns in two parts, in order; nothing for a single turn."""
    if len(batches) > 1:
        middle = len(batches) // 2
        return [batches[:middle], batches[middle:]]
    (batch,) = batches
    middle = len(batch.deliveries) // 2
    parts = (batch.deliveries[:middle], batch.deliveries[middle:])
    return [[with_deliveries(batch, part)] for part in parts] if middle else []
