"""Health: whether this process answers, and whether a join would find its bot."""

from datetime import timedelta

import pytest

from greenroom.app.rooms.line import Push
from greenroom.app.rooms.sessions import Limits
from greenroom.app.rooms.workers import Host, Report


def report(ledger, kind):
    ledger.run(Report(Host(id=f"{kind}@here", kind=kind, slots=4, used=0, incarnation="1")))


def test_a_process_that_answers_lives_whatever_else_is_away(caller, ledger):
    with ledger.away():
        response = caller.with_(None).get("/livez")

    assert (response.status_code, response.json) == (200, {"live": True})


def test_it_is_ready_when_redis_answers_and_workers_live(caller, ledger):
    report(ledger, "bots")
    report(ledger, "control")

    response = caller.with_(None).get("/readyz")

    assert response.status_code == 200
    assert response.json == {
        "ready": True,
        "checks": {"redis": "ok", "bots": "ok", "control": "ok", "line": "ok", "stored": "ok"},
    }


def test_it_says_that_the_line_is_full_and_is_ready_for_those_who_are_in_it(caller, ledger, monkeypatch):
    monkeypatch.setattr("greenroom.app.rooms.overview.LIMITS", Limits(line=1))
    report(ledger, "bots")
    ledger.run(Push("a-queue", "a-launch", "a-session"))

    response = caller.with_(None).get("/readyz")

    assert response.status_code == 200
    assert response.json["checks"]["line"].startswith("full: 1 wait")


@pytest.mark.parametrize("others", [[], ["control"]])
def test_it_is_not_ready_without_a_worker_for_bots_and_says_so(caller, ledger, others):
    for kind in others:
        report(ledger, kind)

    response = caller.with_(None).get("/readyz")

    assert response.status_code == 503
    assert response.json["ready"] is False
    assert "no worker for bots" in response.json["checks"]["bots"]


def test_a_missing_control_worker_is_said_and_stops_no_joins(caller, ledger):
    report(ledger, "bots")

    response = caller.with_(None).get("/readyz")

    assert response.status_code == 200
    assert "no control worker" in response.json["checks"]["control"]


def test_a_worker_that_was_not_heard_lately_does_not_count(caller, ledger):
    report(ledger, "bots")
    ledger.pass_time(timedelta(seconds=15))

    assert caller.with_(None).get("/readyz").status_code == 503


def test_it_is_not_ready_while_redis_is_away_and_says_so(caller, ledger):
    with ledger.away():
        response = caller.with_(None).get("/readyz")

    assert response.status_code == 503
    assert "Redis does not answer" in response.json["checks"]["redis"]


def test_what_breaks_on_our_side_says_nothing_of_our_inside(caller, ledger, capsys):
    def break_it(_):
        raise RuntimeError("a secret of ours")

    ledger.run_all = break_it

    response = caller.get("/sessions")

    assert response.status_code == 500
    assert response.mimetype == "application/problem+json"
    assert "secret" not in response.text
    assert "Traceback" not in response.text
