"""A worker's parent process: it says how full it is and what it runs, and sees its bots' processes die.

It also does what an operator wants of it.  A worker that is told to stop, by a signal or by an operator, takes no
launches any more, lets its bots hand their sessions over, and goes when the last of them has left.
"""

import os
import secrets
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import FrameType
from typing import Any

import structlog
from celery.concurrency import prefork
from celery.worker import state

from greenroom.app.errors.storage import RedisAway
from greenroom.app.queue_names import LAUNCHES
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.failures import BotFailure
from greenroom.app.rooms.leases import owner_of
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.reaping import Reaper
from greenroom.app.rooms.sessions import Reason
from greenroom.app.rooms.workers import Host, Report, RequestedState, Retire
from greenroom.bots.loading import why_unfit

TICK = 0.25  # seconds; a process that died is seen within one
REPORT_EVERY = 4  # ticks, if nothing has changed; a worker that is not heard for 15 s counts as gone
PAUSE = 12  # ticks without a try after Redis did not answer: each try blocks the parent for up to two seconds
COLD_STEP = 10  # seconds
# Ticks in which the sessions of the worker before it are revived: ten seconds, in which a bot that lives beats
INHERITED_FOR = 40
STOPPED = 0  # exit code

log = structlog.get_logger(__name__)


