"""JSON Web Tokens, of which we know one kind: signed with a secret that both sides have."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import jwt

SKEW = timedelta(seconds=10)  # between our clock and a provider's

ALGORITHM = "HS256"


def sign(secret: str, claims: Mapping[str, Any], lasts: timedelta) -> str:
    """A token that begins now and ends in a while."""
    now = int(time.time())
    times = {"nbf": now - int(SKEW.total_seconds()), "exp": now + int(lasts.total_seconds())}
    return jwt.encode({**claims, **times}, secret, algorithm=ALGORITHM)
