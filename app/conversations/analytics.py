"""Sessions counted in SQL (`greenroom.app.rooms.analytics.Counted`)."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, distinct, func, select

from greenroom.app.conversations.database import Database
from greenroom.app.conversations.tables import participants, sessions
from greenroom.app.rooms.analytics import DAY_MS, DayOfAssistant
from greenroom.app.rooms.brief import MAIN


class SqlCounted:
    """The sessions of one tenant."""

    def __init__(self, database: Database, tenant: str = MAIN) -> None:
        self._database = database
        self._tenant = tenant

    def days(self, from_ms: int, to_ms: int, assistant: str | None) -> Sequence[DayOfAssistant]:
        began = sessions.c.created_ms
        which = [sessions.c.tenant == self._tenant, began >= from_ms, began < to_ms]
        if assistant is not None:
            which.append(sessions.c.assistant_id == assistant)
        group = (began - began % DAY_MS, sessions.c.assistant_id)
        of_session = and_(
            participants.c.tenant == sessions.c.tenant, participants.c.session_id == sessions.c.id
        )
        counted = select(
            *group,
            func.count(),
            func.count(distinct(sessions.c.user_id)),
            func.sum(sessions.c.message_count),
            func.coalesce(func.sum(sessions.c.duration_ms), 0),
            func.coalesce(func.max(sessions.c.duration_ms), 0),
        )
        came = select(*group, func.count(distinct(participants.c.identity))).join(participants, of_session)
        ended = select(*group, sessions.c.end_reason, func.count()).where(sessions.c.end_reason.is_not(None))
        with self._database.reading() as connection:
            days = connection.execute(counted.where(*which).group_by(*group)).all()
            people = {
                (day, name): count
                for day, name, count in connection.execute(came.where(*which).group_by(*group))
            }
            reasons: dict[Any, dict[str, int]] = defaultdict(dict)
            by_reason = ended.where(*which).group_by(*group, sessions.c.end_reason)
            for day, name, reason, count in connection.execute(by_reason):
                reasons[day, name][reason] = count
        found = [
            DayOfAssistant(
                day, name, count, users, people.get((day, name), 0), int(said or 0), int(total), longest,
                dict(sorted(reasons[day, name].items())),
            )
            for day, name, count, users, said, total, longest in days
        ]  # fmt: skip
        return sorted(found, key=lambda each: (-each.day_ms, each.assistant or ""))
