"""POST /webhooks/...: who may say something, what is said twice, and what is done with it."""

from dataclasses import replace

import pytest

from greenroom.app.api.services import Services
from tests.fakes.livekit_webhook import KEY as LIVEKIT_KEY
from tests.fakes.livekit_webhook import SECRET, URL, signed, told
from tests.rigs.api import KEY, Caller, problem


@pytest.fixture
def outside(app, settings, ledger, launches):
    """Anybody, without a key of ours, where there is a LiveKit server."""
    livekit = {"livekit_url": URL, "livekit_api_key": LIVEKIT_KEY, "livekit_api_secret": SECRET}
    app.extensions["greenroom"] = Services.over(ledger, launches, replace(settings, **livekit), ("host",))
    return Caller(app.test_client(), None)


def say(outside, body, headers=None, path="/webhooks/livekit"):
    headers = signed(body) if headers is None else headers
    return outside.call("POST", path, data=body, content_type="application/webhook+json", headers=headers)


def test_what_is_signed_is_heard_and_looked_into_by_others(outside, ledger):
    assert say(outside, told()).json == {"heard": True}
    assert ledger.queue("control") == ["participant_left"]


def test_what_is_said_again_is_acknowledged_without_effect(outside, ledger):
    body = told()
    for _ in range(3):
        again = say(outside, body)
        assert again.status_code == 200

    assert again.json == {"heard": False}
    assert len(ledger.queue("control")) == 1


def test_two_things_are_two(outside, ledger):
    say(outside, told(id="EV_1"))
    say(outside, told(id="EV_2"))

    assert len(ledger.queue("control")) == 2


def test_what_is_nothing_to_us_is_acknowledged(outside, ledger):
    assert say(outside, told("track_published")).json == {"heard": False}
    assert ledger.queue("control") == []


@pytest.mark.parametrize("headers", [{}, {"Authorization": "x"}, {"Authorization": f"Bearer {KEY}"}])
def test_what_is_not_signed_is_refused(outside, ledger, headers):
    problem(say(outside, told(), headers), 401, "bad-signature")
    assert ledger.queue("control") == []


@pytest.mark.parametrize("at", [-360, 360])
def test_six_minutes_are_too_many(outside, at):
    problem(say(outside, told(at=at)), 401, "bad-signature")


def test_a_changed_body_is_refused(outside):
    body = told()
    problem(say(outside, body.replace(b"ada", b"eve"), signed(body)), 401, "bad-signature")


def test_a_body_of_more_than_64_kib_is_refused_before_it_is_read(outside):
    assert say(outside, told(padding="x" * 60_000)).status_code == 200
    assert say(outside, told(padding="x" * 70_000)).status_code == 413


def test_with_redis_away_the_server_is_asked_to_say_it_again(outside, ledger):
    body = told()
    with ledger.away():
        problem(say(outside, body), 503, "redis-away")

    assert say(outside, body).json == {"heard": True}


def test_of_a_provider_that_we_have_not_nothing_is_heard(outside):
    problem(say(outside, told(), {}, path="/webhooks/daily"), 404, "no-such-provider")


def test_nor_is_anything_of_any_where_we_have_none(caller):
    problem(say(caller.with_(None), told()), 404, "no-such-provider")
