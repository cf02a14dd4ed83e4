"""A session is stored, with its people and its history, unless its person was erased."""

from typing import Any

from sqlalchemy import Connection, ScalarSelect, and_, func, or_, select, update

from greenroom.app.conversations import erasures
from greenroom.app.conversations.inserting import insert_into, storable
from greenroom.app.conversations.owners import add_conversation_of_session, add_user
from greenroom.app.conversations.tables import SPEAKERS, events, participants, sessions, turns
from greenroom.app.rooms.archive import Report
from greenroom.app.rooms.sessions import State

Row = dict[str, Any]


def keep_session(connection: Connection, report: Report) -> None:
    """Store its present state, unless a later one is stored already."""
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
        add_user(connection, tenant, person, session.created_ms)
    if is_known:
        add_conversation_of_session(connection, session, owner)
    row = _session_row(report)
    row["message_count"] = (
        select(func.count())
        .select_from(turns)
        .where(
            turns.c.tenant == tenant,
            turns.c.session_id == session.id,
            turns.c.role.in_(SPEAKERS),
            turns.c.content != "",
        )
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
        "brief": storable(brief.facts()),
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
            "metadata": storable(dict(visit.metadata)),
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
    """End those that are over, though the history may have neither their beginning any more nor their end."""
    session = report.session
    is_open = and_(
        participants.c.tenant == session.brief.tenant,
        participants.c.session_id == session.id,
        participants.c.left_ms.is_(None),
    )
    for gone in report.departures:
        was_there = and_(participants.c.identity == gone.identity, participants.c.joined_ms <= gone.at_ms)
        connection.execute(update(participants).where(is_open, was_there).values(left_ms=gone.at_ms))
    came_again = _coming_again()
    connection.execute(
        update(participants).where(is_open, came_again.is_not(None)).values(left_ms=came_again)
    )
    if session.state is State.ENDED:
        connection.execute(update(participants).where(is_open).values(left_ms=session.updated_ms))


def _coming_again() -> ScalarSelect[int | None]:
    """When the person of a visit came the next time.

    Redis may have lost their coming and the bot that would have seen them go: nobody is there twice at once.
    """
    later = participants.alias("later")
    return (
        select(func.min(later.c.joined_ms))
        .where(
            later.c.tenant == participants.c.tenant,
            later.c.session_id == participants.c.session_id,
            later.c.identity == participants.c.identity,
            later.c.joined_ms > participants.c.joined_ms,
        )
        .correlate(participants)
        .scalar_subquery()
    )


def _keep_events(connection: Connection, report: Report, erased: erasures.Erasures) -> None:
    session = report.session
    rows = [
        {
            "tenant": session.brief.tenant,
            "id": f"{session.id}/{event.id}",
            "at_ms": event.at_ms,
            "event": event.event,
            "session_id": session.id,
            "conversation_id": event.conversation_id,
            "sequence": event.sequence,
            "user_id": event.person or session.brief.user_id,
            "epoch": event.epoch,
            "reason": event.reason,
            "detail": storable(event.detail),
        }
        for event in report.events
        if not erased.covers(erasures.USER, session.brief.tenant, event.person, event.at_ms)
    ]
    if rows:
        connection.execute(insert_into(connection, events).on_conflict_do_nothing(), rows)
