"""The pool of processes that run bots: one that is unfit for another bot ends, and a death is told with its cause."""

import signal
from typing import Any

from billiard.einfo import ExceptionInfo
from billiard.exceptions import WorkerLostError
from celery.concurrency import asynpool, prefork

_unfit = False  # this process


def retire_this_process() -> None:
    """Let the process that this is called in end, once its parent has heard what became of its task."""
    global _unfit
    _unfit = True


class ProcessLost(WorkerLostError):
    """A process died with its task; says how, in words that follow "its process"."""


class Worker(asynpool.Worker):
    """One process of the pool."""

    wait_for_job: Any

    def _make_child_methods(self, *args: Any, **kwargs: Any) -> None:
        super()._make_child_methods(*args, **kwargs)
        wait_for_job = self.wait_for_job

        def wait_if_fit() -> Any:
            if _unfit:  # billiard ends the process from here, once its parent has read what it sent
                raise SystemExit(0)
            return wait_for_job()

        self.wait_for_job = wait_if_fit


class Pool(asynpool.AsynPool):
    """Celery's own, of such processes.  A launch that was sent to one that ends is given to another."""

    Worker = Worker

    def terminate_job(self, pid: int, sig: int | None = None) -> None:
        """Ask a process to end its bot.  It lives on, and what it dies of later is not this."""
        super().terminate_job(pid, sig)
        process, _ = self._process_by_pid(pid)
        if process is not None:
            process._controlled_termination = process._job_terminated = False

    def mark_as_worker_lost(self, job: Any, exitcode: int) -> None:
        try:
            raise ProcessLost(how_it_ended(exitcode))
        except ProcessLost:
            job._set(None, (False, ExceptionInfo()))


class TaskPool(prefork.TaskPool):
    """The pool that the setting `worker_pool` names."""

    Pool = Pool


def how_it_ended(exitcode: int | None) -> str:
    """In words that follow "its process"."""
    if exitcode is None:
        return "ended"
    if exitcode >= 0:
        return f"exited with code {exitcode}"
    try:
        return f"was killed by {signal.Signals(-exitcode).name}"
    except ValueError:
        return f"was killed by signal {-exitcode}"
