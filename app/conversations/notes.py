"""Notes in SQL (`greenroom.app.rooms.notes.Notes`)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, select

from greenroom.app.conversations.database import Database
from greenroom.app.conversations.erasures import USER, look
from greenroom.app.conversations.inserting import insert_into, storable
from greenroom.app.conversations.tables import notes, users
from greenroom.app.errors.users import NoteTooLong, PersonErased
from greenroom.app.rooms.notes import LONGEST_NOTE, NOTES_KEPT, Note, id_of


class SqlNotes:
    """Keeps notes of people, each where nobody else finds it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(
        self, tenant: str, user_id: str, note: Note, *, conversation_id: str, at_ms: int, add: bool = False
    ) -> Note:
        note = Note(storable(note.title), storable(note.text))
        with self._database.writing() as connection:
            if look(connection, [(USER, tenant, user_id)]).covers(USER, tenant, user_id, at_ms):
                raise PersonErased
            before = _find(connection, tenant, user_id, note.id) if add else None
            if before is not None:
                note = Note(before.title, f"{before.text}\n{note.text}")
            if len(note.text) > LONGEST_NOTE:
                raise NoteTooLong
            _put(connection, tenant, user_id, note, conversation_id, at_ms)
            _drop_oldest(connection, tenant, user_id)
        return note

    def find(self, tenant: str, user_id: str, title: str) -> Note | None:
        with self._database.reading() as connection:
            return _find(connection, tenant, user_id, id_of(storable(title)))

    def titles(self, tenant: str, user_id: str) -> Sequence[str]:
        newest = select(notes.c.title).where(*_of(tenant, user_id)).order_by(*_NEWEST_FIRST)
        with self._database.reading() as connection:
            return list(connection.execute(newest.limit(NOTES_KEPT)).scalars())


_NEWEST_FIRST = (notes.c.updated_ms.desc(), notes.c.id)


def _find(connection: Connection, tenant: str, user_id: str, its_id: str) -> Note | None:
    that = select(notes.c.title, notes.c.text).where(*_of(tenant, user_id), notes.c.id == its_id)
    found = connection.execute(that).first()
    return None if found is None else Note(*found)


def _put(
    connection: Connection, tenant: str, user_id: str, note: Note, conversation_id: str, at_ms: int
) -> None:
    person = {"tenant": tenant, "id": user_id, "created_ms": at_ms, "updated_ms": at_ms}
    connection.execute(insert_into(connection, users).values(person).on_conflict_do_nothing())
    row = {
        "tenant": tenant,
        "user_id": user_id,
        "id": note.id,
        "title": note.title,
        "text": note.text,
        "conversation_id": conversation_id,
        "created_ms": at_ms,
        "updated_ms": at_ms,
    }
    insert = insert_into(connection, notes).values(row)
    changes = {name: insert.excluded[name] for name in ("title", "text", "conversation_id", "updated_ms")}
    connection.execute(insert.on_conflict_do_update(index_elements=["tenant", "user_id", "id"], set_=changes))


def _drop_oldest(connection: Connection, tenant: str, user_id: str) -> None:
    too_many = select(notes.c.id).where(*_of(tenant, user_id)).order_by(*_NEWEST_FIRST).offset(NOTES_KEPT)
    ids = connection.execute(too_many).scalars().all()
    if ids:
        connection.execute(delete(notes).where(*_of(tenant, user_id), notes.c.id.in_(ids)))


def _of(tenant: str, user_id: str) -> tuple[Any, ...]:
    return notes.c.tenant == tenant, notes.c.user_id == user_id
