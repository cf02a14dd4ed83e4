"""A room, parsed once from its canonical URL."""

import re
import secrets
from dataclasses import dataclass

from app.errors import BadRoom

LOCAL = "local"

# No braces, quotes, colons or control characters: a name is part of Redis keys and of log lines.
_LOCAL_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?", re.ASCII)


@dataclass(frozen=True)
class Room:
    """A place where people talk.  `str(room)` is its canonical URL."""

    provider: str
    name: str

    @classmethod
    def parse(cls, url: str) -> "Room":
        """Raises BadRoom for anything that is not exactly a room's canonical URL."""
        provider, _, name = url.partition(":")
        if provider != LOCAL or not _LOCAL_NAME.fullmatch(name):
            raise BadRoom
        return cls(provider, name)

    @classmethod
    def fresh(cls) -> "Room":
        """A new room that nobody can guess."""
        return cls(LOCAL, secrets.token_hex(8))

    def __str__(self) -> str:
        return f"{self.provider}:{self.name}"
