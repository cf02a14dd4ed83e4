"""Tells those who wait for a slot where they stand in the line, and asks bots that are alone to free theirs."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

from greenroom.app.errors.limits import InboxFull
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.ledger import Ledger, Step
from greenroom.app.rooms.line import FindPlace, LeaveLine, Line
from greenroom.app.rooms.messages import sending
from greenroom.app.rooms.requests.leaving import GiveWay
from greenroom.app.rooms.session_events import Happened, Note
from greenroom.app.rooms.session_lists import LongAlone, ReadSessions
from greenroom.app.rooms.sessions import Session, State

GIVES_WAY_AFTER = timedelta(seconds=30)  # whoever reloads the page finds the bot still there
POSITIONS_TOLD = 100  # those further behind learn theirs when they ask


class Positions:
    """The positions that those who wait were told last."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._told: dict[str, int] = {}

    def tell(self) -> None:
        """Write into each waiting session's history where it stands in line; remove those that wait no more."""
        told, self._told = self._told, {}
        waiting = self._ledger.run(Line(POSITIONS_TOLD))
        free = self._ledger.run(FindPlace()).free if waiting else 0
        notes: list[Step[Any]] = []
        for ahead, session in enumerate(self._those_that_wait(waiting)):
            position = ahead + 1 - free
            if position < 1:
                continue
            self._told[session.id] = position
            if told.get(session.id) != position:
                notes.append(Note(session.id, Happened.QUEUED, session.epoch, f"position {position}"))
        if notes:
            self._ledger.run_all(notes)

    def _those_that_wait(self, session_ids: list[str]) -> Iterator[Session]:
        found = self._ledger.run(ReadSessions(tuple(session_ids)))
        for session_id, session in zip(session_ids, found, strict=True):
            if session is not None and session.state is State.PENDING:
                yield session
            else:
                self._ledger.run(LeaveLine(session_id, is_served=False))


def free_slots(ledger: Ledger) -> int:
    """Ask bots that are alone, the longest first, to leave their slots to those who wait; says how many were asked.

    The bot decides, since it knows whether it is alone: one to whom somebody has come meanwhile stays.
    """
    place, now_ms = ledger.run_all([FindPlace(), Now()])
    wanted = place.waiting - place.free
    if wanted <= 0:
        return 0
    before_ms = now_ms - GIVES_WAY_AFTER // timedelta(milliseconds=1)
    alone = ledger.run(LongAlone(before_ms, wanted))
    asked = [session for session in ledger.run(ReadSessions(tuple(alone))) if session is not None]
    for session in asked:
        with suppress(InboxFull):  # its bot reads nothing: the reaper will find it dead
            ledger.run(sending(session, GiveWay(), nonce="give-way"))
    return len(asked)
