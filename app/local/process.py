"""One process of the Procfile: started in its own session, read, started again when it dies, stopped."""

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from greenroom.app.errors.families import GreenroomError
from greenroom.app.local.keeper import Keeper
from greenroom.app.local.output import LONGEST_LINE, Log, Output
from greenroom.app.local.procfile import Entry
from greenroom.app.local.surroundings import environment_of
from greenroom.app.local.usual import is_usual

STEADY_AFTER = 10.0  # seconds; a process that dies sooner counts as one that could not start
GIVE_UP_AFTER = 5  # deaths in a row, each before STEADY_AFTER
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds before it is started again; doubled each time
HURRIED_GRACE = 0.5  # seconds to end by itself that are left even when somebody is in a hurry
NOT_FOUND = 127  # as a shell says it


class CannotKeepUp(GreenroomError):
    """A process died again and again at its start."""

    kind = "cannot-keep-up"

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True)
class Surroundings:
    """What all processes share.  Each gets its part of the environment (`surroundings.py`)."""

    environ: Mapping[str, str]
    output: Output
    keeper: Keeper
    hurry: asyncio.Event


class Process:
    """`run()` keeps it running until `stop()`."""

    def __init__(self, entry: Entry, around: Surroundings, log: Log, *, may_finish: bool = False) -> None:
        self.name = entry.name
        self.log = log
        self._command = entry.command
        self._around = around
        self._may_finish = may_finish
        self._child: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._gone = asyncio.Event()
        self._gone.set()
        self.has_finished = False  # it is done with what it had to do

    @property
    def is_up(self) -> bool:
        """Running, or done with what it had to do."""
        return self.has_finished or not self._gone.is_set()

    async def run(self) -> None:
        """Raises CannotKeepUp."""
        deaths = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            code = await self._run_once()
            if self._stopping.is_set():
                return
            if code == 0 and self._may_finish:
                self.has_finished = True
                return
            deaths = 1 if time.monotonic() - started > STEADY_AFTER else deaths + 1
            if deaths >= GIVE_UP_AFTER:
                raise CannotKeepUp(self.name, f"{self.name} {_in_words(code)} {deaths} times in a row.")
            await self._pause(code, min(FIRST_PAUSE * 2 ** (deaths - 1), LONGEST_PAUSE))

    async def stop(self, within: float, goes_on: str = "") -> None:
        """Send SIGTERM, wait, and kill the whole process group if it still runs.  Safe to repeat.

        `goes_on` says of one that is killed what of it is not lost.
        """
        self._stopping.set()
        if self._child and not self._gone.is_set():
            with suppress(ProcessLookupError):
                self._child.send_signal(signal.SIGTERM)
            if not await self._went(within):
                self._around.output.say(
                    f"{self.name} is not done yet and is ended{goes_on and f': {goes_on}'}"
                )
                _kill(self._child.pid)
        await self._gone.wait()

    async def _went(self, within: float) -> bool:
        """Whether it ended before the time was over, or somebody lost patience."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self._gone, self._around.hurry)]
        await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._gone.wait(), HURRIED_GRACE if self._around.hurry.is_set() else 0)
        return self._gone.is_set()

    async def _run_once(self) -> int:
        ours, theirs = os.pipe()  # not asyncio's: its wait() also waits for whoever else holds the pipe
        try:
            self._child = child = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=theirs,
                stderr=asyncio.subprocess.STDOUT,
                env=environment_of(self.name, self._around.environ),
                start_new_session=True,  # a Ctrl-C in the terminal is for us; we stop them in order
            )
        except OSError as error:
            os.close(ours)
            self._take(f"{self._command[0]}: {error.strerror}")
            return NOT_FOUND
        finally:
            os.close(theirs)
        self._gone.clear()
        self.log.last.clear()
        self._around.keeper.started(child.pid)
        reading = asyncio.create_task(self._read(ours))
        if self._stopping.is_set():  # stop() came while it was being started
            _kill(child.pid)
        code = await child.wait()
        _kill(child.pid)  # what it may have left: the rest of its group
        await reading
        self._around.keeper.ended(child.pid)
        self._gone.set()
        return code

    async def _read(self, pipe: int) -> None:
        stream = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(pipe, "rb")
        )
        rest = b""
        while chunk := await stream.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._take(line.decode(errors="replace"))
        if rest:
            self._take(rest.decode(errors="replace"))

    def _take(self, line: str) -> None:
        line = line.rstrip()
        if line:
            self.log.write(line)
            if not is_usual(self.name, line):
                self._around.output.line(self.name, line)

    async def _pause(self, code: int, seconds: float) -> None:
        self._around.output.say(f"{self.name} {_in_words(code)}; it is started again in {seconds:g} s")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


def _kill(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _in_words(code: int) -> str:
    if code == NOT_FOUND:
        return "could not be started"
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
