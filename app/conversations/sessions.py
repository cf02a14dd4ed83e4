"""Sessions as they are kept (`greenroom.app.rooms.histories.KeptSessions`)."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from greenroom.app.conversations.database import Database
from greenroom.app.conversations.tables import events, participants, sessions
from greenroom.app.rooms.archive import Visit
from greenroom.app.rooms.brief import MAIN, Brief
from greenroom.app.rooms.histories import History
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import Event, Happened
from greenroom.app.rooms.sessions import Reason, Session, State

OF_A_PERSON = (Happened.PERSON_ARRIVED, Happened.PERSON_LEFT, Happened.CONVERSATION_BEGUN, Happened.SWITCHED)
TOLD_AT_MOST = 1000  # visits, and events, of one session


class SqlKeptSessions:
    """The sessions of one tenant."""

    def __init__(self, database: Database, tenant: str = MAIN) -> None:
        self._database = database
        self._tenant = tenant

    def find(self, session_id: str) -> History | None:
        that = select(sessions).where(sessions.c.tenant == self._tenant, sessions.c.id == session_id)
        who = (
            select(participants)
            .where(participants.c.tenant == self._tenant, participants.c.session_id == session_id)
            .order_by(participants.c.joined_ms, participants.c.identity)
            .limit(TOLD_AT_MOST)
        )
        with self._database.reading() as connection:
            row = connection.execute(that).first()
            people = connection.execute(who).all()
        if row is None:
            return None
        until_ms = row.ended_ms or row.updated_ms
        return History(_session(row), row.message_count, until_ms - row.created_ms, [*map(_visit, people)])

    def events(self, session_id: str) -> Sequence[Event]:
        those = (
            select(events)
            .where(events.c.tenant == self._tenant, events.c.session_id == session_id)
            .order_by(events.c.at_ms.desc())
            .limit(TOLD_AT_MOST)
        )
        with self._database.reading() as connection:
            found = connection.execute(those).all()
        return sorted(map(_event, found), key=lambda event: [int(part) for part in event.id.split("-")])


def _session(row: "Row[Any]") -> Session:
    return Session(
        id=row.id,
        room=Room.parse(row.room_name),
        brief=Brief.from_json(json.dumps(row.brief)),
        epoch=row.epoch,
        conversation_id=row.conversation_id,
        state=State(row.state),
        reason=Reason(row.end_reason) if row.end_reason else None,
        version=row.version,
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
    )


def _visit(row: "Row[Any]") -> Visit:
    return Visit(row.identity, row.joined_ms, row.left_ms, row.name, row.metadata)


def _event(row: "Row[Any]") -> Event:
    return Event(
        id=row.id.rpartition("/")[2],
        at_ms=row.at_ms,
        event=row.event,
        epoch=row.epoch,
        reason=row.reason,
        detail=row.detail,
        person=row.user_id if row.event in OF_A_PERSON else None,
        conversation_id=row.conversation_id,
        sequence=row.sequence,
    )
