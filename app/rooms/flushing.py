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

from greenroom.app.errors.families import GreenroomError
from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.archive import Archive, Batch, NotNow, Refusal, Report, Unkept
from greenroom.app.rooms.conversations import CountMessages
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.outboxes import (
    Changed,
    ChangedSessions,
    Lying,
    Outbox,
    PutSessionAside,
    ReadOutbox,
    SessionKept,
    Settle,
    WaitingOutboxes,
    owner_of,
)
from greenroom.app.rooms.pauses import Pauses
from greenroom.app.rooms.session_events import Happened, Note, ReadEvents
from greenroom.app.rooms.sessions import ReadSession, Session, State
from greenroom.app.rooms.visits import account_of

TURNS_AT_ONCE = 1000  # kept in one transaction: a commit costs as much as hundreds of turns
OF_ONE_CONVERSATION = 250  # of those, so that one with thousands holds up no other
CONVERSATIONS_AT_ONCE, READ_AT_ONCE = 100, 8
SESSIONS_AT_ONCE = 50
FAILURES_IN_A_ROW = 3  # sessions; then the others are not tried
ARCHIVE = ""  # has a pause as a whole, while it is away; no conversation or session is called so
WAITS = (Unkept.NOT_NOW, Unkept.NOT_TRIED)

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
        self,
        ledger: Ledger,
        archive: Archive,
        *,
        on_ended: Callable[[Session], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_ended` is told of each session that is over when all of it is kept, at least once."""
        self._on_ended = on_ended
        self._ledger = ledger
        self._archive = archive
        self._clock = clock
        self._turn = threading.Lock()
        self._pauses = Pauses(clock)

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
            if self._pauses.is_on(ARCHIVE):
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
            self._pauses.end(ARCHIVE)
        return done

    def _wait(self, error: GreenroomError) -> None:
        """Leave the archive alone for a while, each time for longer."""
        seconds = self._pauses.begin(ARCHIVE).total_seconds()
        log.warning("flush_failed", kind=error.kind, because=error.facts.get("because"), pause_s=seconds)

    def _flush_turns(self, done: Flushed) -> bool:
        """One batch; whether there may be more."""
        names = self._ledger.run(WaitingOutboxes(CONVERSATIONS_AT_ONCE + len(self._pauses)))
        outboxes = list(self._read([name for name in names if not self._pauses.is_on(name)]))
        batches = [batch for outbox in outboxes if (batch := _batch(outbox)).deliveries]
        refusals = self._archive.keep_turns(batches) if batches else []
        for refusal in refusals:
            self._say(refusal)
        self._note(batches, refusals)
        stops = {each.conversation_id: each.turn_id for each in refusals if each.why in WAITS}
        kept = [_kept(outbox, stops.get(outbox.conversation_id)) for outbox in outboxes]
        for outbox in kept:
            if unreadable := sum(entry.delivery is None for entry in outbox.entries):
                log.error("outbox_rejected", conversation_id=outbox.conversation_id, turns=unreadable)
            if outbox.conversation_id not in stops:
                self._pauses.end(outbox.conversation_id)
        steps = [_settling(outbox, refusals) for outbox in kept]
        taken = sum(self._ledger.run_all(steps)) if steps else 0
        done.turns += taken
        done.refused += len(refusals) - len(stops)
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

    def _note(self, batches: Sequence[Batch], refusals: Sequence[Refusal]) -> None:
        """Write into the histories of sessions what of them is not kept for good, by its place alone."""
        never = {(each.conversation_id, each.turn_id): each for each in refusals if each.why not in WAITS}
        notes = [
            Note(
                delivery.session_id,
                Happened.TURN_UNKEPT,
                delivery.written_epoch,
                refusal.because or refusal.why,
                conversation_id=batch.conversation_id,
                sequence=delivery.turn.sequence,
            )
            for batch in batches
            for delivery in batch.deliveries
            if delivery.session_id and (refusal := never.get((batch.conversation_id, delivery.turn.id)))
        ]
        if notes:
            self._ledger.run_all(notes)

    def _say(self, refusal: Refusal) -> None:
        if refusal.why is Unkept.LATE:
            log.warning("turn_refused", conversation_id=refusal.conversation_id)
        elif refusal.why is Unkept.NOT_NOW:
            seconds = self._pauses.begin(refusal.conversation_id).total_seconds()
            told = {"conversation_id": refusal.conversation_id, "because": refusal.because}
            log.warning("turns_delayed", **told, pause_s=seconds)
        elif refusal.why is Unkept.UNSTORABLE:
            log.error("turn_rejected", conversation_id=refusal.conversation_id, because=refusal.because)

    def _flush_sessions(self, done: Flushed) -> bool:
        at_once = SESSIONS_AT_ONCE + len(self._pauses)
        changes = self._ledger.run(ChangedSessions(at_once))
        kept = failures = 0
        for changed in changes:
            if failures == FAILURES_IN_A_ROW:
                break
            if self._pauses.is_on(changed.session_id):
                continue
            report = self._report(changed)
            if report and self._speaks_still(report):
                continue
            try:
                because = self._archive.keep_session(report) if report else None
            except NotNow as error:
                seconds = self._pauses.begin(changed.session_id).total_seconds()
                log.warning(
                    "session_delayed", session_id=changed.session_id, because=str(error), pause_s=seconds
                )
                failures += 1
                continue
            if report and report.session.state is State.ENDED:
                self._on_ended(report.session)
            if because:
                log.error("session_rejected", session_id=changed.session_id, because=because)
                self._ledger.run(PutSessionAside(changed.session_id))
            self._pauses.end(changed.session_id)
            self._ledger.run(SessionKept(changed))
            kept, failures = kept + 1, 0
        done.sessions += kept
        return kept > 0 and len(changes) == at_once

    def _speaks_still(self, report: Report) -> bool:
        """Whether a session has ended of which some turns wait: its end is told behind its last words."""
        session = report.session
        return session.state is State.ENDED and bool(
            self._ledger.run(ReadOutbox(session.conversation_id, 1)).entries
        )

    def _report(self, changed: Changed) -> Report | None:
        """None for a session that is unknown by now: it ended more than a day ago, or another version wrote it."""
        try:
            session = self._ledger.run(ReadSession(changed.session_id))
        except NoSuchSession:
            return None
        events = self._ledger.run(ReadEvents(session.id))
        account, messages = account_of(events), 0
        if session.state is State.ENDED:
            messages = self._ledger.run(CountMessages(session.conversation_id, session.id))
        return Report(session, tuple(events), account.visits, messages, account.departures)


def _batch(outbox: Outbox) -> Batch:
    tenant, user_id = owner_of(outbox.owner)
    readable = tuple(entry.delivery for entry in outbox.entries if entry.delivery)
    return Batch(outbox.conversation_id, tenant, user_id, readable)


def _kept(outbox: Outbox, stop: str | None) -> Outbox:
    """As much of it as lies before the turn at which the archive stopped."""
    if stop is None:
        return outbox
    before: list[Lying] = []
    for entry in outbox.entries:
        if entry.delivery and entry.delivery.turn.id == stop:
            break
        before.append(entry)
    return Outbox(outbox.conversation_id, outbox.owner, tuple(before))


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
