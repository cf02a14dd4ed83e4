"""Facts in SQL: what is to be remembered of a person, learnt from turns in the transaction that keeps them."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, tuple_

from greenroom.app.conversations.inserting import insert_into
from greenroom.app.conversations.tables import facts, sessions, users
from greenroom.app.rooms.archive import Batch, Delivery
from greenroom.app.rooms.memory import FACTS_KEPT, FORGOTTEN, Forget, Remember, asked_of_memory
from greenroom.app.rooms.providers import is_guest


def learn(connection: Connection, batches: Sequence[Batch], new: set[tuple[Any, ...]]) -> None:
    """Do what the model asked of memory in turns that are new; a turn that is delivered again changes nothing."""
    asked = [each for each in _asked(batches, new) if each[1]]
    without = _without_memory(connection, asked) if asked else set()
    for batch, user_id, delivery in asked:
        if (batch.tenant, delivery.session_id) not in without:
            _know_user(connection, batch.tenant, user_id, delivery.turn.ended_ms)
            for wish in asked_of_memory(delivery.turn):
                if isinstance(wish, Remember):
                    _remember(connection, batch, user_id, delivery, wish)
                else:
                    _forget(connection, batch, user_id, delivery, wish)


def _asked(batches: Sequence[Batch], new: set[tuple[Any, ...]]) -> Iterator[tuple[Batch, str, Delivery]]:
    """The new turns that ask for something, each with whom it is about; nobody if that is a guest."""
    for batch in batches:
        for delivery in batch.deliveries:
            turn = delivery.turn
            if (batch.tenant, batch.conversation_id, turn.id) in new and asked_of_memory(turn):
                user_id = turn.person or batch.user_id
                yield batch, "" if is_guest(user_id) else user_id, delivery


def _without_memory(
    connection: Connection, asked: Sequence[tuple[Batch, str, Delivery]]
) -> set[tuple[str, str | None]]:
    """The sessions that shall have none, whatever their bots ask for."""
    named = {(batch.tenant, delivery.session_id) for batch, _, delivery in asked if delivery.session_id}
    query = select(sessions.c.tenant, sessions.c.id, sessions.c.brief).where(
        tuple_(sessions.c.tenant, sessions.c.id).in_(named)
    )
    return {
        (tenant, its_id)
        for tenant, its_id, brief in connection.execute(query)
        if brief.get("memory") is False
    }


def _know_user(connection: Connection, tenant: str, user_id: str, at_ms: int) -> None:
    """One of several in a room may have no row yet."""
    row = {"tenant": tenant, "id": user_id, "created_ms": at_ms, "updated_ms": at_ms}
    connection.execute(insert_into(connection, users).values(row).on_conflict_do_nothing())


def _remember(
    connection: Connection, batch: Batch, user_id: str, delivery: Delivery, wish: Remember | Forget
) -> None:
    """Keep it in the place of what was said earlier under that key."""
    turn = delivery.turn
    row = {
        "tenant": batch.tenant,
        "user_id": user_id,
        "key": wish.key,
        "text": wish.text if isinstance(wish, Remember) else "",
        "conversation_id": batch.conversation_id,
        "sequence": turn.sequence,
        "created_ms": turn.ended_ms,
        "updated_ms": turn.ended_ms,
    }
    insert = insert_into(connection, facts).values(row)
    changes = {
        name: insert.excluded[name] for name in row if name not in ("tenant", "user_id", "key", "created_ms")
    }
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["tenant", "user_id", "key"],
            set_=changes,
            where=facts.c.updated_ms <= insert.excluded.updated_ms,
        )
    )
    too_many = (
        select(facts.c.key)
        .where(*_of(batch.tenant, user_id), facts.c.key != FORGOTTEN)
        .order_by(facts.c.updated_ms.desc(), facts.c.key)
        .offset(FACTS_KEPT)
    )
    keys = connection.execute(too_many).scalars().all()
    if keys:
        connection.execute(delete(facts).where(*_of(batch.tenant, user_id), facts.c.key.in_(keys)))


def _forget(connection: Connection, batch: Batch, user_id: str, delivery: Delivery, wish: Forget) -> None:
    """The fact, or all of them; and that what was said up to now is to be told to no bot any more."""
    which = [
        *_of(batch.tenant, user_id),
        facts.c.updated_ms <= delivery.turn.ended_ms,
        facts.c.key != FORGOTTEN,
    ]
    if not wish.is_everything:
        which.append(facts.c.key == wish.key)
    connection.execute(delete(facts).where(*which))
    _remember(connection, batch, user_id, delivery, Forget(FORGOTTEN))


def _of(tenant: str, user_id: str) -> tuple[Any, ...]:
    return facts.c.tenant == tenant, facts.c.user_id == user_id
