"""Which events somebody wants: of which types, and of whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from greenroom.app.errors.families import Rejected
from greenroom.app.events.schema import TYPES, Event

LONGEST = 2000  # characters of a filter
ASKED_FOR = frozenset({"voice.audio.level"})  # told only to those who name it: ten a second
OF = ("session", "room", "user", "tenant")


class UnknownType(Rejected):
    """There is no event of that type; docs/events.md has the table."""

    kind = "unknown-event"


@dataclass(frozen=True)
class Wanted:
    """A listener's filter; None is any."""

    types: frozenset[str] | None = None
    without: frozenset[str] = frozenset()  # of these types nothing, whatever else is wanted
    session: str | None = None
    room: str | None = None
    user: str | None = None
    tenant: str | None = None

    def takes(self, event: Event) -> bool:
        if event.type in self.without:
            return False
        if event.type in ASKED_FOR if self.types is None else event.type not in self.types:
            return False
        return all(
            wanted is None or wanted == actual
            for wanted, actual in (
                (self.session, event.session),
                (self.room, event.room),
                (self.user, event.user),
                (self.tenant, event.tenant),
            )
        )


def wanted_by(query: Mapping[str, str], *, session: str | None = None) -> Wanted:
    """What a URL's query asks for: `?types=session.*,voice.error&room=local:stage`.  Raises UnknownType, Rejected."""
    known = {"types", *OF}
    for name, value in query.items():
        if name not in known:
            raise Rejected(f"There is no filter of that name; there are {', '.join(sorted(known))}.")
        if len(value) > LONGEST:
            raise Rejected(f"A filter has {LONGEST} characters at most.")
    facts: dict[str, Any] = {name: query[name] for name in OF if query.get(name)}
    if session is not None and facts.setdefault("session", session) != session:
        raise Rejected("The path names another session.")
    return Wanted(types=types_of(query.get("types", "")), **facts)


def types_of(text: str) -> frozenset[str] | None:
    """The types that a list names, with a * at the end for several.  Raises UnknownType."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        return None
    found: set[str] = set()
    for name in names:
        these = {each for each in TYPES if _matches(name, each)}
        if not these:
            raise UnknownType
        found |= these
    return frozenset(found)


def _matches(name: str, each: str) -> bool:
    return each.startswith(name[:-1]) if name.endswith("*") else each == name
