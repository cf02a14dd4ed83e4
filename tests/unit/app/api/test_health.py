"""Health: whether this process answers, and whether a join would find its bot."""

from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from greenroom.app.api import events_process
from greenroom.app.rooms.creating import Limits
from greenroom.app.rooms.line import Push
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
    assert response.json["ready"] is True
    checks = {name: found for name, found in response.json["checks"].items() if name != "events"}
    assert checks == {"redis": "ok", "bots": "ok", "control": "ok", "line": "ok", "stored": "ok"}


@pytest.mark.parametrize("found", ["ok", "the events process does not answer (ConnectionRefusedError)"])
def test_an_events_process_that_does_not_serve_is_told_of_and_stops_no_join(
    caller, ledger, monkeypatch, found
):
    report(ledger, "bots")
    monkeypatch.setattr(events_process, "check", lambda _address: found)

    response = caller.with_(None).get("/readyz")

    assert (response.status_code, response.json["ready"]) == (200, True)
    assert response.json["checks"]["events"] == found


@pytest.mark.parametrize("status", [200, 503])
def test_the_events_process_is_asked_whether_it_serves(status):
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        found = events_process.check(f"http://127.0.0.1:{server.server_port}")
        thread.join()
        nobody = f"http://127.0.0.1:{server.server_port}"

    assert (found == "ok") is (status == 200)
    assert "does not answer" in events_process.check(nobody)


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
