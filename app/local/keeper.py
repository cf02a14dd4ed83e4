"""The keeper outlives a supervisor that is killed, and ends what it left running.

A pipe leads from the supervisor to the keeper.  Along it go the process groups
that are started and ended; when it closes, whatever is still running is
stopped.  This works alike on Linux and macOS, and for children's children.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from typing import Self

GRACE = 3.0  # seconds between asking and killing


class Keeper:
    """The supervisor's end of the pipe.  Fork it first, while there is neither thread nor event loop."""

    def __init__(self, pid: int, pipe: int) -> None:
        self._pid = pid
        self._pipe = pipe

    @classmethod
    def fork(cls) -> Self:
        ours, theirs = None, None
        theirs, ours = os.pipe()
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            os.close(ours)
            _keep(theirs)
        os.close(theirs)
        return cls(pid, ours)

    def started(self, group: int) -> None:
        self._tell(f"+{group}\n")

    def ended(self, group: int) -> None:
        self._tell(f"-{group}\n")

    def dismiss(self) -> None:
        """Let the keeper end: all processes have ended."""
        os.close(self._pipe)
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def _tell(self, line: str) -> None:
        with suppress(BrokenPipeError):  # the keeper was killed; the supervisor goes on without it
            os.write(self._pipe, line.encode())


def _keep(pipe: int) -> None:
    """The keeper's whole life, in the forked child.  Never returns."""
    try:
        os.setsid()  # a closing terminal, or a Ctrl-C in it, is not meant for us
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):  # whoever reads the supervisor's output must see it end
            os.dup2(nowhere, standard)
        groups: set[int] = set()
        with open(pipe, encoding="ascii") as lines:
            for line in lines:
                (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
        _end(groups)
    finally:
        os._exit(0)


def _end(groups: set[int]) -> None:
    deadline = time.monotonic() + GRACE
    _send(groups, signal.SIGTERM)
    while (groups := _alive(groups)) and time.monotonic() < deadline:
        time.sleep(0.05)
    _send(groups, signal.SIGKILL)


def _send(groups: set[int], number: signal.Signals) -> None:
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def _alive(groups: set[int]) -> set[int]:
    return {group for group in groups if _is_alive(group)}


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group of zombies
        return False
    return True
