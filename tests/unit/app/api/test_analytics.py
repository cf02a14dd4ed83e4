"""Analytics over HTTP."""

from dataclasses import replace

import pytest

from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.rooms.archive import Report
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.sessions import Reason, State
from tests.rigs.api import problem
from tests.rigs.makers import a_session


@pytest.fixture
def keep(app):
    archive = SqlArchive(app.extensions["greenroom"].database)

    def of(began_ms):
        session = replace(a_session(), state=State.ENDED, reason=Reason.LEFT, created_ms=began_ms)
        archive.keep_session(Report(replace(session, updated_ms=began_ms + 2500), ()))

    return of


def test_a_day_is_told(caller, keep):
    keep(1_795_900_000_000)

    told = caller.get("/analytics?from=2026-11-28&to=2026-11-29").json

    assert told["since"] == "2026-11-28T00:00:00.000+00:00"
    assert told["days"] == [
        {
            "day": "2026-11-28", "assistant": None, "sessions": 1, "users": 1, "people": 0, "messages": 0,
            "mean_ms": 2500, "longest_ms": 2500, "total_ms": 2500, "errors": 0, "reasons": {"left": 1},
        }
    ]  # fmt: skip
    assert caller.get("/analytics?from=2026-11-28&to=2026-11-29&assistant=pearl").json["days"] == []


def test_the_last_days_are_told_where_none_are_named(caller, keep, ledger):
    now_ms = ledger.run(Now())
    keep(now_ms)

    assert [day["sessions"] for day in caller.get("/analytics").json["days"]] == [1]


@pytest.mark.parametrize(
    "query",
    ["from=2026-01-02&to=2026-01-01", "from=2024-01-01&to=2026-01-01", "from=9999-12-31", "to=0001-01-01"],
)
def test_no_days_and_too_many_are_refused(caller, query):
    problem(caller.get(f"/analytics?{query}"), 422, "rejected")
