"""Sessions by day and assistant, as both databases count them."""

from dataclasses import replace

from greenroom.app.conversations.analytics import SqlCounted
from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.rooms.analytics import DAY_MS, DayOfAssistant
from greenroom.app.rooms.archive import Batch, Delivery, Report, Visit
from greenroom.app.rooms.sessions import Reason, State
from tests.rigs.makers import a_session
from tests.sql.worlds import a_turn

MONDAY = 20_000 * DAY_MS


def keep(
    database, name, began_ms, user_id="ann", *, assistant=None, reason=None, lasted_ms=0, visits=(), said=0
):
    made = a_session(name)
    brief = replace(made.brief, user_id=user_id, assistant=assistant, conversation_id=f"c-{name}")
    state = State.ENDED if reason else State.LIVE
    session = replace(
        made,
        brief=brief,
        conversation_id=f"c-{name}",
        state=state,
        reason=reason,
        created_ms=began_ms,
        updated_ms=began_ms + lasted_ms,
    )
    archive = SqlArchive(database)
    archive.keep_session(Report(session, (), tuple(Visit(person, began_ms) for person in visits)))
    deliveries = tuple(Delivery(a_turn(number), name, 7) for number in range(said))
    if deliveries:
        archive.keep_turns([Batch(f"c-{name}", "main", user_id, deliveries)])


def test_each_day_of_each_assistant_is_counted(database):
    keep(database, "a", MONDAY, reason=Reason.LEFT, lasted_ms=4000, visits=["ann", "ben"], said=3)
    keep(database, "b", MONDAY + DAY_MS - 1, reason=Reason.ERROR, lasted_ms=2000, visits=["ann"])
    keep(database, "c", MONDAY + 5, "ben", assistant="pearl")
    keep(database, "d", MONDAY + DAY_MS, "ben", assistant="pearl")

    days = SqlCounted(database).days(MONDAY, MONDAY + 2 * DAY_MS, None)

    assert days == [
        DayOfAssistant(MONDAY + DAY_MS, "pearl", sessions=1, users=1),
        DayOfAssistant(MONDAY, None, 2, 1, 2, 3, 6000, 4000, {"error": 1, "left": 1}),
        DayOfAssistant(MONDAY, "pearl", sessions=1, users=1),
    ]
    assert (days[1].errors, days[1].mean_ms, days[0].mean_ms) == (1, 3000, 0)


def test_only_what_is_asked_for_is_counted(database):
    keep(database, "a", MONDAY - 1)
    keep(database, "b", MONDAY)
    keep(database, "c", MONDAY + DAY_MS)
    keep(database, "d", MONDAY, assistant="pearl")

    def counted(assistant=None, tenant="main"):
        found = SqlCounted(database, tenant).days(MONDAY, MONDAY + DAY_MS, assistant)
        return [(each.assistant, each.sessions) for each in found]

    assert counted() == [(None, 1), ("pearl", 1)]
    assert counted("pearl") == [("pearl", 1)]
    assert counted(tenant="acme") == []
