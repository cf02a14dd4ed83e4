"""A launch as its worker's parent process sees it, from its acceptance to the death of its bot's process."""

import signal
from typing import Any

import structlog
from billiard.einfo import ExceptionInfo, ExceptionWithTraceback
from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery.worker.request import Request

from greenroom.app.rooms.failures import BotCrashed, BotFailure, EndUnwritten, FailureKind
from greenroom.app.rooms.leases import owner_of
from greenroom.app.rooms.sessions import Reason
from greenroom.tasks.parts import parent
from greenroom.tasks.worker import pool

TERM = signal.SIGTERM

log = structlog.get_logger(__name__)


class LaunchRequest(Request):
    """A launch as its worker's parent process sees it: evidence when its bot's process dies."""

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        super().on_accepted(pid, time_accepted)
        parent().accepted(pid)

    def on_failure(
        self, exc_info: ExceptionInfo, send_failed_event: bool = True, return_ok: bool = False
    ) -> None:
        # Celery's traceback would show where the parent noticed the death, and not of what
        is_told_below = exc_info.type is pool.ProcessLost
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
        failure, over = evidence_of(exc_info.exception)
        log.warning(
            "bot_process_lost",
            session_id=session_id,
            job_id=self.id,
            pid=self.worker_pid,
            kind=failure.kind,
            because=str(failure),
        )
        parent().lost(session_id, owner, failure, over)


def evidence_of(error: BaseException) -> tuple[BotFailure, Reason | None]:
    """How a bot failed whose task ended with this error, and a Reason if its session needs no other bot."""
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