class WorkerParent:
    """What the parent knows and does, from its first connection to Redis on."""

    def __init__(
        self, ledger: Ledger, reaper: Reaper, bots: Mapping[str, str], unready: Mapping[str, str]
    ) -> None:
        self.ledger = ledger
        self.reaper = reaper
        self._bots = bots  # each one's target, by name
        self._unready = unready  # what bots lack here, by bot and personality
        self.is_draining = False
        self._requested = RequestedState.WORK
        self._incarnation = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._since_ms = 0
        self._has_reported = False
        self._last: tuple[Host, dict[str, str]] | None = None
        self._quiet = 0  # ticks since the last report
        self._cold_since: float | None = None  # by the monotonic clock: not all processes have their models
        # What failed while Redis was away, to be done when it is back
        self._undone: list[Callable[[], object]] = []
        self._inherited: dict[str, str] = {}
        self._inherited_for = INHERITED_FOR
        self._is_asked_to_stop = False
        self._to_tell: list[int] = []  # processes that shall hand over what they have just begun
        self._consumer: Any = None

    def started(self, consumer: Any) -> None:
        """The worker is connected."""
        self._consumer = consumer
        self.tick(consumer)

    def accepted(self, pid: int) -> None:
        """A process has begun with a launch."""
        if self.is_draining:  # the launch was given out in the moment in which the worker was told to stop
            self._to_tell.append(pid)  # at the next tick: it cannot listen to signals yet
        elif self._consumer is not None:
            self.tick(self._consumer)  # should the worker die now, the next of its name must know of this

    def asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        """Remember a signal; the next tick does what it asks, since a handler may interrupt anything."""
        self._is_asked_to_stop = True

    def tick(self, consumer: Any) -> None:
        """Called four times a second, as long as the worker is connected."""
        # The pool hears of a process's end before the system can say how it ended, and would look again after 5 s
        consumer.pool.maintain_pool()
        if self._is_asked_to_stop:
            self._obey(RequestedState.STOP, consumer)
        if self._requested is RequestedState.STOP and not state.active_requests and not self._undone:
            log.info("worker_stopped", host=consumer.hostname)
            state.should_stop = STOPPED
        while self._to_tell:
            with suppress(ProcessLookupError):
                os.kill(self._to_tell.pop(), signal.SIGTERM)
        self._quiet += 1
        if self._quiet < 0:  # Redis did not answer a moment ago
            return
        try:
            while self._undone:
                self._do(self._undone.pop(0))
            if self._inherited:
                self._look_after_inherited(consumer)
            if self._quiet >= REPORT_EVERY or self._last != self._now(consumer):
                self.report(consumer)
        except RedisAway as error:
            self._quiet = -PAUSE
            log.warning("report_write_failed", host=consumer.hostname, because=str(error))

    def _do(self, undone: Callable[[], object]) -> None:
        """Do it, or keep it for later and raise RedisAway.

        What fails in another way would fail again: it is dropped, so that the worker goes on reporting.
        """
        try:
            undone()
        except RedisAway:
            self._undone.insert(0, undone)
            raise
        except Exception:
            log.exception("death_report_failed")

    def report(self, consumer: Any) -> None:
        """Raises RedisAway."""
        host, held = self._last = self._now(consumer)
        if not self._has_reported:
            self._since_ms = self.ledger.run(Now())
            self._inherited = self.reaper.held_by(host.id)
            self.ledger.run(Report(host, None))
            self._has_reported = True
            return
        requested = self.ledger.run(Report(host, held))
        self._quiet = 0
        if not self._is_asked_to_stop:
            self._obey(requested, consumer)

    def tell_bots(self) -> None:
        """Tell the bots to hand their sessions over."""
        for request in list(state.active_requests):
            if request.worker_pid and request.name == "bots.launch":  # a thread's pid is the worker's own
                with suppress(ProcessLookupError):
                    os.kill(request.worker_pid, signal.SIGTERM)

    def retire(self, consumer: Any) -> None:
        """The worker is not connected any more, or stops."""
        self._last = self._consumer = None
        try:
            self.ledger.run(Retire(consumer.hostname))
        except RedisAway:
            pass  # then its report lapses by itself

    def lost(self, session_id: str, owner: str, failure: BotFailure, over: Reason | None) -> None:
        """Report that a bot's process has died, which its parent sees before anybody else."""

        def tell() -> object:
            return self.reaper.lost(session_id, owner=owner, failure=failure, over=over)

        try:
            tell()
        except RedisAway:
            self._undone.append(tell)

    def _look_after_inherited(self, consumer: Any) -> None:
        self._inherited_for -= 1
        if self._inherited_for < 0:
            self._inherited.clear()  # what still beats belongs to another worker that has our name
        elif self._inherited_for % REPORT_EVERY == REPORT_EVERY - 1:
            self._inherited = self.reaper.inherit(consumer.hostname, self._inherited)

    def _obey(self, requested: RequestedState, consumer: Any) -> None:
        if requested is self._requested:
            return
        self._requested = requested
        log.info("worker_state_requested", host=consumer.hostname, requested=requested)
        if requested is RequestedState.WORK:
            self.is_draining = False
            consumer.add_task_queue(LAUNCHES)
            return
        if not self.is_draining:
            self.is_draining = True
            consumer.cancel_task_queue(LAUNCHES)
            self._report_at_once(consumer)  # first: its bots look for a free slot, and must find none here
            self.tell_bots()

    def _report_at_once(self, consumer: Any) -> None:
        self._last = self._now(consumer)
        try:
            self.ledger.run(Report(*self._last))
        except RedisAway:
            self._last = None

    def _now(self, consumer: Any) -> tuple[Host, dict[str, str]]:
        running = [request for request in list(state.active_requests) if request.worker_pid]
        used = len(state.active_requests)
        kind = kind_of(consumer)
        host = Host(
            id=consumer.hostname,
            kind=kind,
            slots=consumer.pool.num_processes,
            used=used,
            warm=max(0, _loaded(consumer.pool) - used),
            incarnation=self._incarnation,
            draining=self.is_draining,
            since_ms=self._since_ms,
            cold_s=self._cold_for(consumer.pool),
            unfit=self._unfit() if kind == "bots" else {},
            unready=self._unready if kind == "bots" else {},
        )
        held = {
            request.args[0]: owner_of(request.hostname, request.id, request.worker_pid)
            for request in running
            if request.name == "bots.launch"
        }
        return host, held

    def _cold_for(self, pool: Any) -> int:
        """For how many seconds, in steps of ten: each change is reported at once, and this one alone is no reason."""
        if _loaded(pool) >= pool.num_processes:
            self._cold_since = None
            return 0
        self._cold_since = self._cold_since or time.monotonic()
        return int(time.monotonic() - self._cold_since) // COLD_STEP * COLD_STEP

    def _unfit(self) -> dict[str, str]:
        """The bots that cannot be imported here, and why."""
        tried = {name: why_unfit(target) for name, target in self._bots.items()}
        return {name: why for name, why in tried.items() if why}


def kind_of(consumer: Any) -> str:
    """What a worker is for, whether it consumes just now or not."""
    return "bots" if isinstance(consumer.pool, prefork.TaskPool) else "control"


def _loaded(pool: Any) -> int:
    """How many of a prefork pool's processes have loaded what they need; all threads have."""
    ready = getattr(getattr(pool, "_pool", None), "_all_inqueues", None)
    return pool.num_processes if ready is None else len(ready)
