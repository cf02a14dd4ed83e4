"""Assistants in SQL, behind the port in `app/rooms/assistants.py`."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update
from sqlalchemy import delete as delete_from
from sqlalchemy.exc import IntegrityError

from greenroom.app.conversations.database import Database
from greenroom.app.conversations.tables import assistants
from greenroom.app.errors.users import AssistantExists
from greenroom.app.rooms.assistants import Assistant, VoiceSessionConfig
from greenroom.app.rooms.brief import MAIN
from greenroom.app.rooms.voice_rooms import RoomPrivacy


class SqlAssistants:
    """The assistants of one tenant."""

    def __init__(self, database: Database, tenant: str = MAIN) -> None:
        self._database = database
        self._tenant = tenant

    def find(self, name: str) -> Assistant | None:
        return self.find_all([name]).get(name)

    def find_all(self, names: Collection[str]) -> dict[str, Assistant]:
        """Whoever has a name comes before whoever has it as an id."""
        those = select(assistants).where(
            assistants.c.tenant == self._tenant,
            or_(assistants.c.name.in_(names), assistants.c.id.in_(names)),
        )
        with self._database.reading() as connection:
            found = [_assistant(row) for row in connection.execute(those)]
        by_id, by_name = {each.id: each for each in found}, {each.name: each for each in found}
        known = by_id | by_name
        return {name: known[name] for name in names if name in known}

    def page(self, after: str, limit: int) -> list[Assistant]:
        those = (
            select(assistants)
            .where(assistants.c.tenant == self._tenant, assistants.c.name > after)
            .order_by(assistants.c.name)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [_assistant(row) for row in connection.execute(those)]

    def add(self, assistant: Assistant) -> Assistant:
        now = _now_ms()
        dated = replace(assistant, created_ms=assistant.created_ms or now, updated_ms=now)
        with _one_name(), self._database.writing() as connection:
            connection.execute(insert(assistants).values(tenant=self._tenant, **_columns(dated)))
        return dated

    def change(self, name: str, change: Callable[[Assistant], Assistant]) -> Assistant | None:
        with _one_name(), self._database.writing() as connection:
            found = self._locked(connection, name)
            if found is None:
                return None
            changed = replace(change(found), id=found.id, created_ms=found.created_ms, updated_ms=_now_ms())
            connection.execute(update(assistants).where(*self._is(found.id)).values(**_columns(changed)))
            return changed

    def remove(self, name: str) -> Assistant | None:
        with self._database.writing() as connection:
            found = self._locked(connection, name)
            if found is not None:
                connection.execute(delete_from(assistants).where(*self._is(found.id)))
            return found

    def _locked(self, connection: Connection, name: str) -> Assistant | None:
        """The one to change or remove, as nobody else can until the transaction ends."""
        that = (
            select(assistants)
            .where(assistants.c.tenant == self._tenant)
            .where(or_(assistants.c.name == name, assistants.c.id == name))
            .order_by(assistants.c.name != name)
            .limit(1)
        )
        row = connection.execute(that.with_for_update()).first()
        return None if row is None else _assistant(row)

    def _is(self, its_id: str) -> tuple[Any, ...]:
        return assistants.c.tenant == self._tenant, assistants.c.id == its_id


@contextmanager
def _one_name() -> Iterator[None]:
    """Tell that a name is taken, which the database finds out."""
    try:
        yield
    except IntegrityError as error:
        raise AssistantExists from error


def _now_ms() -> int:
    return int(time.time() * 1000)


def _columns(assistant: Assistant) -> dict[str, Any]:
    """A row of it; what is optional in the configuration of its voice sessions stays so."""
    config = assistant.voice_session_config
    return {
        **asdict(assistant),
        "voice_parameters": dict(assistant.voice_parameters),
        "prompts": dict(assistant.prompts),
        "require_profile": list(assistant.require_profile),
        "voice_session_config": {} if config is None else _plain(config),
    }


def _plain(config: VoiceSessionConfig) -> dict[str, Any]:
    """As JSON has it; durations in seconds.  None is left out: a version that does not know a name reads the rest."""
    return {
        name: value.total_seconds() if isinstance(value, timedelta) else value
        for name, value in asdict(config).items()
        if value is not None
    }


def _config(stored: Mapping[str, Any]) -> VoiceSessionConfig | None:
    if not stored:
        return None
    durations = {
        name: timedelta(seconds=stored[name])
        for name in ("persistence", "max_duration", "silence")
        if stored.get(name) is not None
    }
    privacy = RoomPrivacy(stored["room_privacy"])
    return VoiceSessionConfig(**{**stored, **durations, "room_privacy": privacy})


def _assistant(row: "Row[Any]") -> Assistant:
    known = {name: getattr(row, name) for name in Assistant.__dataclass_fields__}
    return Assistant(
        **{
            **known,
            "require_profile": tuple(row.require_profile),
            "voice_session_config": _config(row.voice_session_config),
        }
    )
