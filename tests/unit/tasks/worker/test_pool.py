"""The pool of bots' processes tells a death with its cause."""

import os
import signal
from types import SimpleNamespace

from greenroom.tasks.worker.pool import Pool


def test_a_process_that_was_asked_to_end_a_bot_dies_later_of_what_it_dies_of():
    """A process whose launch was revoked took another bot and was killed: its death had no cause."""
    process = SimpleNamespace(pid=os.getpid())
    pool = object.__new__(Pool)
    pool._pool = [process]

    pool.terminate_job(process.pid, signal.SIGCONT)

    assert process._job_terminated is False
