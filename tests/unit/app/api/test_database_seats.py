"""A database that hangs holds a part of the threads, and whoever comes besides is told to come back."""

import threading
from datetime import timedelta

import pytest

from greenroom.app.api import services, users
from greenroom.app.api.seats import A_TURN, SHARES, Seats, Wait
from greenroom.app.errors.limits import Busy
from tests.rigs.api import problem, routes

ASKS_NOTHING_THERE = {"/users/<user_id>/session"}
KEPT = ("/conversations", "/users", "/assistants", "/analytics")


def views_of_the_database(app):
    return [
        (method, path)
        for method, path in routes(app)
        if path.startswith(KEPT) and path not in ASKS_NOTHING_THERE and method != "OPTIONS"
    ]


def take_all(seats, threads):
    return [seats.take(Wait.DATABASE) for _ in range(threads * SHARES[Wait.DATABASE] // 16)]


@pytest.fixture
def short_turns(monkeypatch):
    """Where all seats are taken, none is waited for longer than a moment."""
    for module in (services, users):
        monkeypatch.setattr(module, "A_TURN", timedelta(milliseconds=10))


@pytest.fixture
def here(app):
    return app.extensions["greenroom"]


def address(path):
    return path.replace("<user_id>", "ada").replace("<conversation_id>", "c-1").replace("<name>", "pearl")


@pytest.mark.usefixtures("short_turns")
def test_each_view_that_asks_the_database_takes_its_turn(app, caller, here):
    """A view that is added to one of these blueprints is found here as well."""
    take_all(here.seats, here.settings.web_threads)
    views = views_of_the_database(app)

    for method, path in views:
        body = {"profile": {}} if path.startswith("/users") else {"name": "pearl"}
        refused = caller.call(method, address(path), body if method in {"POST", "PUT", "PATCH"} else None)
        problem(refused, 503, "busy")
        assert int(refused.headers["Retry-After"]) > 0

    assert len(views) >= 12


def test_a_session_that_redis_knows_no_more_is_looked_for_in_turn(caller, here):
    take_all(here.seats, here.settings.web_threads)

    problem(caller.get("/sessions/long-gone"), 503, "busy")
    problem(caller.get("/sessions/long-gone/events"), 503, "busy")


@pytest.mark.usefixtures("staffed")
def test_joins_need_no_such_seat(caller, here):
    take_all(here.seats, here.settings.web_threads)
    assert caller.post("/join", {"room_url": "local:stage"}).status_code == 202


def test_seats_are_given_back_where_the_view_has_refused(caller, here):
    for _ in range(2 * here.settings.web_threads):
        problem(caller.get("/users/nobody/export"), 404, "no-such-user")
        problem(caller.get("/conversations/none"), 404, "no-such-conversation")


def test_an_export_holds_its_seat_until_it_is_sent(caller, here):
    caller.call("PUT", "/users/ada", {"profile": {"first_name": "Ada"}})
    take_all(here.seats, here.settings.web_threads)[0]()
    under_way = caller.get("/users/ada/export", buffered=False)

    problem(caller.get("/users/ada"), 503, "busy")
    under_way.close()

    assert caller.get("/users/ada").status_code == 200


def test_who_comes_a_moment_early_waits_for_the_seat():
    seats = Seats(16)
    give_back = seats.take(Wait.DATABASE)
    with pytest.raises(Busy):
        seats.take(Wait.DATABASE)
    threading.Timer(0.05, give_back).start()

    with seats.taken(Wait.DATABASE, within=50 * A_TURN):
        pass
