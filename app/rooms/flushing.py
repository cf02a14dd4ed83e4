"""The flush: what lies in Redis's outboxes is put into the archive, in batches, and taken out when it is kept.

It may end anywhere.  What was kept and not taken out is kept again, which changes nothing; what was not kept still lies
there.  Several that flush at once read the same and take out the same.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from greenroom.app.errors import GreenroomError, NoSuchSession, RedisAway
from greenroom.app.rooms.archive import Archive, Batch, Refusal, Report, Unkept, Visit
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.outboxes import (
    Changed,
    ChangedSessions,
    Outbox,
    ReadOutbox,
    SessionKept,
    Settle,
    WaitingOutboxes,
    owner_of,
)
from greenroom.app.rooms.sessions import Event, Happened, ReadEvents, ReadSession, State

TURNS_AT_ONCE = 1000  # kept in one transaction: a commit costs as much as hundreds of turns
OF_ONE_CONVERSATION = 250  # of those, so that one with thousands holds up no other
CONVERSATIONS_AT_ONCE, READ_AT_ONCE = 100, 8
SESSIONS_AT_ONCE = 50
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=30)  # while the archive is away

log = structlog.get_logger(__name__)


@dataclass
class Flushed:
    """What one flush has done."""

    turns: int = 0  # that were taken out
    refused: int = 0
    sessions: int = 0

    @property
    def has_done_nothing(self) -> bool:
        return self == Flushed()


class Flusher:
    """Flushes for one process; one of its threads at a time does."""

    def __init__(
        self, ledger: Ledger, archive: Archive, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger = ledger
        self._archive = archive
        self._clock = clock
        self._turn = threading.Lock()
        self._pause = timedelta(0)
        self._not_before = 0.0

    @property
    def has_work(self) -> bool:
        """Whether something waits.  Raises RedisAway."""
        waiting, changed = self._ledger.run_all([WaitingOutboxes(1), ChangedSessions(1)])
        return bool(waiting or changed)

    def flush(self, within: timedelta = timedelta(seconds=10)) -> Flushed | None:
        """Until nothing waits, or the time is over; None if another thread does it, or the archive was away just now.

        Raises RedisAway.
        """
        if not self._turn.acquire(blocking=False):
            return None
        try:
            if self._clock() < self._not_before:
                return None
            return self._flush(self._clock() + within.total_seconds())
        finally:
            self._turn.release()

    def _flush(self, until: float) -> Flushed:
        done = Flushed()
        try:
            while self._clock() < until and (self._flush_sessions(done) | self._flush_turns(done)):
                pass
        except RedisAway:
            raise
        except GreenroomError as error:
            self._wait(error)
        else:
            self._pause = timedelta(0)
        return done

    def _wait(self, error: GreenroomError) -> None:
        """Leave the archive alone for a while, each time for longer."""
        self._pause = min(max(self._pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
        self._not_before = self._clock() + self._pause.total_seconds()
        seconds = self._pause.total_seconds()
        log.warning("flush_failed", kind=error.kind, because=error.facts.get("because"), pause_s=seconds)

    def _flush_turns(self, done: Flushed) -> bool:
        """One batch; whether there may be more."""
        names = self._ledger.run(WaitingOutboxes(CONVERSATIONS_AT_ONCE))
        outboxes = list(self._read(names))
        batches = [batch for outbox in outboxes if (batch := _batch(outbox)).deliveries]
        refusals = self._archive.keep_turns(batches) if batches else []
        for refusal in refusals:
            self._say(refusal)
        for outbox in outboxes:
            if unreadable := sum(entry.delivery is None for entry in outbox.entries):
                log.error("outbox_rejected", conversation_id=outbox.conversation_id, turns=unreadable)
        steps = [_settling(outbox, refusals) for outbox in outboxes]
        taken = sum(self._ledger.run_all(steps)) if steps else 0
        done.turns += taken
        done.refused += len(refusals)
        return taken > 0

    def _read(self, names: Sequence[str]) -> Iterator[Outbox]:
        """Until there are enough turns for one transaction."""
        found = 0
        for first in range(0, len(names), READ_AT_ONCE):
            if found >= TURNS_AT_ONCE:
                return
            some = names[first : first + READ_AT_ONCE]
            for outbox in self._ledger.run_all([ReadOutbox(name, OF_ONE_CONVERSATION) for name in some]):
                found += len(outbox.entries)
                yield outbox

    def _say(self, refusal: Refusal) -> None:
        if refusal.why is Unkept.LATE:
            log.warning("turn_refused", conversation_id=refusal.conversation_id)
        else:
            log.error("turn_rejected", conversation_id=refusal.conversation_id, because=refusal.because)

    def _flush_sessions(self, done: Flushed) -> bool:
        changes = self._ledger.run(ChangedSessions(SESSIONS_AT_ONCE))
        for changed in changes:
            if (report := self._report(changed)) and (because := self._archive.keep_session(report)):
                log.error("session_rejected", session_id=changed.session_id, because=because)
            self._ledger.run(SessionKept(changed))
            done.sessions += 1
        return len(changes) == SESSIONS_AT_ONCE

    def _report(self, changed: Changed) -> Report | None:
        """None for a session that is unknown by now: it ended more than a day ago, or another version wrote it."""
        try:
            session = self._ledger.run(ReadSession(changed.session_id))
        except NoSuchSession:
            return None
        events = self._ledger.run(ReadEvents(session.id))
        return Report(session, tuple(events), tuple(visits(events)))


def _batch(outbox: Outbox) -> Batch:
    tenant, user_id = owner_of(outbox.owner)
    readable = tuple(entry.delivery for entry in outbox.entries if entry.delivery)
    return Batch(outbox.conversation_id, tenant, user_id, readable)


def _settling(outbox: Outbox, refusals: Sequence[Refusal]) -> Settle:
    unstorable = {
        refusal.turn_id
        for refusal in refusals
        if refusal.why is Unkept.UNSTORABLE and refusal.conversation_id == outbox.conversation_id
    }
    aside = frozenset(
        entry.mark
        for entry in outbox.entries
        if entry.delivery is None or entry.delivery.turn.id in unstorable
    )
    return Settle(outbox.conversation_id, tuple(entry.mark for entry in outbox.entries), aside)


def visits(events: Sequence[Event]) -> Iterator[Visit]:
    """Who came and went, as a session's history has it."""
    there: dict[str, int] = {}
    for event in events:
        if event.event == Happened.PERSON_ARRIVED and event.person:
            there.setdefault(event.person, event.at_ms)
        elif event.event in (Happened.PERSON_LEFT, State.ENDED):
            yield from (Visit(person, since, event.at_ms) for person, since in there.items())
            there.clear()
    yield from (Visit(person, since) for person, since in there.items())
