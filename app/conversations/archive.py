"""The archive in SQL: turns, tool calls and sessions, each kept once however often it is delivered."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, and_, bindparam, func, or_, select, tuple_, update
from sqlalchemy.exc import DataError, IntegrityError

from greenroom.app.conversations import erasures
from greenroom.app.conversations.database import Database
from greenroom.app.conversations.facts import learn
from greenroom.app.conversations.inserting import insert_into
from greenroom.app.conversations.state import check
from greenroom.app.conversations.summaries import keep_summaries
from greenroom.app.conversations.tables import (
    conversations,
    events,
    participants,
    sessions,
    tool_calls,
    turns,
    users,
)
from greenroom.app.rooms.archive import Batch, Delivery, Refusal, Report, Unkept
from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.sessions import Session, State

# What a database says of data that it will never take; anything else may pass, or is a bug of ours
UNSTORABLE = (DataError, IntegrityError, UnicodeError, OverflowError)
SPEAKERS = ("user", "assistant")  # whose turns are counted as messages
OPEN = "open"  # the status of a tool's call that nothing has come of yet

Row = dict[str, Any]


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
                return _keep(connection, batches)
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
                _keep_session(connection, report)
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
    return [[_with(batch, part)] for part in parts] if middle else []


def _with(batch: Batch, deliveries: tuple[Delivery, ...]) -> Batch:
    return Batch(batch.conversation_id, batch.tenant, batch.user_id, deliveries)


# Turns


def _keep(connection: Connection, batches: Sequence[Batch]) -> list[Refusal]:
    batches = _without_erased(connection, batches)
    for batch in batches:
        _know_user(connection, batch.tenant, batch.user_id, _first_ms(batch))
        _know_conversation(connection, batch)
    late = _late(connection, batches)
    rows = [
        _row(batch, delivery)
        for batch in batches
        for delivery in batch.deliveries
        if delivery.turn.is_said and (batch.conversation_id, delivery.turn.id) not in late
    ]
    new = _insert_new(connection, turns, rows, turns.c.tenant, turns.c.conversation_id, turns.c.id)
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
        _with(batch, tuple(each for each in batch.deliveries if is_left(batch, each))) for batch in batches
    )
    return [batch for batch in left if batch.deliveries]


def _first_ms(batch: Batch) -> int:
    return min(delivery.turn.started_ms for delivery in batch.deliveries)


def _know_user(connection: Connection, tenant: str, user_id: str, at_ms: int) -> None:
    row = {"tenant": tenant, "id": user_id, "created_ms": at_ms, "updated_ms": at_ms}
    connection.execute(insert_into(connection, users).values(row).on_conflict_do_nothing())


def _know_conversation(connection: Connection, batch: Batch) -> None:
    """Its row is there then, and ours alone until we are done: of several that flush, each waits for the other here."""
    last_ms = max(delivery.turn.ended_ms for delivery in batch.deliveries)
    row = {
        "tenant": batch.tenant,
        "id": batch.conversation_id,
        "user_id": batch.user_id,
        "started_ms": _first_ms(batch),
        "last_ms": last_ms,
    }
    insert = insert_into(connection, conversations).values(row)
    later = func.greatest if connection.dialect.name == "postgresql" else func.max
    changes: Row = {"last_ms": later(conversations.c.last_ms, insert.excluded.last_ms)}
    if batch.user_id:  # it was forgotten when the conversation's first turns came
        changes["user_id"] = _owner_if_unknown(insert.excluded.user_id)
    connection.execute(insert.on_conflict_do_update(index_elements=["tenant", "id"], set_=changes))


def _owner_if_unknown(user_id: Any) -> Any:
    return func.coalesce(func.nullif(conversations.c.user_id, ""), user_id)


def _late(connection: Connection, batches: Sequence[Batch]) -> set[tuple[str, str]]:
    """The turns that a bot wrote when another bot of its session had already written one."""
    named = {
        (batch.tenant, delivery.session_id)
        for batch in batches
        for delivery in batch.deliveries
        if delivery.session_id
    }
    of_session = tuple_(turns.c.tenant, turns.c.session_id)
    query = (
        select(turns.c.tenant, turns.c.session_id, func.max(turns.c.written_epoch))
        .where(of_session.in_(named))
        .group_by(turns.c.tenant, turns.c.session_id)
    )
    latest = {(tenant, session_id): epoch for tenant, session_id, epoch in connection.execute(query)}
    late = set()
    for batch in batches:
        for delivery in batch.deliveries:
            session = (batch.tenant, delivery.session_id)
            if delivery.session_id and delivery.written_epoch < latest.get(session, 0):
                late.add((batch.conversation_id, delivery.turn.id))
            else:
                latest[session] = delivery.written_epoch
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
        "content": _storable(turn.content),
        "message": _storable(turn.as_message()),
        "interrupted": turn.interrupted,
        "started_ms": turn.started_ms,
        "ended_ms": turn.ended_ms,
        "source": turn.source.value,
    }


def _storable(value: Any) -> Any:
    """The same without zero characters, which PostgreSQL has no place for."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, Mapping):
        return {name: _storable(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(part) for part in value]
    return value


def _count(connection: Connection, batches: Sequence[Batch], new: set[tuple[Any, ...]]) -> None:
    """Add the turns that are new to what their conversations and sessions count."""
    of_conversations, of_sessions = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for batch, turn, session_id in _each(batches):
        if (batch.tenant, batch.conversation_id, turn.id) in new:
            of_conversations[batch.tenant, batch.conversation_id] += 1
            if session_id and turn.role in SPEAKERS:
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
                    "arguments": _storable(call.arguments),
                    "status": OPEN,
                }
            )
        if turn.tool_call_id is not None:
            answered.append(
                {
                    "in_tenant": batch.tenant,
                    "in_conversation": batch.conversation_id,
                    "which": turn.tool_call_id,
                    "new_result": _storable(turn.content),
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


# Sessions


def _keep_session(connection: Connection, report: Report) -> None:
    session = report.session
    tenant, owner = session.brief.tenant, session.conversation_owner.partition("/")[2]
    erased = _erased_of(connection, report, owner)
    if erased.has(erasures.SESSION, tenant, session.id) or erased.covers(
        erasures.USER, tenant, session.brief.user_id, session.created_ms
    ):
        return
    is_known = not (
        erased.covers(erasures.USER, tenant, owner, session.created_ms)
        or erased.covers(erasures.CONVERSATION, tenant, session.conversation_id, session.created_ms)
    )
    for person in sorted({session.brief.user_id, owner} if is_known else {session.brief.user_id}):
        _know_user(connection, tenant, person, session.created_ms)
    if is_known:
        _know_conversation_of(connection, session, owner)
    row = _session_row(report)
    row["message_count"] = (
        select(func.count())
        .select_from(turns)
        .where(turns.c.tenant == tenant, turns.c.session_id == session.id, turns.c.role.in_(SPEAKERS))
        .scalar_subquery()
    )
    insert = insert_into(connection, sessions).values(row)
    is_later = or_(
        sessions.c.epoch < insert.excluded.epoch,
        and_(sessions.c.epoch == insert.excluded.epoch, sessions.c.version <= insert.excluded.version),
    )
    changes = {name: insert.excluded[name] for name in row if name not in ("tenant", "id", "message_count")}
    connection.execute(
        insert.on_conflict_do_update(index_elements=["tenant", "id"], set_=changes, where=is_later)
    )
    _keep_visits(connection, report, erased)
    _keep_events(connection, report, erased)


def _erased_of(connection: Connection, report: Report, owner: str) -> erasures.Erasures:
    session, tenant = report.session, report.session.brief.tenant
    people = {session.brief.user_id, owner, *(visit.identity for visit in report.visits)}
    people |= {event.person for event in report.events if event.person}
    asked = [(erasures.USER, tenant, person) for person in people]
    asked.append((erasures.SESSION, tenant, session.id))
    asked.append((erasures.CONVERSATION, tenant, session.conversation_id))
    return erasures.look(connection, asked)


def _know_conversation_of(connection: Connection, session: Session, owner: str) -> None:
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
        "user_id": _owner_if_unknown(insert.excluded.user_id),
    }
    connection.execute(insert.on_conflict_do_update(index_elements=["tenant", "id"], set_=changes))


def _session_row(report: Report) -> Row:
    session, brief = report.session, report.session.brief
    ended_ms = session.updated_ms if session.state is State.ENDED else None
    return {
        "tenant": brief.tenant,
        "id": session.id,
        "room_name": str(session.room),
        "user_id": brief.user_id,
        "conversation_id": session.conversation_id,
        "assistant_id": brief.assistant,
        "bot": brief.bot,
        "personality": brief.personality,
        "state": session.state.value,
        "end_reason": session.reason.value if session.reason else None,
        "brief": _storable(brief.facts()),
        "epoch": session.epoch,
        "epochs": len({event.epoch for event in report.events} | {session.epoch}),
        "version": session.version,
        "created_ms": session.created_ms,
        "updated_ms": session.updated_ms,
        "ended_ms": ended_ms,
        "duration_ms": ended_ms - session.created_ms if ended_ms else None,
    }


def _keep_visits(connection: Connection, report: Report, erased: erasures.Erasures) -> None:
    of = {"tenant": report.session.brief.tenant, "session_id": report.session.id}
    rows = [
        {
            **of,
            "identity": visit.identity,
            "joined_ms": visit.joined_ms,
            "name": visit.name,
            "left_ms": visit.left_ms,
            "metadata": _storable(dict(visit.metadata)),
        }
        for visit in report.visits
        if not erased.covers(erasures.USER, of["tenant"], visit.identity, visit.joined_ms)
    ]
    if rows:
        insert = insert_into(connection, participants)
        left = func.coalesce(participants.c.left_ms, insert.excluded.left_ms)
        key = ["tenant", "session_id", "identity", "joined_ms"]
        connection.execute(insert.on_conflict_do_update(index_elements=key, set_={"left_ms": left}), rows)
    _close_visits(connection, report)


def _close_visits(connection: Connection, report: Report) -> None:
    """End those whose beginning was kept, and is not in the history any more; all of them when the session ends."""
    session = report.session
    is_open = and_(
        participants.c.tenant == session.brief.tenant,
        participants.c.session_id == session.id,
        participants.c.left_ms.is_(None),
    )
    for gone in report.departures:
        was_there = and_(participants.c.identity == gone.identity, participants.c.joined_ms <= gone.at_ms)
        connection.execute(update(participants).where(is_open, was_there).values(left_ms=gone.at_ms))
    if session.state is State.ENDED:
        connection.execute(update(participants).where(is_open).values(left_ms=session.updated_ms))


def _keep_events(connection: Connection, report: Report, erased: erasures.Erasures) -> None:
    session = report.session
    rows = [
        {
            "tenant": session.brief.tenant,
            "id": f"{session.id}/{event.id}",
            "at_ms": event.at_ms,
            "event": event.event,
            "session_id": session.id,
            "conversation_id": event.conversation_id or session.conversation_id,
            "sequence": event.sequence,
            "user_id": event.person or session.brief.user_id,
            "epoch": event.epoch,
            "reason": event.reason,
            "detail": _storable(event.detail),
        }
        for event in report.events
        if not erased.covers(erasures.USER, session.brief.tenant, event.person, event.at_ms)
    ]
    if rows:
        connection.execute(insert_into(connection, events).on_conflict_do_nothing(), rows)


# Both databases


def _insert_new(
    connection: Connection, table: Table, rows: Sequence[Row], *names: Any
) -> set[tuple[Any, ...]]:
    """Insert those that are not there; returns their names."""
    if not rows:
        return set()
    statement = insert_into(connection, table).on_conflict_do_nothing().returning(*names)
    return {tuple(row) for row in connection.execute(statement, rows)}
