"""A webhook as a LiveKit server writes and signs it."""

import base64
import hashlib
import json
import time

import jwt

URL, KEY = "ws://127.0.0.1:7880", "a-key"
SECRET = "a-secret-of-more-than-sixty-four-characters-which-hs512-would-like-too"


def told(event="participant_left", *, at=0, room="stage", participant=None, **more):
    """A body as LiveKit writes it."""
    return json.dumps(
        {
            "event": event,
            "room": {"sid": "RM_1", "name": room},
            "participant": participant or {"sid": "PA_1", "identity": "ada", "name": "Ada"},
            "id": "EV_1",
            "createdAt": str(int(time.time()) + at),
            **more,
        }
    ).encode()


def signed(body, *, secret=SECRET, algorithm="HS256", leave_out=(), **claims):
    now = int(time.time())
    sha = base64.b64encode(hashlib.sha256(body).digest()).decode()
    said = {"iss": KEY, "nbf": now, "exp": now + 300, "sha256": sha, **claims}
    said = {name: value for name, value in said.items() if name not in leave_out}
    return {"Authorization": jwt.encode(said, secret if algorithm != "none" else None, algorithm=algorithm)}
