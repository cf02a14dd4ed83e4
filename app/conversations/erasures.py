"""Who was erased, and when: so that nothing of theirs from before, which was still on its way, is kept after all.

Noted are digests, since a user's id may be an address.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select, text

from greenroom.app.conversations.inserting import insert_into
from greenroom.app.conversations.tables import erasures

USER, CONVERSATION, SESSION = "user", "conversation", "session"
LOCK = 0x6772_6565_6E72_6F6F  # any number that nobody else's advisory lock has


@dataclass(frozen=True)
class Erasures:
    """Those that were noted, of the ones that were asked for."""

    _at_ms: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def covers(self, kind: str, tenant: str, its_id: str | None, at_ms: int) -> bool:
        """Whether something of that time is of somebody, or in something, that was erased since."""
        return bool(its_id) and at_ms <= self._at_ms.get((tenant, _digest(kind, str(its_id))), -1)

    def has(self, kind: str, tenant: str, its_id: str | None) -> bool:
        return bool(its_id) and (tenant, _digest(kind, str(its_id))) in self._at_ms


def look(connection: Connection, asked: Iterable[tuple[str, str, str | None]]) -> Erasures:
    """Which of those (kind, tenant, id) were erased.  Whoever erases meanwhile waits until this transaction is done."""
    _stand_in_line(connection, alone=False)
    named = {(tenant, _digest(kind, its_id)) for kind, tenant, its_id in asked if its_id}
    query = select(erasures.c.tenant, erasures.c.digest, erasures.c.at_ms).where(
        erasures.c.digest.in_({digest for _, digest in named})
    )
    found = {(tenant, digest): at_ms for tenant, digest, at_ms in connection.execute(query)}
    return Erasures(found)


def note(connection: Connection, tenant: str, at_ms: int, **which: Iterable[str]) -> None:
    """Note that those of each kind are erased, once nobody who looked before is still writing."""
    _stand_in_line(connection, alone=True)
    rows = [
        {"tenant": tenant, "digest": _digest(kind, its_id), "at_ms": at_ms}
        for kind, ids in which.items()
        for its_id in sorted(ids)
    ]
    insert = insert_into(connection, erasures)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["tenant", "digest"], set_={"at_ms": insert.excluded.at_ms}
        ),
        rows,
    )


def _stand_in_line(connection: Connection, *, alone: bool) -> None:
    """In SQLite one process writes at a time anyway."""
    if connection.dialect.name == "postgresql":
        how = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        connection.execute(text(f"SELECT {how}({LOCK})"))


def _digest(kind: str, its_id: str) -> str:
    return hashlib.sha256(f"{kind}/{its_id}".encode("utf-8", "surrogatepass")).hexdigest()
