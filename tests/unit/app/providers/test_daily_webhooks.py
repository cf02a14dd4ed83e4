"""Daily's webhooks: which are believed, and what they tell."""

import base64
import hashlib
import hmac
import json
import time

import pytest

from greenroom.app.errors.callers import BadSignature
from greenroom.app.providers.daily import Daily
from greenroom.app.rooms.providers import Participant
from greenroom.app.rooms.room import Room

SECRET = base64.b64encode(b"what only Daily and we know").decode()
STANDUP = Room("daily", "standup", "https://acme.daily.co")
NOWHERE = "http://127.0.0.1:9"  # Daily is asked for nothing here


@pytest.fixture
def daily():
    provider = Daily("acme.daily.co", "a-key", NOWHERE, SECRET)
    yield provider
    provider.close()


JOINED = {
    "version": "1.0.0",
    "type": "participant.joined",
    "id": "ptcpt-join-6497c79b-1708972279961",
    "payload": {
        "room": "standup",
        "user_id": "ann",
        "user_name": "Ann",
        "session_id": "0c0d2dda-f21d-4cf9-ab56-86bf3c407ffa",
        "joined_at": 1708972279.96,
        "will_eject_at": None,
        "owner": False,
    },
    "event_ts": 1708972279.961,
}


def said(event, *, at=None, secret=SECRET, unit=1):
    """A webhook as Daily sends it."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    timestamp = str(int((time.time() if at is None else at) * unit))
    signature = hmac.digest(base64.b64decode(secret), timestamp.encode() + b"." + body, hashlib.sha256)
    return body, {
        "X-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Webhook-Timestamp": timestamp,
    }


def about(kind, **payload):
    return {**JOINED, "type": kind, "payload": {**JOINED["payload"], **payload}}


@pytest.mark.parametrize("unit", [1, 1000])  # seconds, or milliseconds
def test_who_joined_is_told(daily, unit):
    evidence = daily.evidence(*said(JOINED, unit=unit))

    assert evidence.id == JOINED["id"]
    assert (evidence.event, evidence.room, evidence.at_ms) == ("participant_joined", STANDUP, 1708972279960)
    assert evidence.participant == Participant("ann", "Ann", sid=JOINED["payload"]["session_id"])


def test_a_bot_that_left_is_told_with_its_time(daily):
    event = about("participant.left", user_id="bot:standup", user_name="Host", duration=11.5)

    evidence = daily.evidence(*said(event))

    assert (evidence.event, evidence.participant.identity) == ("participant_left", "bot:standup")
    assert evidence.participant.is_bot
    assert evidence.at_ms == 1708972291460


def test_a_meeting_that_ended_is_a_room_that_finished(daily):
    event = {**about("meeting.ended"), "payload": {"room": "standup", "start_ts": 1.5, "end_ts": 2.5}}

    evidence = daily.evidence(*said(event))

    assert (evidence.event, evidence.participant, evidence.at_ms) == ("room_finished", None, 2500)


@pytest.mark.parametrize(
    "event",
    [
        about("recording.started"),
        about("participant.joined", room="../../etc"),
        about("participant.joined", room=None),
        {**JOINED, "payload": None},
        {**JOINED, "payload": ["room"]},
        {**JOINED, "id": ""},
        {"type": "participant.joined"},
        b"[]",
        b"null",
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({"test": "test"}).encode(),
    ],
)
def test_what_is_nothing_to_us_is_taken_in_silence(daily, event):
    assert daily.evidence(*said(event)) is None


@pytest.mark.parametrize("odd", [float("inf"), -1, True, "then", None, 1e300])
def test_odd_times_break_nothing(daily, odd):
    event = about("participant.left", joined_at=odd, duration=odd)

    assert daily.evidence(*said(event)).at_ms == 1708972279961


def test_the_probe_of_a_new_webhook_is_answered_though_unsigned(daily):
    assert daily.evidence(b'{"test": "test"}', {}) is None
    with pytest.raises(BadSignature):
        daily.evidence(b'{"test": "test", "type": "meeting.ended"}', {})


@pytest.mark.parametrize("minutes", [-6, 6, -10_000, 10_000])
def test_a_webhook_of_another_time_is_refused(daily, minutes):
    with pytest.raises(BadSignature):
        daily.evidence(*said(JOINED, at=time.time() + 60 * minutes))


@pytest.mark.parametrize("minutes", [-4, 0, 4])
def test_clocks_may_differ_a_little(daily, minutes):
    assert daily.evidence(*said(JOINED, at=time.time() + 60 * minutes))


def test_a_webhook_that_was_changed_is_refused(daily):
    body, headers = said(JOINED)

    for other in (body + b" ", body.replace(b"ann", b"bob"), b"", body[:-1]):
        with pytest.raises(BadSignature):
            daily.evidence(other, headers)


def changed(headers, **changes):
    return {**headers, **{f"X-Webhook-{name.capitalize()}": value for name, value in changes.items()}}


def test_a_webhook_whose_headers_were_changed_is_refused(daily):
    body, headers = said(JOINED)
    later = str(int(headers["X-Webhook-Timestamp"]) + 1)
    wrong = [
        {},
        changed(headers, timestamp=later),
        changed(headers, timestamp=""),
        changed(headers, timestamp=headers["X-Webhook-Timestamp"] + " "),
        changed(headers, timestamp="٣"),
        changed(headers, timestamp="9" * 400),
        changed(headers, signature=""),
        changed(headers, signature="ü"),
        changed(headers, signature=headers["X-Webhook-Signature"][:-4]),
        changed(headers, signature=headers["X-Webhook-Signature"].lower()),
    ]

    for headers in wrong:
        with pytest.raises(BadSignature):
            daily.evidence(body, headers)


def test_the_names_of_headers_may_be_written_as_one_likes(daily):
    body, headers = said(JOINED)

    assert daily.evidence(body, {name.lower(): value for name, value in headers.items()})


@pytest.mark.parametrize("secret", ["", "not base64!", base64.b64encode(b"another").decode()])
def test_a_webhook_of_another_secret_or_none_is_refused(secret):
    daily = Daily("acme.daily.co", "a-key", NOWHERE, secret)
    empty = base64.b64encode(hmac.digest(b"", b"", hashlib.sha256)).decode()

    with pytest.raises(BadSignature):
        daily.evidence(*said(JOINED))
    with pytest.raises(BadSignature):  # signed with no key, as anybody can
        daily.evidence(*said(JOINED, secret=""))
    with pytest.raises(BadSignature):
        daily.evidence(b"", {"X-Webhook-Signature": empty, "X-Webhook-Timestamp": ""})
