"""Who may call: the API key opens everything, a session's token that session, a pass joining one room, a resume token
the return to one session.

Which view is open to whom is marked on it (`app/access.py`); one without a mark needs the key.
"""

import hashlib
import hmac
from datetime import timedelta

from flask import Flask, current_app, g, request
from itsdangerous import BadData, TimestampSigner

from greenroom.app.errors.callers import UnknownCredential
from greenroom.app.errors.families import Forbidden, Unauthorized
from greenroom.app.passes import PREFIX
from greenroom.app.resume_tokens import PREFIX as RESUME

TOKEN_LASTS = timedelta(hours=2)  # a longer call gets a fresh one from the next join

DESCRIPTION = "api-docs.openapi_json"  # flask-smorest's view; it tells what the source tells


def session_tokens(signing_secret: str) -> TimestampSigner:
    """Makes the signer of the tokens that browsers hold: each is short-lived, for one session and one person."""
    if not signing_secret:
        raise ValueError("nothing is signed with an empty secret")
    deriving = TimestampSigner(signing_secret, salt="session", digest_method=hashlib.sha256)
    # The key is derived here, once: the signer would do it for each token that is made or read
    return TimestampSigner(deriving.derive_key(), key_derivation="none", digest_method=hashlib.sha256)


def mint(tokens: TimestampSigner, session_id: str, user_id: str, link: str | None = None) -> str:
    """`session:user`, or `session/link:user` of who came by a link, signed; no part has what would end it early."""
    session = f"{session_id}/{link}" if link else session_id
    return tokens.sign(f"{session}:{user_id}").decode()


def read_token(tokens: TimestampSigner, token: str) -> tuple[str, str, str | None]:
    """The session and the user of a token, and the link that they came by.  Raises UnknownCredential."""
    try:
        signed = tokens.unsign(token, max_age=int(TOKEN_LASTS.total_seconds())).decode()
    except (BadData, UnicodeError):
        raise UnknownCredential from None
    session, _, user_id = signed.partition(":")
    session_id, _, link = session.partition("/")
    return session_id, user_id, link or None


def caller_of(session_id: str) -> str | None:
    """The user that the caller's token names, or None for the holder of the key.  Raises Forbidden."""
    if g.token is None:
        return None
    token_session, user_id = g.token
    if token_session != session_id:
        raise Forbidden
    return str(user_id)


def register(app: Flask) -> None:
    """Deny by default; a path that does not exist is a 404 for everybody."""
    app.before_request(_authenticate)


def _authenticate() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or getattr(view, "is_public", False) or request.endpoint == DESCRIPTION:
        return
    services = current_app.extensions["greenroom"]
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credential:
        raise Unauthorized
    g.token = g.held = g.link = g.resume = None
    if hmac.compare_digest(credential.encode(), services.settings.api_key.encode()):
        return
    if credential.startswith(PREFIX):
        g.held = services.passes.read(credential)
        g.link = g.held.link
        if not getattr(view, "is_open_to_pass", False):
            raise Forbidden(
                "A pass lets you join its room; for all else use the token that the answer to the join has."
            )
        return
    if credential.startswith(RESUME):
        g.resume = services.resume_tokens.read(credential)
        g.token, g.link = (g.resume.session_id, g.resume.user_id), g.resume.link
        if not getattr(view, "is_open_to_resume", False):
            raise Forbidden("A resume token leads back to its session by POST /join, and opens nothing else.")
        return
    session_id, user_id, g.link = read_token(services.tokens, credential)
    g.token = session_id, user_id
    if not getattr(view, "is_open_to_session", False):
        raise Forbidden
    if "session_id" in (request.view_args or {}):
        caller_of(str(request.view_args and request.view_args["session_id"]))
