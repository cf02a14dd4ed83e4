"""JSON Web Tokens, signed with a secret that we share with a room's server."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import jwt

from greenroom.app.errors.callers import BadSignature

SKEW = timedelta(seconds=10)  # how far a provider's clock may be from ours without its tokens being refused

ALGORITHM = "HS256"


def sign(secret: str, claims: Mapping[str, Any], lasts: timedelta) -> str:
    """A token that begins now and ends in a while."""
    now = int(time.time())
    times = {"nbf": now - int(SKEW.total_seconds()), "exp": now + int(lasts.total_seconds())}
    return jwt.encode({**claims, **times}, secret, algorithm=ALGORITHM)


def verify(secret: str, token: str, *, issuer: str) -> dict[str, Any]:
    """Read a token that was signed with this secret and has not expired.  Raises BadSignature."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            issuer=issuer,
            leeway=SKEW,
            options={"require": ["exp", "iss"], "verify_aud": False},
        )
    except (jwt.InvalidTokenError, ValueError) as error:
        raise BadSignature from error
    return claims
