"""What was said, read from SQL (`greenroom.app.rooms.reading.KeptConversations`)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, collate, exists, or_, select

from greenroom.app.conversations.database import Database
from greenroom.app.conversations.tables import conversations, tool_calls, turns
from greenroom.app.rooms.brief import MAIN
from greenroom.app.rooms.conversations import Source, ToolCall, ToolStatus, Turn
from greenroom.app.rooms.reading import Conversation, Conversations, Place, Wanted

SEARCHED_AT_ONCE = 1000  # conversations: words are looked for in each of their turns
SAID = ("user", "assistant")  # whose turns are searched; what a tool returned nobody said


class SqlKeptConversations:
    """The conversations of one tenant."""

    def __init__(self, database: Database, tenant: str = MAIN) -> None:
        self._database = database
        self._tenant = tenant

    def page(self, wanted: Wanted, after: Place | None, limit: int) -> Conversations:
        with self._database.reading() as connection:
            if wanted.words:
                return self._search(connection, wanted, after, limit)
            found = connection.execute(self._in_order(connection, wanted, after).limit(limit + 1)).all()
        goes_on = _place(found[limit - 1]) if len(found) > limit else None
        return Conversations([_conversation(row) for row in found[:limit]], goes_on)

    def find(self, conversation_id: str) -> Conversation | None:
        that = select(conversations).where(
            conversations.c.tenant == self._tenant, conversations.c.id == conversation_id
        )
        with self._database.reading() as connection:
            row = connection.execute(that).first()
        return None if row is None else _conversation(row)

    def turns(self, conversation_id: str, after: Place | None, limit: int) -> Sequence[Turn]:
        its_id = _by_bytes(turns.c.id, self._database.is_sqlite)
        those = (
            select(turns)
            .where(turns.c.tenant == self._tenant, turns.c.conversation_id == conversation_id)
            .order_by(turns.c.sequence, its_id)
            .limit(limit)
        )
        if after is not None:
            is_next = or_(
                turns.c.sequence > after.number, and_(turns.c.sequence == after.number, its_id > after.id)
            )
            those = those.where(turns.c.sequence >= after.number, is_next)
        with self._database.reading() as connection:
            found = connection.execute(those).all()
            return turns_of_rows(connection, self._tenant, conversation_id, found)

    def _search(
        self, connection: Connection, wanted: Wanted, after: Place | None, limit: int
    ) -> Conversations:
        """Through the next SEARCHED_AT_ONCE conversations, however many of them have the words."""
        ordered = self._in_order(connection, wanted, after)
        last = connection.execute(ordered.offset(SEARCHED_AT_ONCE - 1).limit(1)).first()
        has_words = exists().where(
            turns.c.tenant == conversations.c.tenant,
            turns.c.conversation_id == conversations.c.id,
            turns.c.role.in_(SAID),
            turns.c.content.icontains(wanted.words, autoescape=True),
        )
        among = ordered.where(has_words)
        if last is not None:
            began = conversations.c.started_ms
            is_before = or_(
                began > last.started_ms,
                and_(
                    began == last.started_ms,
                    _by_bytes(conversations.c.id, self._database.is_sqlite) >= last.id,
                ),
            )
            among = among.where(is_before)
        found = connection.execute(among.limit(limit + 1)).all()
        goes_on = _place(last) if last is not None else None
        if len(found) > limit:
            goes_on = _place(found[limit - 1])
        return Conversations([_conversation(row) for row in found[:limit]], goes_on)

    def _in_order(self, connection: Connection, wanted: Wanted, after: Place | None) -> "Select[Any]":
        """By when they began, which no later turn changes."""
        its_id = _by_bytes(conversations.c.id, self._database.is_sqlite)
        those = select(conversations).where(conversations.c.tenant == self._tenant)
        for column, value in (
            (conversations.c.user_id, wanted.user_id),
            (conversations.c.assistant_id, wanted.assistant),
            (conversations.c.room, wanted.room),
        ):
            if value is not None:
                those = those.where(column == value)
        if wanted.from_ms is not None:
            those = those.where(conversations.c.started_ms >= wanted.from_ms)
        if wanted.to_ms is not None:
            those = those.where(conversations.c.started_ms < wanted.to_ms)
        if wanted.has_turns:
            those = those.where(conversations.c.turn_count > 0)
        if after is not None:
            began = conversations.c.started_ms
            is_next = or_(began < after.number, and_(began == after.number, its_id < after.id))
            those = those.where(began <= after.number, is_next)
        return those.order_by(conversations.c.started_ms.desc(), its_id.desc())


def turns_of_rows(
    connection: Connection, tenant: str, conversation_id: str, found: Sequence["Row[Any]"]
) -> list[Turn]:
    """Turns of a conversation, and how the calls ended whose results are among them."""
    results: dict[str, str] = {}
    if asked := {row.message["tool_call_id"] for row in found if row.message.get("tool_call_id")}:
        query = select(tool_calls.c.id, tool_calls.c.status).where(
            tool_calls.c.tenant == tenant,
            tool_calls.c.conversation_id == conversation_id,
            tool_calls.c.id.in_(asked),
        )
        results = {row.id: row.status for row in connection.execute(query)}
    return [_turn(row, results) for row in found]


def _by_bytes(column: Any, is_sqlite: bool) -> Any:
    """In one order everywhere, which is Python's as well; PostgreSQL's own depends on where it was set up."""
    return column if is_sqlite else collate(column, "C")


def _place(row: "Row[Any]") -> Place:
    return Place(row.started_ms, row.id)


def _conversation(row: "Row[Any]") -> Conversation:
    return Conversation(
        id=row.id,
        user_id=row.user_id,
        started_ms=row.started_ms,
        last_ms=row.last_ms,
        turn_count=row.turn_count,
        assistant=row.assistant_id,
        room=row.room,
    )


def _turn(row: "Row[Any]", results: dict[str, str]) -> Turn:
    call_id = row.message.get("tool_call_id")
    status = results.get(call_id) if call_id else None
    return Turn(
        id=row.id,
        role=row.role,
        content=row.content,
        tool_calls=tuple(
            ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
            for call in row.message.get("tool_calls", ())
        ),
        tool_call_id=call_id,
        tool_status=ToolStatus(status) if status in set(ToolStatus) else None,
        person=row.person,
        interrupted=row.interrupted,
        epoch=row.epoch,
        source=Source(row.source),
        sequence=row.sequence,
        started_ms=row.started_ms,
        ended_ms=row.ended_ms,
    )
