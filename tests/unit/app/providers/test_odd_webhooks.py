"""Webhooks that are signed and say something else than was promised: never an error of ours."""

import base64
import hmac
import json
import time

import jwt
import pytest

from greenroom.app.errors.callers import BadSignature
from greenroom.app.providers import reading
from greenroom.app.providers.daily import Daily
from greenroom.app.providers.livekit import LiveKit
from tests.fakes.livekit_webhook import KEY, SECRET, URL, signed, told
from tests.unit.app.api.test_webhooks import outside, say  # noqa: F401
from tests.unit.app.providers.test_daily_webhooks import JOINED, said
from tests.unit.app.providers.test_daily_webhooks import SECRET as DAILY_SECRET

ODD = [
    None, True, 0, -1, 7, 1e300, float("inf"), float("nan"), 10**400, "", "x", "\ud800" * 40, "9" * 5000, [], [[]],
    ["x"], {}, {"x": []}, {"name": 5},
]  # fmt: skip


def places(value, at=()):
    """Every place in it, and it itself."""
    yield at
    for key, each in value.items() if isinstance(value, dict) else ():
        yield from places(each, (*at, key))


def changed(value, at, odd):
    if not at:
        return odd
    first, *rest = at
    return {**value, first: changed(value[first], rest, odd)}


FULL = {
    **json.loads(told("participant_joined")),
    "participant": {
        "sid": "PA_1", "identity": "ada", "name": "Ada", "kind": "STANDARD", "state": "ACTIVE", "metadata": "{}",
        "attributes": {"a": "b"}, "permission": {"hidden": False, "recorder": False, "agent": False},
    },
}  # fmt: skip
CARDS = [json.dumps({"greenroom": odd}) for odd in ODD] + [
    json.dumps({"greenroom": {"bot": True, "session_id": odd, "epoch": odd}}) for odd in ODD
]


@pytest.mark.parametrize("at", list(places(FULL)), ids=lambda at: ".".join(at) or "all")
def test_whatever_is_odd_in_livekits_is_read_or_left(at):
    livekit = LiveKit(URL, KEY, SECRET)
    for odd in ODD:
        body = json.dumps(changed({**FULL, "createdAt": str(int(time.time()))}, at, odd)).encode()
        try:
            livekit.evidence(body, signed(body))
        except BadSignature:
            assert at in [(), ("createdAt",)]


@pytest.mark.parametrize("card", CARDS)
def test_whatever_is_odd_in_what_a_participant_says_of_itself(card):
    body = told("participant_joined", participant={"identity": "bot:stage", "metadata": card})
    found = LiveKit(URL, KEY, SECRET).evidence(body, signed(body)).participant

    assert found.is_bot
    assert found.session_id is None or isinstance(found.session_id, str)
    assert found.epoch is None or type(found.epoch) is int


@pytest.mark.parametrize("at", list(places(JOINED)), ids=lambda at: ".".join(at) or "all")
def test_whatever_is_odd_in_dailys_is_read_or_left(at):
    daily = Daily("acme.daily.co", "a key", "http://127.0.0.1:9", DAILY_SECRET)
    for odd in ODD:
        evidence = daily.evidence(*said(json.dumps(changed(JOINED, at, odd)).encode()))
        assert evidence is None or len(evidence.id) <= 64


def encoded(part):
    return base64.urlsafe_b64encode(part).rstrip(b"=")


@pytest.mark.parametrize(
    "claims", [{name: odd} for name in ("exp", "nbf", "iss", "sha256", "aud", "iat") for odd in ODD]
)
def test_whatever_is_odd_in_a_signature_is_read_or_refused(claims):
    body = told()
    # by hand: a library signs no such thing
    claims = {**jwt.decode(signed(body)["Authorization"], options={"verify_signature": False}), **claims}
    parts = b".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    token = parts + b"." + encoded(hmac.digest(SECRET.encode(), parts, "sha256"))
    try:
        LiveKit(URL, KEY, SECRET).evidence(body, {"Authorization": token.decode()})
    except BadSignature:
        pass


@pytest.mark.parametrize(
    "head", ["[" * 5000, "{", "null", "[]", "1e999", '{"alg": [] }', '{"alg": {"x": 1}}']
)
def test_a_token_of_anybodys_that_cannot_be_read_is_refused(outside, head):  # noqa: F811
    token = base64.urlsafe_b64encode(head.encode()).decode().rstrip("=") + ".e30.eA"

    assert say(outside, told(), {"Authorization": f"Bearer {token}"}).status_code == 401


@pytest.mark.parametrize("odd", ODD)
def test_odd_webhooks_are_answered(outside, odd):  # noqa: F811
    body = json.dumps({**FULL, "createdAt": str(int(time.time())), "participant": odd, "id": odd}).encode()

    assert say(outside, body).status_code == 200


@pytest.mark.parametrize("odd", ODD)
def test_the_reader_gives_what_was_promised_or_nothing(odd):
    assert isinstance(reading.text({"a": odd}, "a"), str) and reading.text(odd, "a") == ""
    reading.text({"a": odd}, "a").encode()
    assert isinstance(reading.part({"a": odd}, "a"), dict) and isinstance(
        reading.parts({"a": odd}, "a"), list
    )
    assert 0 <= reading.number(odd) < float("inf")
    assert len(reading.id_of(odd, b"")) <= 64
