"""Launching bots: the task, the process it runs in, and what its parent does when it dies."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from billiard.einfo import ExceptionInfo, ExceptionWithTraceback
from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery import Task
from celery.signals import celeryd_after_setup, worker_process_init, worker_shutting_down
from celery.worker.request import Request

from greenroom.app import logging as app_logging
from greenroom.app.rooms.failures import BotCrashed, BotFailure, EndUnwritten, FailureKind
from greenroom.app.rooms.leases import owner_of
from greenroom.app.rooms.sessions import Reason
from greenroom.tasks import pool
from greenroom.tasks.celery import LAUNCHES, app, settings
from greenroom.tasks.hosts import foreman
from greenroom.tasks.outgoing import CeleryLaunches

TERM = signal.SIGTERM

log = structlog.get_logger(__name__)


class LaunchRequest(Request):
    """A launch as its worker's parent process sees it: evidence when its bot's process dies."""

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        super().on_accepted(pid, time_accepted)
        foreman.accepted(pid)

    def on_failure(
        self, exc_info: ExceptionInfo, send_failed_event: bool = True, return_ok: bool = False
    ) -> None:
        is_told_below = exc_info.type is pool.ProcessLost  # Celery's traceback would be of how it was noticed
        try:
            super().on_failure(exc_info, send_failed_event, return_ok or is_told_below)
        finally:
            self._say_lost(exc_info)

    def terminate(self, pool: Any, signal: Any = None) -> None:
        """Somebody revoked it: the session ends, where SIGTERM would hand it over."""
        super().terminate(pool, "SIGQUIT" if signal in (None, "TERM", "SIGTERM", TERM) else signal)

    def _say_lost(self, exc_info: ExceptionInfo) -> None:
        session_id = self.args[0]
        owner = owner_of(self.hostname, self.id, self.worker_pid)
        failure, over = _evidence_of(exc_info.exception)
        log.warning(
            "bot_process_lost",
            session_id=session_id,
            job_id=self.id,
            pid=self.worker_pid,
            kind=failure.kind,
            because=str(failure),
        )
        foreman.lost(session_id, owner, failure, over)


def _evidence_of(error: BaseException) -> tuple[BotFailure, Reason | None]:
    """How a bot failed whose task ended so; with a Reason if its session is over, and has no use for another bot."""
    match error.exc if isinstance(error, ExceptionWithTraceback) else error:
        case BotCrashed() as crashed:
            return crashed.failure, None
        case EndUnwritten() as ended:
            return BotFailure(FailureKind.UNTOLD, "left while Redis was away"), ended.reason
        case TimeLimitExceeded():
            return BotFailure(FailureKind.PROCESS_DIED, "died with its process"), Reason.MAX_DURATION
        case pool.ProcessLost() as lost:
            return BotFailure(FailureKind.PROCESS_DIED, f"died with its process, which {lost}"), None
        case WorkerLostError() | SystemExit() | KeyboardInterrupt():
            return BotFailure(FailureKind.PROCESS_DIED, "died with its process"), None
        case _:
            return BotFailure(FailureKind.OURS, "broke on our side; the worker's log says how"), None


class LaunchTask(Task):
    Request = LaunchRequest


@app.task(base=LaunchTask, bind=True, name="bots.launch", throws=(BotCrashed, EndUnwritten))
def launch(self: Task, session_id: str, claim: str) -> None:
    """Run one session's bot here until it ends.  Safe to deliver twice: one is adopted."""
    from greenroom.bots.leftovers import household
    from greenroom.bots.run import run

    try:
        run(
            session_id,
            claim,
            host=self.request.hostname,
            job_id=self.request.id,
            settings=settings,
            launches=CeleryLaunches(app),
        )
    finally:
        if household.unfit:
            pool.retire_this_process()


@contextmanager
def _or_stop(trouble: str) -> Iterator[None]:
    """Celery logs what its signals' handlers raise and goes on: to a worker that says it is ready, and is not."""
    try:
        yield
    except Exception as error:
        log.exception("worker_unfit", trouble=trouble)
        raise SystemExit(1) from error


@celeryd_after_setup.connect
def _prepare_parent(instance: Any, **_: Any) -> None:
    """Import pipecat before the fork, and freeze it, so that the children share its pages."""
    if LAUNCHES not in instance.app.amqp.queues.consume_from:
        return
    import gc

    app_logging.quieten_pipecat()
    with _or_stop("the worker cannot run bots"):
        from greenroom.bots.run import preload

        preload(settings)
    gc.collect()
    gc.freeze()  # 319 MB instead of 635 MB for eight bots: a collection would touch, and so copy, every page


@worker_process_init.connect
def _prepare_child(**_: Any) -> None:
    app_logging.configure(settings)
    with _or_stop("the worker's process cannot load its models"):
        from greenroom.bots.run import warm

        warm(settings)


@worker_shutting_down.connect
def _tell_bots(**_: Any) -> None:
    """Celery's own way to stop, while the worker is not connected: it waits for its bots, so they must know."""
    foreman.tell_bots()
