"""What was said in a conversation that is taken up again, read from SQL (`app/rooms/taking_up.py`)."""

from sqlalchemy import Connection, select

from greenroom.app.conversations.database import Database
from greenroom.app.conversations.memory import summary_of
from greenroom.app.conversations.reading import turns_of_rows
from greenroom.app.conversations.tables import conversations, facts, turns
from greenroom.app.rooms.conversations import SUMMARY, SumsUp, Turn
from greenroom.app.rooms.memory import FORGOTTEN
from greenroom.app.rooms.taking_up import TURNS_AT_MOST, Earlier, newest_that_fit


class SqlEarlier:
    """What is kept of conversations (`greenroom.app.rooms.taking_up.KeptEarlier`): a few short reads, each along an
    index, and one of them for a conversation that is new."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, tenant: str, conversation_id: str) -> Earlier | None:
        whose = select(conversations.c.user_id).where(
            conversations.c.tenant == tenant, conversations.c.id == conversation_id
        )
        with self._database.reading() as connection:
            user_id = connection.execute(whose).scalar()
            return None if user_id is None else _earlier(connection, tenant, conversation_id, user_id)


def _earlier(connection: Connection, tenant: str, conversation_id: str, user_id: str) -> Earlier:
    """Nothing from before its user asked that something be forgotten."""
    last_ones = (
        select(turns)
        .where(turns.c.tenant == tenant, turns.c.conversation_id == conversation_id)
        .order_by(turns.c.sequence.desc(), turns.c.id.desc())
        .limit(TURNS_AT_MOST + 1)
    )
    found = connection.execute(last_ones).all()
    forgotten = select(facts.c.updated_ms).where(
        facts.c.tenant == tenant, facts.c.user_id == user_id, facts.c.key == FORGOTTEN
    )
    forgotten_ms = connection.execute(forgotten).scalar()
    forgotten_ms = -1 if forgotten_ms is None else forgotten_ms
    told = [row for row in found[:TURNS_AT_MOST] if row.started_ms > forgotten_ms]
    newest_first = turns_of_rows(connection, tenant, conversation_id, told)
    fitting = newest_that_fit(newest_first)
    if fitting and len(fitting) < len(found):  # something is left out
        text = connection.execute(summary_of(tenant, conversation_id, forgotten_ms)).scalar()
        fitting = [_summary(text, fitting[0]), *fitting] if text else fitting
    return Earlier(user_id, fitting, found[0].sequence if found else 0)


def _summary(text: str, before: Turn) -> Turn:
    """A summary in the place of what stands before that turn; it may tell of more."""
    return Turn(
        f"summary-before-{before.id}",
        SUMMARY,
        text,
        epoch=before.epoch,
        sequence=before.sequence - 1,
        started_ms=before.started_ms,
        ended_ms=before.started_ms,
        sums_up=SumsUp(before.sequence - 1, "kept"),
    )
