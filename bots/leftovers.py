"""What a bot leaves behind in its process, and whether the process may run another one.

Greenroom runs bots that others have written.  Some leave tasks that swallow their cancellation, threads, child
processes, or a gigabyte; asyncio's own way to close a loop waits for all of them, without a limit.  Here the wait is
bounded: what does not go in time is left where it is, and the process, which is then unfit for another bot, ends.
"""

import asyncio
import faulthandler
import gc
import os
import signal
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
import uvloop

DONE_WITHIN = timedelta(seconds=5)  # a process is free this long after a bot's end, or ends itself
TASKS_GO_WITHIN = timedelta(seconds=1.5)  # how long cancelled tasks may take to end
THREADS_GO_WITHIN = timedelta(seconds=0.5)
# MB above what the process had before its first bot; a call of the demo's leaves less than 30
GROWS_AT_MOST = 256
THREADS_AT_MOST = 16  # more than before the first bot: libraries keep a few threads of their own
STDERR = 2  # the descriptor: what Python calls so may be something else by then

log = structlog.get_logger(__name__)


class BotProcess:
    """A process that runs one bot after another, and whether it may run a further one."""

    def __init__(self) -> None:
        self._threads_before: set[threading.Thread] = set()
        self._processes_before: set[int] = set()
        self._footprint = (0, 0)
        # Stopped loops whose tasks did not end: kept, and never run again
        self._abandoned: list[object] = []
        self.unfit: list[str] = []  # why no other bot may run here

    def note_baseline(self) -> None:
        """Remember what the process has before its first bot."""
        self._threads_before = set(threading.enumerate())
        self._processes_before = _descendants_of(os.getpid())
        self._footprint = _footprint()

    def run(self, work: Coroutine[Any, Any, None], on_exit: Any) -> None:
        """Run a bot's stay to its end in a loop of its own, and be done with what it leaves within `DONE_WITHIN`.

        `on_exit` is told of a SystemExit or KeyboardInterrupt that came out of any of the bot's tasks: they stop a
        loop, and the stay goes on to end as it should.  Raises what the stay raises.
        """
        loop = uvloop.new_event_loop()
        executor = ThreadPoolExecutor(thread_name_prefix="bot")
        loop.set_default_executor(executor)
        asyncio.set_event_loop(loop)
        is_over = False
        try:
            stay = loop.create_task(work)
            while not stay.done():
                try:
                    loop.run_until_complete(stay)
                except (SystemExit, KeyboardInterrupt) as exit_:
                    on_exit(exit_)
            stay.result()
            is_over = True
        finally:
            # faulthandler ends the process even where no Python code runs any more
            faulthandler.dump_traceback_later(DONE_WITHIN.total_seconds(), exit=True, file=STDERR)
            try:
                self._clear_away(loop, executor, is_urgent=not is_over)
            except Exception:  # the stay has ended; only this process cannot be trusted any more
                log.exception("bot_cleanup_failed")
                self.unfit.append("what its bot left could not be cleared away")
            finally:
                asyncio.set_event_loop(None)
                faulthandler.cancel_dump_traceback_later()  # else it would end the next bot

    def _clear_away(
        self, loop: asyncio.AbstractEventLoop, executor: ThreadPoolExecutor, *, is_urgent: bool
    ) -> None:
        """Urgent: the bot has failed.  What it left is not waited for, so that its failure is known at once."""
        if not asyncio.all_tasks(loop) or (not is_urgent and _cancel_all(loop)):
            # What a generator raises does not matter: its bot is over
            with suppress(TimeoutError, SystemExit, KeyboardInterrupt):
                loop.run_until_complete(asyncio.wait_for(loop.shutdown_asyncgens(), 0.5))
            executor.shutdown(wait=False, cancel_futures=True)
            loop.close()
        else:
            executor.shutdown(wait=False, cancel_futures=True)
            names = sorted({_name_of(task) for task in asyncio.all_tasks(loop)})
            self.unfit.append(f"tasks that do not end: {', '.join(names)}"[:500])
            self._abandoned.append(loop)
        if killed := _end_processes(_descendants_of(os.getpid()) - self._processes_before):
            log.warning("bot_processes_killed", pids=killed)
        threads = self._threads_that_stay(timedelta(0) if is_urgent or self.unfit else THREADS_GO_WITHIN)
        if threads:
            self.unfit.append(f"threads that do not end: {', '.join(threads)}"[:500])
        self.unfit += self._growth()
        if self.unfit:
            log.warning("process_retired", because="; ".join(self.unfit))

    def _threads_that_stay(self, within: timedelta) -> list[str]:
        """The threads that would keep the process from ending; daemon threads do not."""
        deadline = time.monotonic() + within.total_seconds()
        while True:
            new = [
                thread
                for thread in threading.enumerate()
                if thread not in self._threads_before and not thread.daemon
            ]
            if not new or time.monotonic() > deadline:
                return sorted(thread.name for thread in new)
            time.sleep(0.02)

    def _growth(self) -> list[str]:
        """Which limits on threads and memory the process exceeds."""
        threads_before, megabytes_before = self._footprint
        threads, megabytes = _footprint()
        if megabytes > megabytes_before + GROWS_AT_MOST:
            gc.collect()
            threads, megabytes = _footprint()
        found = []
        if megabytes > megabytes_before + GROWS_AT_MOST:
            found.append(f"{megabytes - megabytes_before} MB more than before its first bot")
        if threads > threads_before + THREADS_AT_MOST:
            found.append(f"{threads - threads_before} threads more than before its first bot")
        return found


def _cancel_all(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether every task has ended."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    with suppress(SystemExit, KeyboardInterrupt):  # what a task raises does not matter: its bot is over
        loop.run_until_complete(asyncio.wait(tasks, timeout=TASKS_GO_WITHIN.total_seconds()))
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            log.warning("bot_task_failed", task=_name_of(task), exc_info=error)
    return not asyncio.all_tasks(loop)


def _name_of(task: "asyncio.Task[Any]") -> str:
    return getattr(task.get_coro(), "__qualname__", task.get_name())


def _footprint() -> tuple[int, int]:
    """Threads, and megabytes of memory that no file backs; pages that are shared with the parent count as well, so that
    the difference of two is what was taken in between.  Zeros where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text(errors="replace")  # a name may be cut anywhere
    except OSError:
        return 0, 0
    told = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(told.get("Threads", "0")), int(told.get("RssAnon", "0 kB").split()[0]) // 1024


def _end_processes(pids: set[int]) -> list[int]:
    """Kill the processes that a bot has left, and theirs; says which there were."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    for pid in pids:
        with suppress(ChildProcessError):  # a child's child; or waited for already
            os.waitpid(pid, 0)
    return sorted(pids)


def _descendants_of(pid: int) -> set[int]:
    """All processes that it has begun, and that they have; none where the system does not tell."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # A name may have spaces and brackets, and is cut wherever its fifteenth byte ends
            parent = int(stat.read_bytes().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found, unseen = set[int](), [pid]
    while unseen:
        new = children.get(unseen.pop(), [])
        found.update(new)
        unseen += new
    return found


this_process = BotProcess()
