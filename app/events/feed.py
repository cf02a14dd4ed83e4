"""What has happened lately, kept in this process for everybody who listens here: one reader of the ledger for all.

A listener's place in the events is that in both streams.  It stands in the id of each event that is sent, so whoever
comes back with the last one, to this process or to another, gets everything that came after it.
"""

import asyncio
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from heapq import merge
from itertools import islice

from greenroom.app.errors.storage import RedisAway
from greenroom.app.events.schema import ENDED, Event
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.ledger import AsyncLedger
from greenroom.app.rooms.told import BEGINNING, Entry, Place, ReadTold

KEPT_TOLD, KEPT_HEARD = 50_000, 10_000  # as the ledger keeps them
KEPT_FOR = timedelta(days=1)  # by the ledger, at least
WAITS = timedelta(seconds=1)  # for an event, at a time: shorter than a connection is waited for
RETRY_AFTER = 0.5  # seconds
PLACE = re.compile(r"(\d{1,15}-\d{1,15})_(\d{1,15}-\d{1,15})", re.ASCII)

Order = tuple[int, int]


def place_of(text: str) -> Place | None:
    """The place that an event's id names, if it names one."""
    found = PLACE.fullmatch(text)
    return Place(found[1], found[2]) if found else None


def text_of(place: Place) -> str:
    return f"{place.told}_{place.heard}"


def order_of(entry_id: str) -> Order:
    at, _, number = entry_id.partition("-")
    return int(at), int(number or 0)


@dataclass(frozen=True)
class Happened:
    """An event, and the place of whoever has heard it."""

    entry: Entry
    place: Place

    @cached_property
    def event(self) -> Event:
        return Event.of(self.entry)


class Kept:
    """The end of one stream, in order, and what of it is each session's."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._entries: list[Entry] = []
        self._of_session: dict[str, list[Entry]] = {}

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._of_session.setdefault(entry.fields["session"], []).append(entry)
        if len(self._entries) > 2 * self._at_most:
            del self._entries[: -self._at_most]
            self._of_session.clear()
            for each in self._entries:
                self._of_session.setdefault(each.fields["session"], []).append(each)

    def after(self, entry_id: str, session: str | None) -> Iterator[Entry]:
        """What came after an entry, of all sessions or of one."""
        entries = self._entries if session is None else self._of_session.get(session, [])
        at = bisect_right(entries, order_of(entry_id), key=_order)
        return islice(entries, at, None)

    def has_entry_before(self, entry_id: str) -> bool:
        """Whether that entry, or an earlier one, is here: then nothing that came after it is gone."""
        return bool(self._entries) and _order(self._entries[0]) <= order_of(entry_id)

    @property
    def is_full(self) -> bool:
        """Whether entries may have gone to make room."""
        return len(self._entries) >= self._at_most


Listener = Callable[[Sequence[Happened]], None]


class Feed:
    """The events of this process: all that the ledger has kept, and what comes."""

    def __init__(self, ledger: AsyncLedger) -> None:
        self._ledger = ledger
        self._told, self._heard = Kept(KEPT_TOLD), Kept(KEPT_HEARD)
        self.place = Place()
        self.is_live = False  # Redis answered, the last time

    async def load(self) -> None:
        """Read all that there is, before anybody listens.  Raises RedisAway."""
        while entries := await self._ledger.run(ReadTold(self.place)):
            self._take(entries)
        self.is_live = True

    async def run(self, listener: Listener) -> None:
        """Call the listener with what is new, until it is cancelled.  While Redis is away nothing is."""
        while True:
            try:
                entries = await self._ledger.run(ReadTold(self.place, WAITS))
            except RedisAway:
                self.is_live = False
                await asyncio.sleep(RETRY_AFTER)
                continue
            self.is_live = True
            if entries:
                listener(self._take(entries))

    def after(self, place: Place, session: str | None = None) -> Iterator[Happened]:
        """What came after a place, in order.  What comes meanwhile may be left out: ask again from the last place."""
        entries = merge(
            self._told.after(place.told, session), self._heard.after(place.heard, session), key=_across
        )
        return _placed(place, entries)

    def told_after(self, entry_id: str) -> Iterator[Happened]:
        """What was told after an entry, in order, without what is heard."""
        return _placed(Place(), self._told.after(entry_id, None))

    async def has_all_after(self, place: Place) -> bool:
        """Whether nothing of what was told after a place is gone, as far as anybody can tell.  Raises RedisAway.

        Where the place itself is gone, and is less than a day old, nothing after it has been taken for its age.
        """
        if place.told == BEGINNING or self._told.has_entry_before(place.told):
            return True
        at_ms, _ = order_of(place.told)
        age_ms = await self._ledger.run(Now()) - at_ms
        return age_ms < KEPT_FOR / timedelta(milliseconds=1) and not self._told.is_full

    def has_ended(self, session: str) -> bool:
        """Whether it has been told that a session is over."""
        return any(entry.fields["type"] == ENDED for entry in self._told.after(BEGINNING, session))

    def line_of(self, session: str, history: str) -> Place | None:
        """The place of a line of a session's history, by the id that it has there."""
        for entry in self._told.after(BEGINNING, session):
            if entry.fields.get("history") == history:
                return Place(entry.id)
        return None

    def _take(self, entries: Sequence[Entry]) -> list[Happened]:
        in_order = sorted(entries, key=_across)
        for entry in in_order:
            (self._heard if entry.is_heard else self._told).add(entry)
        news = list(_placed(self.place, in_order))
        self.place = news[-1].place
        return news


def _placed(place: Place, entries: Iterable[Entry]) -> Iterator[Happened]:
    for entry in entries:
        place = replace(place, heard=entry.id) if entry.is_heard else replace(place, told=entry.id)
        yield Happened(entry, place)


def _order(entry: Entry) -> Order:
    return order_of(entry.id)


def _across(entry: Entry) -> tuple[int, bool, int]:
    """The order of entries of both streams: within a millisecond, what is told comes first."""
    at_ms, number = order_of(entry.id)
    return at_ms, entry.is_heard, number
