"""Memory in SQL, behind the port in `app/rooms/memory.py`: a few short reads, each along an index."""

from collections.abc import Sequence

from sqlalchemy import Connection, Select, select

from greenroom.app.conversations.database import Database
from greenroom.app.conversations.tables import conversations, facts, summaries, turns
from greenroom.app.rooms.memory import (
    CONVERSATIONS_AT_MOST,
    FACTS_AT_MOST,
    FACTS_KEPT,
    FORGOTTEN,
    SPEAKERS,
    TURNS_AT_MOST,
    Fact,
    Recollection,
    Said,
)

LOOKED_AT = 5 * TURNS_AT_MOST  # turns, of which some are a tool's, or another person's


class SqlMemory:
    """What is known of people (`greenroom.app.rooms.memory.Memory`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recall(self, tenant: str, user_id: str, *, besides: str) -> str:
        with self._database.reading() as connection:
            return recollection(connection, tenant, user_id, besides=besides).as_text()


def recollection(connection: Connection, tenant: str, user_id: str, *, besides: str) -> Recollection:
    """Facts, the last summary, and how the last conversation ended."""
    known = {key: (text, at_ms) for key, text, at_ms in connection.execute(facts_of(tenant, user_id))}
    _, forgotten_ms = known.pop(FORGOTTEN, ("", -1))
    earlier = list(connection.execute(conversations_of(tenant, user_id, besides)).scalars())
    return Recollection(
        facts=[Fact(key, text) for key, (text, _) in known.items()][:FACTS_AT_MOST],
        summary=_last_summary(connection, tenant, earlier, forgotten_ms),
        turns=_last_turns(connection, tenant, user_id, earlier, forgotten_ms),
    )


def facts_of(tenant: str, user_id: str) -> Select[str, str, int]:
    """All that are kept, the newest first, and when something was to be forgotten."""
    return (
        select(facts.c.key, facts.c.text, facts.c.updated_ms)
        .where(facts.c.tenant == tenant, facts.c.user_id == user_id)
        .order_by(facts.c.updated_ms.desc(), facts.c.key)
        .limit(FACTS_KEPT + 1)
    )


def conversations_of(tenant: str, user_id: str, besides: str) -> Select[str]:
    """The user's last ones, the newest first."""
    return (
        select(conversations.c.id)
        .where(conversations.c.tenant == tenant, conversations.c.user_id == user_id)
        .where(conversations.c.id != besides)
        .order_by(conversations.c.last_ms.desc())
        .limit(CONVERSATIONS_AT_MOST)
    )


def turns_of(tenant: str, conversation_id: str) -> Select[str, str, str | None, int]:
    """The last ones, the newest first, with who said each or was told it, in a room of several."""
    return (
        select(turns.c.role, turns.c.content, turns.c.person, turns.c.started_ms)
        .where(turns.c.tenant == tenant, turns.c.conversation_id == conversation_id)
        .order_by(turns.c.sequence.desc())
        .limit(LOOKED_AT)
    )


def summary_of(tenant: str, conversation_id: str, forgotten_ms: int) -> Select[str]:
    return (
        select(summaries.c.text)
        .where(summaries.c.tenant == tenant, summaries.c.conversation_id == conversation_id)
        .where(summaries.c.created_ms > forgotten_ms)
        .order_by(summaries.c.up_to.desc())
        .limit(1)
    )


def _last_summary(connection: Connection, tenant: str, earlier: Sequence[str], forgotten_ms: int) -> str:
    for conversation_id in earlier:
        if text := connection.execute(summary_of(tenant, conversation_id, forgotten_ms)).scalar():
            return text
    return ""


def _last_turns(
    connection: Connection, tenant: str, user_id: str, earlier: Sequence[str], forgotten_ms: int
) -> list[Said]:
    """Of the last conversation in which anything was said."""
    for conversation_id in earlier:
        said = [
            Said(role, content)
            for role, content, person, started_ms in connection.execute(turns_of(tenant, conversation_id))
            if role in SPEAKERS and content and started_ms > forgotten_ms
            if person in (None, user_id)  # nothing of others in the room
        ]
        if said:
            return said[:TURNS_AT_MOST]
    return []
