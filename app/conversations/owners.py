"""Users and conversations: each has its row as soon as something of theirs is kept."""

from typing import Any

from sqlalchemy import Connection, func

from greenroom.app.conversations.inserting import insert_into
from greenroom.app.conversations.tables import conversations, users
from greenroom.app.rooms.archive import Batch
from greenroom.app.rooms.sessions import Session

Row = dict[str, Any]


def first_ms(batch: Batch) -> int:
    return min(delivery.turn.started_ms for delivery in batch.deliveries)


def add_user(connection: Connection, tenant: str, user_id: str, at_ms: int) -> None:
    row = {"tenant": tenant, "id": user_id, "created_ms": at_ms, "updated_ms": at_ms}
    connection.execute(insert_into(connection, users).values(row).on_conflict_do_nothing())


def add_conversation(connection: Connection, batch: Batch) -> None:
    """Its row is there then, and ours alone until we are done: of several that flush, each waits for the other here."""
    last_ms = max(delivery.turn.ended_ms for delivery in batch.deliveries)
    row = {
        "tenant": batch.tenant,
        "id": batch.conversation_id,
        "user_id": batch.user_id,
        "started_ms": first_ms(batch),
        "last_ms": last_ms,
    }
    insert = insert_into(connection, conversations).values(row)
    later = func.greatest if connection.dialect.name == "postgresql" else func.max
    changes: Row = {"last_ms": later(conversations.c.last_ms, insert.excluded.last_ms)}
    if batch.user_id:  # it was forgotten when the conversation's first turns came
        changes["user_id"] = owner_if_unknown(insert.excluded.user_id)
    connection.execute(insert.on_conflict_do_update(index_elements=["tenant", "id"], set_=changes))


def owner_if_unknown(user_id: Any) -> Any:
    return func.coalesce(func.nullif(conversations.c.user_id, ""), user_id)


def add_conversation_of_session(connection: Connection, session: Session, owner: str) -> None:
    row = {
        "tenant": session.brief.tenant,
        "id": session.conversation_id,
        "user_id": owner,
        "assistant_id": session.brief.assistant,
        "room": str(session.room),
        "started_ms": session.created_ms,
        "last_ms": session.created_ms,
    }
    insert = insert_into(connection, conversations).values(row)
    changes: Row = {
        "assistant_id": insert.excluded.assistant_id,
        "room": insert.excluded.room,
        "user_id": owner_if_unknown(insert.excluded.user_id),
    }
    connection.execute(insert.on_conflict_do_update(index_elements=["tenant", "id"], set_=changes))
