"""A room, parsed once from its canonical URL."""

import re
from dataclasses import dataclass

from greenroom.app.errors.rooms import BadRoom
from greenroom.app.rooms.naming import fresh_name

LOCAL, LIVEKIT, DAILY = "local", "livekit", "daily"

LONGEST_NAME = 64
FORUM = (
    "forum"  # the name of the room to which a session's user may take its bot, where several people can be
)
# No braces, quotes, colons or control characters: a name is part of Redis keys, of URLs and of log lines.
_NAME = rf"[A-Za-z0-9](?:[A-Za-z0-9_-]{{0,{LONGEST_NAME - 2}}}[A-Za-z0-9])?"
_HOST = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
_FORMS = {
    LOCAL: re.compile(rf"local:(?P<server>)(?P<name>{_NAME})", re.ASCII),
    LIVEKIT: re.compile(rf"(?P<server>wss?://{_HOST}(?::[1-9][0-9]{{0,4}})?)/(?P<name>{_NAME})", re.ASCII),
    DAILY: re.compile(rf"(?P<server>https://{_HOST})/(?P<name>{_NAME})", re.ASCII),
}


@dataclass(frozen=True)
class Room:
    """A place where people talk.  `str(room)` is its canonical URL."""

    provider: str
    name: str
    server: str = ""  # as in wss://livekit.acme.com; a local room has none

    @classmethod
    def parse(cls, url: str) -> "Room":
        """Raises BadRoom for anything that is not exactly a room's canonical URL.

        That a URL is well-formed does not mean that a bot may go there: see `Providers`.
        """
        for provider, form in _FORMS.items():
            if found := form.fullmatch(url):
                return cls(provider, found["name"], found["server"])
        raise BadRoom

    @classmethod
    def fresh(cls, provider: str = LOCAL, server: str = "") -> "Room":
        """A new room, with a name that can be read out."""
        return cls(provider, fresh_name(), server)

    def __str__(self) -> str:
        return f"{self.server}/{self.name}" if self.server else f"{self.provider}:{self.name}"
