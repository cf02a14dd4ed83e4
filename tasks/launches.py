"""Launching bots: the task, the process it runs in, and what its parent does when it dies."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from billiard.einfo import ExceptionInfo
from billiard.exceptions import TimeLimitExceeded
from celery import Task
from celery.signals import celeryd_after_setup, worker_process_init, worker_shutting_down
from celery.worker import state
from celery.worker.request import Request

from app import logging as app_logging
from app.rooms.sessions import Reason
from app.rooms.steps import owner_of
from tasks.celery import CONTROL, LAUNCHES, app, settings

log = structlog.get_logger(__name__)


class LaunchRequest(Request):
    """A launch as its worker's parent process sees it: evidence when its bot's process dies."""

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        super().on_accepted(pid, time_accepted)
        if state.should_stop not in (None, False):  # it came while the worker was told to stop
            os.kill(pid, signal.SIGTERM)

    def on_failure(self, exc_info: ExceptionInfo, *args: Any, **kwargs: Any) -> None:
        try:
            super().on_failure(exc_info, *args, **kwargs)
        finally:
            is_over_time = exc_info.type is TimeLimitExceeded
            self._say_lost(Reason.MAX_DURATION if is_over_time else Reason.ERROR)

    def _say_lost(self, reason: Reason) -> None:
        session_id = self.args[0]
        log.warning("bot_process_lost", session_id=session_id, job_id=self.id, pid=self.worker_pid)
        owner = owner_of(self.hostname, self.id, self.worker_pid)
        app.send_task("sessions.lost", (session_id, owner, reason), queue=CONTROL)


class LaunchTask(Task):
    Request = LaunchRequest


@app.task(base=LaunchTask, bind=True, name="bots.launch")
def launch(self: Task, session_id: str, claim: str) -> None:
    """Run one session's bot here until it ends.  Safe to deliver twice: one is adopted."""
    from bots.run import run

    run(session_id, claim, host=self.request.hostname, job_id=self.request.id, settings=settings)


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
        from bots.run import preload

        preload(settings)
    gc.collect()
    gc.freeze()  # 319 MB instead of 635 MB for eight bots: a collection would touch, and so copy, every page


@worker_process_init.connect
def _prepare_child(**_: Any) -> None:
    app_logging.configure(settings)
    with _or_stop("the worker's process cannot load its models"):
        from bots.run import warm

        warm(settings)


@worker_shutting_down.connect
def _ask_bots_to_leave(**_: Any) -> None:
    """A worker that is told to stop waits for its bots without limit, so they are told as well."""
    for request in list(state.active_requests):
        if request.name == launch.name and request.worker_pid:
            os.kill(request.worker_pid, signal.SIGTERM)
