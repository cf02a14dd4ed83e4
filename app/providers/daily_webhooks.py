"""Daily's webhooks: whether it has signed one, and when that happened of which it tells."""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import timedelta

from greenroom.app.errors.callers import BadSignature
from greenroom.app.providers import reading
from greenroom.app.providers.http import Json
from greenroom.app.rooms.providers import RoomEvent

WEBHOOK_GOOD_FOR = timedelta(minutes=5)  # by how much a webhook's time may differ from our clock
IN_MILLISECONDS = 10**11  # a timestamp above this, which in seconds would be the year 5138

EVENTS = {
    "participant.joined": RoomEvent.PARTICIPANT_JOINED,
    "participant.left": RoomEvent.PARTICIPANT_LEFT,
    "meeting.ended": RoomEvent.ROOM_FINISHED,
}


def is_probe(body: bytes) -> bool:
    """Whether this is the request, unsigned perhaps, with which Daily tries a webhook's address; it wants a 200."""
    return body.replace(b" ", b"") == b'{"test":"test"}'


def check(body: bytes, given_headers: Mapping[str, str], secret: str) -> None:
    """Raises BadSignature for a webhook that Daily has not signed with this secret just now."""
    headers = {name.lower(): value for name, value in given_headers.items()}
    signature, timestamp = headers.get("x-webhook-signature", ""), headers.get("x-webhook-timestamp", "")
    try:
        key = base64.b64decode(secret, validate=True)
        signed = timestamp.encode("ascii") + b"." + body
        at = float(timestamp) if timestamp.isdigit() and len(timestamp) < 20 else 0.0
        given = signature.encode("ascii")
    except (binascii.Error, UnicodeEncodeError):
        raise BadSignature from None
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256))
    if not key or not hmac.compare_digest(expected, given):
        raise BadSignature
    seconds = at / 1000 if at > IN_MILLISECONDS else at
    if abs(time.time() - seconds) > WEBHOOK_GOOD_FOR.total_seconds():
        raise BadSignature


def happened_ms(event: RoomEvent, about: Json, said: Json) -> int:
    """When it happened; when it was sent, where that is not said."""
    joined, lasted, ended = (_number(about.get(field)) for field in ("joined_at", "duration", "end_ts"))
    happened = {
        RoomEvent.PARTICIPANT_JOINED: joined,
        RoomEvent.PARTICIPANT_LEFT: joined + lasted if joined and lasted else 0.0,
        RoomEvent.ROOM_FINISHED: ended,
    }[event]
    return int((happened or _number(said.get("event_ts"))) * 1000)


def _number(value: object) -> float:
    found = reading.number(value)
    return found if found < IN_MILLISECONDS else 0.0
