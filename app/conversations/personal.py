"""What is of a person, in every table: told, and erased (`greenroom.app.rooms.erasing.KeptOfPeople`)."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    union,
)

from greenroom.app.conversations.database import Database
from greenroom.app.conversations.erasures import note
from greenroom.app.conversations.tables import (
    conversations,
    events,
    facts,
    notes,
    participants,
    sessions,
    summaries,
    tool_calls,
    turns,
    users,
)
from greenroom.app.rooms.brief import MAIN
from greenroom.app.rooms.erasing import Account, Seen, Traces
from greenroom.app.rooms.memory import FORGOTTEN

OTHERS_FIRST = 0.01  # seconds between two of those transactions
ROWS_AT_ONCE = 1000  # that are deleted in one transaction, and read in one go: nobody waits long for either

Condition = ColumnElement[bool]


def _own_conversations(tenant: str, user_id: str) -> Any:
    return select(conversations.c.id).where(
        conversations.c.tenant == tenant, conversations.c.user_id == user_id
    )


def _own_sessions(tenant: str, user_id: str) -> Any:
    return select(sessions.c.id).where(sessions.c.tenant == tenant, sessions.c.user_id == user_id)


def _spoken_in(tenant: str, user_id: str) -> Any:
    return select(turns.c.conversation_id).where(turns.c.tenant == tenant, turns.c.person == user_id)


def _own_turns(tenant: str, user_id: str) -> Condition:
    """Those of their conversations, and what they said, or were told, in somebody else's."""
    return or_(turns.c.conversation_id.in_(_own_conversations(tenant, user_id)), turns.c.person == user_id)


def _calls_in_own_turns(tenant: str, user_id: str) -> Condition:
    of_turns = select(turns.c.conversation_id, turns.c.id).where(
        turns.c.tenant == tenant, turns.c.person == user_id
    )
    return or_(
        tool_calls.c.conversation_id.in_(_own_conversations(tenant, user_id)),
        tuple_(tool_calls.c.conversation_id, tool_calls.c.turn_id).in_(of_turns),
    )


# What refers to others first.  A summary of somebody else's conversation may tell of what they said in it.
OF_A_PERSON: dict[Table, Callable[[str, str], Condition]] = {
    events: lambda tenant, user_id: or_(
        events.c.user_id == user_id, events.c.conversation_id.in_(_own_conversations(tenant, user_id))
    ),
    participants: lambda tenant, user_id: or_(
        participants.c.identity == user_id, participants.c.session_id.in_(_own_sessions(tenant, user_id))
    ),
    sessions: lambda _, user_id: sessions.c.user_id == user_id,
    summaries: lambda tenant, user_id: or_(
        summaries.c.conversation_id.in_(_own_conversations(tenant, user_id)),
        summaries.c.conversation_id.in_(_spoken_in(tenant, user_id)),
    ),
    tool_calls: _calls_in_own_turns,
    turns: _own_turns,
    conversations: lambda _, user_id: conversations.c.user_id == user_id,
    facts: lambda _, user_id: facts.c.user_id == user_id,
    notes: lambda _, user_id: notes.c.user_id == user_id,
    users: lambda _, user_id: users.c.id == user_id,
}


