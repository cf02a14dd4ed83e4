"""Passes: signed leave to come into one room, as one person, for a while; what links are made of.

A pass is not a key: it opens its own room and nothing else.  An invitation is a
pass without a person: whoever comes with it is a guest of their own.  A pass
without a room is for a fresh one, as in the link that `greenroom up` prints.
Either is exchanged for a whole one at POST /passes.

All passes that go back to one that the key has made are of one link, and share
its limits: each exchange makes up another guest, whose own limits bind nobody.
"""

import hashlib
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from itsdangerous import BadData, URLSafeSerializer

from greenroom.app.errors.callers import PassExpired, UnknownCredential

PREFIX = "pass."  # tells one from a key, and from a session's token, before anybody looks into it
LASTS = timedelta(days=1)
LINK_LASTS = timedelta(
    days=7
)  # of a link that leads to fresh rooms; also the longest that anybody may ask for
_FORM = re.compile(r"[A-Za-z0-9._~-]{1,2000}", re.ASCII)


@dataclass(frozen=True)
class Pass:
    """What somebody may do who holds it."""

    expires: int  # seconds since the epoch
    room: str | None = None  # its canonical URL; None: one that is yet to be named
    user_id: str | None = None  # None: whoever comes
    assistant: str | None = None  # whom they talk with; None: the default bot
    chooses: bool = False  # whether its holder says with whom they talk: bot, personality, assistant and mode
    link: str | None = None  # the one that it goes back to; None: it is a link's first, and not yet signed


class Passes:
    """Signs passes, and reads those that were signed here."""

    def __init__(self, signing_secret: str) -> None:
        if not signing_secret:
            raise ValueError("nothing is signed with an empty secret")
        self._serializer = URLSafeSerializer(
            signing_secret, salt="pass", signer_kwargs={"digest_method": hashlib.sha256}
        )

    def sign(self, given: Pass) -> str:
        told = {
            "x": given.expires,
            "r": given.room,
            "u": given.user_id,
            "a": given.assistant,
            "c": int(given.chooses),
            "l": given.link,
        }
        return PREFIX + str(self._serializer.dumps({name: value for name, value in told.items() if value}))

    def read(self, text: str) -> Pass:
        """Raises UnknownCredential for what was not signed here, PassExpired for what was."""
        if not text.startswith(PREFIX) or not _FORM.fullmatch(text):
            raise UnknownCredential
        try:
            told = self._serializer.loads(text.removeprefix(PREFIX))
        except BadData:
            raise UnknownCredential from None
        link = told.get("l") or _link_of(text)
        given = Pass(
            told["x"], told.get("r"), told.get("u"), told.get("a"), chooses=bool(told.get("c")), link=link
        )
        if time.time() > given.expires:
            raise PassExpired
        return given


def _link_of(first: str) -> str:
    """The link that a pass is the first of.  Its signature is left out: base64 spells the same one in several ways."""
    return hashlib.sha256(first.rpartition(".")[0].encode()).hexdigest()[:16]


def until(lasts: timedelta, at_most: int | None = None) -> int:
    """The moment so long from now, in seconds since the epoch, but not after another one."""
    moment = int(time.time() + lasts.total_seconds())
    return moment if at_most is None else min(moment, at_most)


def link(address: str, signed: str, room: str | None = None) -> str:
    """A link to the talk page.  What follows the # is not sent to any server, nor kept in its logs."""
    where = f"?room={quote(room, safe=':/')}" if room else ""
    return f"{address}/talk{where}#pass={signed}"
