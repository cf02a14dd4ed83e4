"""Quotas: what one caller may ask for is bounded, and a refusal says when to come back."""

from datetime import timedelta

import pytest

from app.rooms.steps import Limits, Report
from tests.makers import a_report
from tests.unit.api import problem

ROOM = "local:stage"


@pytest.fixture(autouse=True)
def staffed_host(ledger):
    ledger.run(a_report())


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr("app.api.quotas.OF_A_USER", 3)
    monkeypatch.setattr("app.api.quotas.OF_THE_KEY", 7)


def refused(response, kind):
    assert problem(response, 429, kind)["detail"].endswith(".")
    assert 0 < int(response.headers["Retry-After"]) <= 60


@pytest.mark.usefixtures("few")
def test_a_user_who_asks_too_often_is_refused_and_nobody_else_is(caller, ledger):
    def person(name):
        joined = caller.post("/join", {"room_url": f"local:{name}", "user_id": name}).json
        token = caller.with_(joined["connect"]["token"])
        return lambda: token.get(joined["session_url"])

    ann, bob = person("ann"), person("bob")
    for _ in range(3):
        assert ann().status_code == 200
    for _ in range(20):
        refused(ann(), "too-many-requests")

    assert bob().status_code == 200
    ledger.pass_time(timedelta(minutes=1))
    assert ann().status_code == 200


@pytest.mark.usefixtures("few")
def test_a_key_that_is_used_too_often_is_refused_and_health_is_told_to_everybody(caller):
    for _ in range(7):
        assert caller.get("/sessions").status_code == 200
    refused(caller.get("/sessions"), "too-many-requests")

    for _ in range(20):
        assert caller.get("/livez").status_code == caller.with_(None).get("/readyz").status_code == 200


def test_a_wrong_key_is_refused_as_such_and_counted_for_nobody(caller, ledger):
    for _ in range(20):
        assert caller.with_("a-key-that-is-nobody-s").get("/sessions").status_code == 401


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        (Limits(sessions=1), "too-many-sessions"),
        (Limits(user_sessions=1), "too-many-sessions-of-user"),
        (Limits(user_line=1), "too-many-in-line"),
    ],
)
def test_who_has_as_much_as_one_may_have_is_refused_and_keeps_that(caller, ledger, monkeypatch, limits, kind):
    monkeypatch.setattr("app.rooms.joining.LIMITS", limits)
    ledger.run(Report(a_report(free=0).host, {}))
    first = caller.post("/join", {"room_url": ROOM, "user_id": "ann"}).json

    refused(caller.post("/join", {"room_url": "local:cellar", "user_id": "ann"}), kind)
    assert caller.get("/rooms/local:cellar").json["lease"] is None
    again = caller.post("/join", {"room_url": ROOM, "user_id": "ann"}).json
    assert (again["session_id"], again["reused"]) == (first["session_id"], True)
