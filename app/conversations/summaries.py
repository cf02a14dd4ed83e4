"""Summaries in SQL, behind the port in `app/rooms/summarising.py`, and those that bots write during a call."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, case, func, select, true
from sqlalchemy.exc import IntegrityError

from greenroom.app.conversations.database import Database
from greenroom.app.conversations.inserting import insert_into
from greenroom.app.conversations.tables import conversations, facts, sessions, summaries, turns
from greenroom.app.rooms.archive import Batch
from greenroom.app.rooms.conversations import SumsUp
from greenroom.app.rooms.memory import FORGOTTEN, SPEAKERS, Said
from greenroom.app.rooms.providers import GUEST, is_guest
from greenroom.app.rooms.summarising import FEWEST, TURNS_AT_MOST, Talk

LACKING_AT_ONCE = (
    100  # conversations that are found without a summary: as many as models write in some minutes
)


class SqlSummaries:
    """The summaries of conversations (`greenroom.app.rooms.summarising.Summaries`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def talk(self, tenant: str, conversation_id: str) -> Talk | None:
        with self._database.reading() as connection:
            owner = connection.execute(
                select(conversations.c.user_id).where(
                    conversations.c.tenant == tenant, conversations.c.id == conversation_id
                )
            ).scalar()
            return (
                _talk(connection, tenant, conversation_id, owner) if owner and not is_guest(owner) else None
            )

    def of_session(self, tenant: str, session_id: str) -> list[str]:
        query = (
            select(conversations.c.id)
            .where(conversations.c.tenant == tenant, conversations.c.id.in_(_had_by(tenant, session_id)))
            .where(_is_of_somebody())
            .order_by(conversations.c.started_ms)
        )
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def lacking(self, from_ms: int, to_ms: int) -> list[tuple[str, str]]:
        told = (
            select(func.max(summaries.c.up_to))
            .where(
                summaries.c.tenant == conversations.c.tenant,
                summaries.c.conversation_id == conversations.c.id,
            )
            .scalar_subquery()
        )
        untold = (
            select(func.count())
            .select_from(turns.join(sessions, _is_session_of(turns)))
            .where(turns.c.tenant == conversations.c.tenant, turns.c.conversation_id == conversations.c.id)
            .where(turns.c.role == "user", turns.c.content != "", turns.c.sequence > func.coalesce(told, 0))
            .where(func.coalesce(sessions.c.brief["memory"].as_boolean(), true()))
            .scalar_subquery()
        )
        query = (
            select(conversations.c.tenant, conversations.c.id)
            .where(conversations.c.last_ms >= from_ms, conversations.c.last_ms < to_ms, _is_of_somebody())
            .where(untold >= case((told.is_(None), FEWEST), else_=1))
            .order_by(conversations.c.last_ms)
            .limit(LACKING_AT_ONCE)
        )
        with self._database.reading() as connection:
            return [(tenant, conversation_id) for tenant, conversation_id in connection.execute(query)]

    def keep(self, tenant: str, conversation_id: str, talk: Talk, text: str, model: str) -> None:
        """Its time is that of the last turn it tells of: what is to be forgotten later, it tells of."""
        summary = SumsUp(talk.up_to, model)
        try:
            with self._database.writing() as connection:
                _keep(connection, tenant, conversation_id, summary, text, talk.until_ms)
        except IntegrityError:  # the conversation is erased
            return


def _had_by(tenant: str, session_id: str) -> Select[str]:
    return (
        select(turns.c.conversation_id)
        .where(turns.c.tenant == tenant, turns.c.session_id == session_id)
        .distinct()
    )


def _is_session_of(table: Table) -> ColumnElement[bool]:
    return and_(sessions.c.tenant == table.c.tenant, sessions.c.id == table.c.session_id)


def _is_of_somebody() -> ColumnElement[bool]:
    """As `is_guest` has it."""
    user = func.lower(conversations.c.user_id)
    return and_(user != "", user != GUEST, user.not_like(f"{GUEST}-%"))


def keep_summaries(
    connection: Connection, batches: Sequence[Batch], late: Collection[tuple[str, str]]
) -> None:
    """Keep what bots have summed up of their conversations: of a user's own words, and nothing they want forgotten.

    Their turns, what is to be forgotten included, are kept before it.
    """
    for batch in batches:
        for delivery in batch.deliveries:
            turn = delivery.turn
            if turn.sums_up is None or (batch.conversation_id, turn.id) in late:
                continue
            is_owners = turn.person in (None, batch.user_id) and batch.user_id and not is_guest(batch.user_id)
            if is_owners and turn.started_ms > _forgotten_ms(connection, batch.tenant, batch.user_id):
                _keep(
                    connection, batch.tenant, batch.conversation_id, turn.sums_up, turn.content, turn.ended_ms
                )


def _keep(
    connection: Connection, tenant: str, conversation_id: str, summary: SumsUp, text: str, until_ms: int
) -> None:
    row = {
        "tenant": tenant,
        "conversation_id": conversation_id,
        "up_to": summary.up_to,
        "text": text.replace("\0", ""),
        "model": summary.model,
        "created_ms": until_ms,
    }
    connection.execute(insert_into(connection, summaries).values(row).on_conflict_do_nothing())


def _forgotten_ms(connection: Connection, tenant: str, user_id: str) -> int:
    """When they last asked that something be forgotten; -1 if never."""
    query = select(facts.c.updated_ms).where(
        facts.c.tenant == tenant, facts.c.user_id == user_id, facts.c.key == FORGOTTEN
    )
    found = connection.execute(query).scalar()
    return -1 if found is None else found


def _talk(connection: Connection, tenant: str, conversation_id: str, owner: str) -> Talk | None:
    """What its owner said and was told since the last summary, and since they asked that anything be forgotten."""
    forgotten_ms = _forgotten_ms(connection, tenant, owner)
    last = connection.execute(
        select(summaries.c.up_to, summaries.c.text, summaries.c.created_ms)
        .where(summaries.c.tenant == tenant, summaries.c.conversation_id == conversation_id)
        .order_by(summaries.c.up_to.desc())
        .limit(1)
    ).first()
    if last and last.created_ms <= forgotten_ms:  # it tells of what is to be forgotten
        last = None
    query = (
        select(
            turns.c.sequence,
            turns.c.role,
            turns.c.content,
            turns.c.person,
            turns.c.started_ms,
            turns.c.ended_ms,
        )
        .where(turns.c.tenant == tenant, turns.c.conversation_id == conversation_id)
        .where(turns.c.sequence > (last.up_to if last else 0))
        .order_by(turns.c.sequence.desc())
        .limit(TURNS_AT_MOST)
    )
    found = [
        row
        for row in connection.execute(query)
        if row.role in SPEAKERS
        and row.content
        and row.started_ms > forgotten_ms
        and row.person in (None, owner)
    ]
    if not found:
        return None
    return Talk(
        before=last.text if last else "",
        turns=[Said(row.role, row.content) for row in reversed(found)],
        up_to=found[0].sequence,
        until_ms=max(row.ended_ms for row in found),
    )
