"""Quotas: what one caller may ask for is bounded, and a refusal says when to come back."""

from datetime import timedelta

import pytest

from greenroom.app.passes import LASTS, LINK_LASTS, Pass, Passes, until
from greenroom.app.rooms.creating import Limits
from greenroom.app.rooms.workers import Report
from tests.rigs.api import SIGNS, problem
from tests.rigs.makers import a_report

ROOM = "local:stage"


@pytest.fixture(autouse=True)
def staffed_host(ledger):
    ledger.run(a_report())


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr("greenroom.app.api.quotas.OF_A_USER", 3)
    monkeypatch.setattr("greenroom.app.api.quotas.OF_THE_KEY", 7)


@pytest.fixture
def guest_by(caller):
    """Somebody new who comes by one of two links to fresh rooms."""
    links = [Passes(SIGNS).sign(Pass(until(lasts))) for lasts in (LASTS, LINK_LASTS)]

    def come(number=0):
        return caller.with_(caller.with_(links[number]).post("/passes", {}).json["pass"])

    return come


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
    monkeypatch.setattr("greenroom.app.rooms.serving.LIMITS", limits)
    ledger.run(Report(a_report(free=0).host, {}))
    first = caller.post("/join", {"room_url": ROOM, "user_id": "ann"}).json

    refused(caller.post("/join", {"room_url": "local:cellar", "user_id": "ann"}), kind)
    assert caller.get("/rooms/local:cellar").json["lease"] is None
    again = caller.post("/join", {"room_url": ROOM, "user_id": "ann"}).json
    assert (again["session_id"], again["reused"]) == (first["session_id"], True)


@pytest.mark.parametrize(
    ("limits", "kind"),
    [(Limits(user_sessions=2), "too-many-sessions-of-user"), (Limits(user_line=2), "too-many-in-line")],
)
def test_who_exchanges_a_link_again_and_again_has_no_more_than_one_user(
    caller, ledger, guest_by, monkeypatch, limits, kind
):
    """Each exchange gives another guest and another room, so that the limits of users bound nobody: one link filled the
    line for everybody."""
    monkeypatch.setattr("greenroom.app.rooms.serving.LIMITS", limits)
    ledger.run(Report(a_report(free=0).host, {}))
    for _ in range(2):
        assert guest_by().post("/join", {}).status_code == 202

    for _ in range(3):
        refused(guest_by().post("/join", {}), kind)
    assert guest_by(1).post("/join", {}).status_code == 202
    assert caller.post("/join", {}).status_code == 202


def test_the_guests_of_one_link_share_its_requests_and_leave_the_key_its_own(caller, guest_by, monkeypatch):
    monkeypatch.setattr("greenroom.app.api.quotas.OF_A_LINK", 10)

    def token():
        """After three requests, of which the last renews it."""
        guest = guest_by()
        path = guest.post("/join", {}).json["session_url"]
        return caller.with_(guest.post(f"{path}/token").json["token"]), path

    guests = [token(), token()]
    for guest, path in guests * 2:
        assert guest.get(path).status_code == 200

    for guest, path in guests:
        refused(guest.get(path), "too-many-requests")
    assert guest_by(1).post("/join", {}).status_code == 202
    assert caller.get("/sessions").status_code == 200


def test_the_token_that_a_join_answers_is_counted_for_the_link(caller, guest_by, monkeypatch):
    monkeypatch.setattr("greenroom.app.api.quotas.OF_A_LINK", 4)
    joined = guest_by().post("/join", {}).json
    guest = caller.with_(joined["connect"]["token"])

    assert [guest.get(joined["session_url"]).status_code for _ in range(3)] == [200, 200, 429]
