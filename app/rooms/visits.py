"""Who was in a session's room, from when to when: told from its history.

A bot writes who comes and who goes, while it has the room.  Between two bots nobody sees who goes: a person whom the
next bot has not met soon after it came on stage left when the one before it was gone, since nobody knows of them after
that.  Whoever it does meet has been there all the while.  What is said of a visit's end is never taken back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from greenroom.app.rooms.archive import Departure, Visit
from greenroom.app.rooms.session_events import Event, Happened
from greenroom.app.rooms.sessions import State
from greenroom.app.rooms.waiting import COMES_BACK_WITHIN

HAS_THE_ROOM = {State.LIVE, State.PAUSED, State.WAITING, Happened.HANDED_OVER}


@dataclass(frozen=True)
class Account:
    """Who came and went in a session's room."""

    visits: tuple[Visit, ...]
    departures: tuple[Departure, ...] = ()  # of visits whose beginning the history does not have any more


@dataclass
class _There:
    """A person who is there, as far as is known."""

    visit: Visit
    unseen_ms: int | None = None  # since when the bot that met them is gone, where no later one has met them


def account_of(events: Sequence[Event], now_ms: int = 0) -> Account:
    """`now_ms` is the present by Redis's clock, where the history is that of a session which is on."""
    return _Reader().read(events, now_ms)


class _Reader:
    """Reads a history from its beginning."""

    def __init__(self) -> None:
        self._there: dict[str, _There] = {}
        self._began: dict[str, int] = {}  # when each person came last
        self._over: list[Visit] = []
        self._departures: list[Departure] = []
        self._epoch = 0  # of the last bot
        self._sees_from_ms: int | None = None  # since when the last bot has had the room

    def read(self, events: Sequence[Event], now_ms: int) -> Account:
        for event in events:
            if event.epoch >= self._epoch:  # a bot that was replaced knows nothing of the room any more
                self._take(event)
        self._give_up_on_the_missed(now_ms)
        visits = [*self._over, *(there.visit for there in self._there.values())]
        return Account(tuple(sorted(visits, key=lambda visit: visit.joined_ms)), tuple(self._departures))

    def _take(self, event: Event) -> None:
        if event.epoch > self._epoch:
            self._epoch, self._sees_from_ms = event.epoch, None
            for there in self._there.values():
                there.unseen_ms = there.unseen_ms or event.at_ms
        self._give_up_on_the_missed(event.at_ms)
        if event.event in HAS_THE_ROOM and self._sees_from_ms is None:
            self._sees_from_ms = event.at_ms
        if event.event == Happened.PERSON_ARRIVED and event.person:
            self._meet(event.person, event)
        elif event.event == Happened.PERSON_LEFT and event.person:
            self._part(event.person, event.at_ms)
        elif event.event in (State.WAITING, State.ENDED, Happened.PERSON_LEFT):  # nobody is there
            for person in tuple(self._there):
                self._part(person, event.at_ms)

    def _meet(self, person: str, event: Event) -> None:
        if person not in self._there:
            # No two visits of a person begin at once: it is the beginning that tells them apart
            joined_ms = self._began[person] = max(event.at_ms, self._began.get(person, 0) + 1)
            visit = Visit(person, joined_ms, name=event.appearance.name, metadata=event.appearance.metadata)
            self._there[person] = _There(visit)
        self._there[person].unseen_ms = None

    def _part(self, person: str, at_ms: int) -> None:
        there = self._there.pop(person, None)
        if there is not None:
            left_ms = max(there.unseen_ms or at_ms, there.visit.joined_ms)
            self._over.append(replace(there.visit, left_ms=left_ms))
        elif person not in self._began:
            self._departures.append(Departure(person, at_ms))

    def _give_up_on_the_missed(self, now_ms: int) -> None:
        """Nobody is waited for any longer whom the last bot should have met by now."""
        if self._sees_from_ms is None or now_ms - self._sees_from_ms <= _COMES_BACK_WITHIN_MS:
            return
        for person, there in tuple(self._there.items()):
            if there.unseen_ms is not None:
                self._part(person, now_ms)


_COMES_BACK_WITHIN_MS = round(COMES_BACK_WITHIN.total_seconds() * 1000)