class SqlPersonal:
    """What is kept of the people of one tenant."""

    def __init__(self, database: Database, tenant: str = MAIN) -> None:
        self._database = database
        self._tenant = tenant

    def account(self, user_id: str) -> Account:
        counted = (conversations, sessions, turns, facts, notes)
        with self._database.reading() as connection:
            counts = {
                table.name: connection.execute(
                    select(func.count()).select_from(table).where(self._told(table, user_id))
                ).scalar_one()
                for table in counted
            }
            seen = [
                connection.execute(select(func.max(column)).where(self._theirs(table, user_id))).scalar()
                for table, column in (
                    (conversations, conversations.c.last_ms),
                    (sessions, sessions.c.updated_ms),
                )
            ]
        return Account(counts, max((each for each in seen if each), default=None))

    def seen_last(self, limit: int) -> Sequence[Seen]:
        """Whoever has a conversation, and guests of other people's sessions, with what they said there."""
        people = union(
            select(users.c.id.label("id")).where(users.c.tenant == self._tenant, users.c.id != ""),
            select(participants.c.identity).where(participants.c.tenant == self._tenant),
        ).subquery()
        talks = (
            select(
                conversations.c.user_id,
                func.count().label("count"),
                func.sum(conversations.c.turn_count).label("turns"),
                func.max(conversations.c.last_ms).label("last_ms"),
            )
            .where(conversations.c.tenant == self._tenant)
            .group_by(conversations.c.user_id)
            .subquery()
        )
        came = func.max(func.coalesce(participants.c.left_ms, participants.c.joined_ms))
        visits = (
            select(participants.c.identity, came.label("last_ms"))
            .where(participants.c.tenant == self._tenant)
            .group_by(participants.c.identity)
            .subquery()
        )
        last_ms = func.coalesce(talks.c.last_ms, visits.c.last_ms)
        query = (
            select(people.c.id, func.coalesce(talks.c.count, 0), talks.c.turns, last_ms)
            .select_from(people)
            .outerjoin(talks, talks.c.user_id == people.c.id)
            .outerjoin(visits, visits.c.identity == people.c.id)
            .order_by(func.coalesce(last_ms, 0).desc(), people.c.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            found = connection.execute(query).all()
            guests = [user_id for user_id, count, *_ in found if not count]
            said = select(turns.c.person, func.count().label("spoken")).where(
                turns.c.tenant == self._tenant, turns.c.person.in_(guests)
            )
            of_guests = {row.person: row.spoken for row in connection.execute(said.group_by(turns.c.person))}
        return [
            Seen(user_id, count, int(turn_count or of_guests.get(user_id, 0)), at_ms)
            for user_id, count, turn_count, at_ms in found
        ]

    def facts(self, user_id: str) -> Sequence[Mapping[str, Any]]:
        query = (
            select(facts.c.key, facts.c.text, facts.c.updated_ms)
            .where(self._told(facts, user_id))
            .order_by(facts.c.key)
            .limit(ROWS_AT_ONCE)
        )
        with self._database.reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def rows(self, user_id: str) -> Iterator[tuple[str, Iterable[Mapping[str, Any]]]]:
        for table in reversed(OF_A_PERSON):
            yield table.name, self._rows(table, user_id)

    def _rows(self, table: Table, user_id: str) -> Iterator[Mapping[str, Any]]:
        """By their keys, some at a time, so that a slow reader holds no transaction open."""
        key = tuple_(*table.primary_key.columns)
        those = select(table).where(self._told(table, user_id)).order_by(*table.primary_key.columns)
        after: tuple[Any, ...] | None = None
        while True:
            these = those if after is None else those.where(key > tuple_(*after))
            with self._database.reading() as connection:
                some = connection.execute(these.limit(ROWS_AT_ONCE)).mappings().all()
            for row in some:
                yield {name: value for name, value in row.items() if name != "tenant"}
            if len(some) < ROWS_AT_ONCE:
                return
            after = tuple(some[-1][column.name] for column in table.primary_key.columns)

    def is_known(self, user_id: str) -> bool:
        with self._database.reading() as connection:
            return any(
                connection.execute(select(1).where(exists().where(self._theirs(table, user_id)))).first()
                for table in reversed(OF_A_PERSON)
            )

    def note_erased(self, user_id: str, at_ms: int, traces: Traces) -> Traces:
        with self._database.writing() as connection:
            found = self._traces(connection, user_id) | traces
            note(
                connection,
                self._tenant,
                at_ms,
                user=[user_id],
                conversation=found.conversations,
                session=found.sessions,
            )
            return found

    def erase(self, user_id: str) -> Mapping[str, int]:
        erased = {}
        for table in OF_A_PERSON:
            erased[table.name] = delete_some_at_a_time(self._database, table, self._told(table, user_id))
        delete_some_at_a_time(
            self._database, facts, self._theirs(facts, user_id)
        )  # that there is no more to tell
        self._database.overwrite_what_was_deleted()
        return erased

    def _told(self, table: Table, user_id: str) -> Condition:
        """Without that they have asked to be forgotten, which is kept as a fact and is none."""
        theirs = self._theirs(table, user_id)
        return and_(theirs, facts.c.key != FORGOTTEN) if table is facts else theirs

    def _theirs(self, table: Table, user_id: str) -> Condition:
        return and_(table.c.tenant == self._tenant, OF_A_PERSON[table](self._tenant, user_id))

    def _traces(self, connection: Connection, user_id: str) -> Traces:
        came_to = select(participants.c.session_id).where(
            participants.c.tenant == self._tenant, participants.c.identity == user_id
        )
        own = frozenset(connection.execute(_own_conversations(self._tenant, user_id)).scalars())
        return Traces(
            own,
            frozenset(connection.execute(_own_sessions(self._tenant, user_id)).scalars()),
            frozenset(connection.execute(_spoken_in(self._tenant, user_id).distinct()).scalars()) - own,
            frozenset(connection.execute(came_to.distinct()).scalars()),
        )


def delete_some_at_a_time(
    database: Database, table: Table, condition: Condition, *, until: float = math.inf
) -> int:
    """Delete rows in many short transactions, so that no writer waits long; returns how many there were.

    `until` a time of the monotonic clock: then the rest stays.
    """
    key = tuple_(*table.primary_key.columns)
    some = select(*table.primary_key.columns).where(condition).limit(ROWS_AT_ONCE)
    deleted = 0
    while True:
        with database.writing() as connection:
            count = connection.execute(delete(table).where(key.in_(some))).rowcount
        deleted += count
        if count < ROWS_AT_ONCE or time.monotonic() > until:
            return deleted
        time.sleep(OTHERS_FIRST)  # in SQLite nobody stands in line for the lock
