"""Turns, and what the bot's tools were asked and did, are stored: all of some batches, in one transaction."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, select, tuple_, update

from greenroom.app.conversations import erasures
from greenroom.app.conversations.facts import learn
from greenroom.app.conversations.inserting import insert_into, insert_new, storable
from greenroom.app.conversations.owners import add_conversation, add_user, first_ms
from greenroom.app.conversations.summaries import keep_summaries
from greenroom.app.conversations.tables import SPEAKERS, conversations, sessions, tool_calls, turns
from greenroom.app.rooms.archive import Batch, Delivery, Refusal, Unkept
from greenroom.app.rooms.conversations import Turn

OPEN = "open"  # the status of a tool's call that nothing has come of yet

Row = dict[str, Any]


def keep_turns(connection: Connection, batches: Sequence[Batch]) -> list[Refusal]:
    """Store those that are not stored yet; returns those that came too late to be."""
    batches = _without_erased(connection, batches)
    for batch in batches:
        add_user(connection, batch.tenant, batch.user_id, first_ms(batch))
        add_conversation(connection, batch)
    late = _late(connection, batches)
    rows = [
        _row(batch, delivery)
        for batch in batches
        for delivery in batch.deliveries
        if delivery.turn.is_said and (batch.conversation_id, delivery.turn.id) not in late
    ]
    new = insert_new(connection, turns, rows, turns.c.tenant, turns.c.conversation_id, turns.c.id)
    _keep_tool_calls(connection, batches, new)
    learn(connection, batches, new)
    keep_summaries(connection, batches, late)
    _count(connection, batches, new)
    refused = late - _known(connection, batches, late)
    return [Refusal(conversation_id, turn_id, Unkept.LATE) for conversation_id, turn_id in sorted(refused)]


def _without_erased(connection: Connection, batches: Sequence[Batch]) -> list[Batch]:
    """Those turns that are not of somebody who was erased since they were said."""
    asked = {
        named
        for batch in batches
        for delivery in batch.deliveries
        for named in (
            (erasures.USER, batch.tenant, batch.user_id),
            (erasures.USER, batch.tenant, delivery.turn.person),
            (erasures.CONVERSATION, batch.tenant, batch.conversation_id),
            (erasures.SESSION, batch.tenant, delivery.session_id),
        )
    }
    erased = erasures.look(connection, asked)

    def is_left(batch: Batch, delivery: Delivery) -> bool:
        tenant, said_ms = batch.tenant, delivery.turn.started_ms
        return not (
            erased.covers(erasures.USER, tenant, batch.user_id, said_ms)
            or erased.covers(erasures.USER, tenant, delivery.turn.person, said_ms)
            or erased.covers(erasures.CONVERSATION, tenant, batch.conversation_id, said_ms)
            or erased.has(erasures.SESSION, tenant, delivery.session_id)
        )

    left = (
        with_deliveries(batch, tuple(each for each in batch.deliveries if is_left(batch, each)))
        for batch in batches
    )
    return [batch for batch in left if batch.deliveries]


def _late(connection: Connection, batches: Sequence[Batch]) -> set[tuple[str, str]]:
    """The turns that a bot wrote when another bot of its session had already written one in the same conversation.

    Each conversation comes in order, and several of one session in any: that the later bot's is here first, in which
    another person began to speak, says nothing of the earlier bot's.
    """
    named = {
        (batch.tenant, batch.conversation_id, delivery.session_id)
        for batch in batches
        for delivery in batch.deliveries
        if delivery.session_id
    }
    theirs = (turns.c.tenant, turns.c.conversation_id, turns.c.session_id)
    query = (
        select(*theirs, func.max(turns.c.written_epoch)).where(tuple_(*theirs).in_(named)).group_by(*theirs)
    )
    latest = {tuple(names): epoch for *names, epoch in connection.execute(query)}
    late = set()
    for batch in batches:
        for delivery in batch.deliveries:
            names = (batch.tenant, batch.conversation_id, delivery.session_id)
            if delivery.session_id and delivery.written_epoch < latest.get(names, 0):
                late.add((batch.conversation_id, delivery.turn.id))
            else:
                latest[names] = delivery.written_epoch
    return late


def _known(
    connection: Connection, batches: Sequence[Batch], which: set[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Those that are stored: they are no late ones, but were delivered once more."""
    if not which:
        return set()
    tenants = {batch.tenant for batch in batches}
    place = tuple_(turns.c.conversation_id, turns.c.id)
    query = select(turns.c.conversation_id, turns.c.id).where(
        and_(turns.c.tenant.in_(tenants), place.in_(which))
    )
    return {(conversation_id, turn_id) for conversation_id, turn_id in connection.execute(query)}


