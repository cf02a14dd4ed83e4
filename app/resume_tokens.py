"""Resume tokens: by one of these a page that has lost its state comes back to its session, once.

A token is signed, so that none has to be kept: of one that was used the hash of its nonce is, until it would have
expired.  It is for one session and one person, and good for nothing but `POST /join`.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import timedelta

from itsdangerous import BadData, URLSafeSerializer

from greenroom.app.errors.callers import UnknownCredential

PREFIX = "resume."  # tells one from a key, a pass and a session's token, before anybody looks into it
LASTS = timedelta(hours=24)  # no session lasts longer
LONGEST = 2000  # characters


@dataclass(frozen=True)
class ResumeToken:
    """Whose return to which session it is."""

    session_id: str
    user_id: str
    link: str | None  # that they came by
    expires: int  # seconds since the epoch
    nonce: str

    @property
    def mark(self) -> str:
        """What is kept of it once it was used; nobody can come back with that."""
        return hashlib.sha256(self.nonce.encode()).hexdigest()

    @property
    def left(self) -> timedelta:
        return timedelta(seconds=max(1.0, self.expires - time.time()))


class ResumeTokens:
    """Signs resume tokens, and reads those that were signed here."""

    def __init__(self, signing_secret: str) -> None:
        if not signing_secret:
            raise ValueError("nothing is signed with an empty secret")
        self._serializer = URLSafeSerializer(
            signing_secret, salt="resume", signer_kwargs={"digest_method": hashlib.sha256}
        )

    def mint(self, session_id: str, user_id: str, link: str | None = None) -> str:
        expires = int(time.time() + LASTS.total_seconds())
        return PREFIX + str(
            self._serializer.dumps([session_id, user_id, link, expires, secrets.token_hex(16)])
        )

    def read(self, text: str) -> ResumeToken:
        """Raises UnknownCredential for what was not signed here, or has expired."""
        if not text.startswith(PREFIX) or len(text) > LONGEST:
            raise UnknownCredential
        try:
            token = ResumeToken(*self._serializer.loads(text.removeprefix(PREFIX)))
        except (BadData, TypeError):
            raise UnknownCredential from None
        if time.time() > token.expires:
            raise UnknownCredential
        return token
