"""Users in SQL, behind the port in `app/rooms/users.py`."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select, update

from greenroom.app.conversations.database import Database
from greenroom.app.conversations.inserting import insert_into
from greenroom.app.conversations.tables import users
from greenroom.app.rooms.brief import MAIN
from greenroom.app.rooms.users import User


class SqlUsers:
    """The users of one tenant."""

    def __init__(self, database: Database, tenant: str = MAIN) -> None:
        self._database = database
        self._tenant = tenant

    def find(self, user_id: str) -> User | None:
        with self._database.reading() as connection:
            return self._find(connection, user_id)

    def change(self, user_id: str, change: Callable[[User], User]) -> User:
        now = int(time.time() * 1000)
        with self._database.writing() as connection:
            row = {"tenant": self._tenant, "id": user_id, "created_ms": now, "updated_ms": now}
            insert = insert_into(connection, users)
            connection.execute(insert.values(row).on_conflict_do_nothing())
            old = self._find(connection, user_id, locked=True)
            assert old is not None  # it was there, or has just been made
            new = replace(change(old), id=old.id, created_ms=old.created_ms, updated_ms=now)
            facts = {"profile": dict(new.profile), "preferences": dict(new.preferences), "updated_ms": now}
            connection.execute(update(users).where(*self._is(user_id)).values(facts))
            return new

    def _find(self, connection: Connection, user_id: str, *, locked: bool = False) -> User | None:
        that = select(users).where(*self._is(user_id))
        row = connection.execute(that.with_for_update() if locked else that).first()
        if row is None:
            return None
        return User(row.id, row.profile, row.preferences, row.created_ms, row.updated_ms)

    def _is(self, user_id: str) -> tuple[Any, ...]:
        return users.c.tenant == self._tenant, users.c.id == user_id