def _row(batch: Batch, delivery: Delivery) -> Row:
    turn = delivery.turn
    return {
        "tenant": batch.tenant,
        "conversation_id": batch.conversation_id,
        "sequence": turn.sequence,
        "id": turn.id,
        "session_id": delivery.session_id,
        "epoch": turn.epoch,
        "written_epoch": delivery.written_epoch,
        "role": turn.role,
        "person": turn.person,
        "content": storable(turn.content),
        "message": storable(turn.as_message()),
        "interrupted": turn.interrupted,
        "started_ms": turn.started_ms,
        "ended_ms": turn.ended_ms,
        "source": turn.source.value,
    }


def _count(connection: Connection, batches: Sequence[Batch], new: set[tuple[Any, ...]]) -> None:
    """Add the turns that are new to what their conversations and sessions count."""
    of_conversations, of_sessions = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for batch, turn, session_id in _each(batches):
        if (batch.tenant, batch.conversation_id, turn.id) in new:
            of_conversations[batch.tenant, batch.conversation_id] += 1
            if session_id and turn.role in SPEAKERS and turn.content:
                of_sessions[batch.tenant, session_id] += 1
    for table, column, counts in (
        (conversations, conversations.c.turn_count, of_conversations),
        (sessions, sessions.c.message_count, of_sessions),
    ):
        if counts:
            statement = (
                update(table)
                .where(table.c.tenant == bindparam("in_tenant"), table.c.id == bindparam("which"))
                .values({column: column + bindparam("more")})
            )
            connection.execute(
                statement,
                [
                    {"in_tenant": tenant, "which": each, "more": count}
                    for (tenant, each), count in sorted(counts.items())
                ],
            )


def _each(batches: Sequence[Batch]) -> Iterator[tuple[Batch, Turn, str | None]]:
    for batch in batches:
        for delivery in batch.deliveries:
            yield batch, delivery.turn, delivery.session_id


def _keep_tool_calls(connection: Connection, batches: Sequence[Batch], new: set[tuple[Any, ...]]) -> None:
    """What the model asked for, and then what came of it, which is a turn of its own."""
    asked, answered = [], []
    for batch, turn, _ in _each(batches):
        if (batch.tenant, batch.conversation_id, turn.id) not in new:
            continue
        of = {"tenant": batch.tenant, "conversation_id": batch.conversation_id}
        for call in turn.tool_calls:
            asked.append(
                {
                    **of,
                    "turn_id": turn.id,
                    "id": call.id,
                    "name": call.name,
                    "arguments": storable(call.arguments),
                    "status": OPEN,
                }
            )
        if turn.tool_call_id is not None:
            answered.append(
                {
                    "in_tenant": batch.tenant,
                    "in_conversation": batch.conversation_id,
                    "which": turn.tool_call_id,
                    "new_result": storable(turn.content),
                    "new_status": turn.tool_status.value if turn.tool_status else "completed",
                    "new_took_ms": max(turn.ended_ms - turn.started_ms, 0),
                }
            )
    if asked:
        connection.execute(insert_into(connection, tool_calls).on_conflict_do_nothing(), asked)
    if answered:
        connection.execute(
            update(tool_calls)
            .where(
                tool_calls.c.tenant == bindparam("in_tenant"),
                tool_calls.c.conversation_id == bindparam("in_conversation"),
                tool_calls.c.id == bindparam("which"),
                tool_calls.c.status == OPEN,
            )
            .values(
                result=bindparam("new_result"),
                status=bindparam("new_status"),
                took_ms=bindparam("new_took_ms"),
            ),
            answered,
        )


def with_deliveries(batch: Batch, deliveries: tuple[Delivery, ...]) -> Batch:
    return Batch(batch.conversation_id, batch.tenant, batch.user_id, deliveries)
