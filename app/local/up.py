"""Start everything, say when it is ready, keep it running, stop it in order."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from greenroom.app import settings as app_settings
from greenroom.app.errors.families import Conflict, GreenroomError, Unavailable
from greenroom.app.local import here, procfile, ready
from greenroom.app.local.keeper import Keeper
from greenroom.app.local.local_models import LocalModel, find_local_models
from greenroom.app.local.output import Log, Output
from greenroom.app.local.ports import check_ports
from greenroom.app.local.process import CannotKeepUp, Process, Surroundings
from greenroom.app.local.stop_order import stop_in_order
from greenroom.app.local.welcome import reasons, waiting, welcome
from greenroom.app.settings import Settings

READY_WITHIN = 120.0  # seconds; the first start compiles what was installed
SAY_WAITING_EVERY = 20.0  # seconds
ASK_EVERY = 0.05  # seconds
TERMINAL_LOOKED_AT_EVERY = 1.0  # seconds
STDIN = 0  # the descriptor: sys.stdin is None where there is none
FIRST = ("redis", "migrate")  # start before the others, which need what they do
ONCE = "migrate"  # is to end, and then is ready

STOPPED, FAILED = 0, 1  # exit codes


class RunsAlready(Conflict):
    """Greenroom is running in this folder already."""

    kind = "runs-already"


class NotReady(Unavailable):
    """Not everything was ready in time."""

    kind = "not-ready"


def up(settings: Settings, environ: Mapping[str, str], path: Path) -> int:
    """Run until asked to stop; returns the exit code.  Raises what is wrong before anything is started."""
    started = time.monotonic()
    entries = [entry for entry in procfile.read(path) if _is_wanted(entry, settings)]
    lock = _lock(settings, environ)
    names = [entry.name for entry in entries]
    check_ports(settings, names)
    output = Output(names)
    keeper = Keeper.fork()
    try:
        return asyncio.run(_supervise(settings, entries, output, keeper, environ, started))
    finally:
        keeper.dismiss()
        here.forget(lock)
        os.close(lock)


async def _supervise(
    settings: Settings,
    entries: list[procfile.Entry],
    output: Output,
    keeper: Keeper,
    environ: Mapping[str, str],
    started: float,
) -> int:
    supervisor = Supervisor(settings, entries, output, keeper, _for_children(environ, settings, output))
    return await supervisor.run(started)


class Supervisor:
    """The processes of one Procfile, from the first start to the last end."""

    def __init__(
        self,
        settings: Settings,
        entries: list[procfile.Entry],
        output: Output,
        keeper: Keeper,
        environ: Mapping[str, str],
    ) -> None:
        self._settings = settings
        self._output = output
        self._hurry = asyncio.Event()
        self._had_terminal = os.isatty(STDIN)
        self._outcome: asyncio.Future[GreenroomError | None] = asyncio.get_running_loop().create_future()
        self._tasks: list[asyncio.Task[None]] = []
        around = Surroundings(environ, output, keeper, self._hurry)
        self._processes = {
            entry.name: Process(
                entry,
                around,
                Log(settings.var_dir / "log" / f"{entry.name}.log"),
                may_finish=entry.name == ONCE or (entry.name == "redis" and not settings.redis_is_embedded),
            )
            for entry in entries
        }

    async def run(self, started: float) -> int:
        """Until somebody asks to stop, or it cannot go on.  Returns the exit code; nothing is left then."""
        self._listen_to_signals()
        coming_up = asyncio.create_task(self._guarded(self._come_up(started)))
        watching = asyncio.create_task(self._watch_terminal())
        try:
            if failure := await self._outcome:
                self._explain(failure)
                return FAILED
            return STOPPED
        finally:
            coming_up.cancel()
            watching.cancel()
            await stop_in_order(self._processes, is_alone=self._settings.redis_is_embedded)
            self._output.say("everything has stopped")
            await asyncio.gather(coming_up, watching, *self._tasks, return_exceptions=True)
            for process in self._processes.values():
                process.log.close()

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._asked_to_stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._ask_once)  # a closing terminal may say so twice

    async def _watch_terminal(self) -> None:
        """A terminal whose own command is `make` is closed without a SIGHUP to us: it is just not there any more."""
        while os.isatty(STDIN):  # noqa: ASYNC110  a terminal sends no event when it goes
            await asyncio.sleep(TERMINAL_LOOKED_AT_EVERY)
        if self._had_terminal:
            self._ask_once()

    def _asked_to_stop(self, number: signal.Signals) -> None:
        if not self._outcome.done():
            self._output.say(f"stopping ({number.name}); once more to hurry")
            self._ask_once()
        elif not self._hurry.is_set():
            self._output.say("hurrying: what has not stopped yet is killed")
            self._hurry.set()

    def _ask_once(self) -> None:
        if not self._outcome.done():
            self._outcome.set_result(None)

    async def _come_up(self, started: float) -> None:
        """Redis and the database's tables first, then all others at once.  Raises NotReady."""
        deadline = time.monotonic() + READY_WITHIN
        first = [name for name in self._processes if name in FIRST]
        others = [name for name in self._processes if name not in FIRST]
        self._start(first)
        await self._wait_for(first, deadline)
        self._start(others)
        models = asyncio.create_task(asyncio.to_thread(self._models_beside))
        await self._wait_for(others, deadline)
        took = time.monotonic() - started
        unfit = await asyncio.to_thread(ready.unfit, self._settings) if "bots" in self._processes else {}
        is_shown = self._output.is_terminal
        self._output.write(welcome(self._settings, [*self._processes], took, is_shown, unfit, await models))

    def _models_beside(self) -> Sequence[LocalModel]:
        """Those on this machine that could think in place of the demo's script."""
        thinks = self._settings.thinking or self._settings.thinks_with_openai
        return () if thinks or "bots" not in self._processes else find_local_models()

    def _start(self, names: list[str]) -> None:
        self._tasks += [asyncio.create_task(self._guarded(self._processes[name].run())) for name in names]

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """A failure of one is the end of all."""
        try:
            await work
        except GreenroomError as failure:
            if not self._outcome.done():
                self._outcome.set_result(failure)
        except Exception as bug:
            if not self._outcome.done():
                self._outcome.set_exception(bug)

    async def _wait_for(self, names: list[str], deadline: float) -> None:
        began = time.monotonic()
        say_next = began + SAY_WAITING_EVERY
        while missing := {name: reason for name in names if (reason := await self._why_not_ready(name))}:
            if time.monotonic() > deadline:
                raise NotReady(f"not ready after {READY_WITHIN:.0f} s: {reasons(missing)}.")
            if time.monotonic() > say_next:
                is_ours = "redis" not in missing or self._settings.redis_is_embedded
                self._output.say(waiting(missing, time.monotonic() - began, is_ours))
                say_next += SAY_WAITING_EVERY
            await asyncio.sleep(ASK_EVERY)

    async def _why_not_ready(self, name: str) -> str | None:
        if not self._processes[name].is_up:
            return "it is not running"
        if name == ONCE and not self._processes[name].has_finished:
            return "it is at work"
        if probe := ready.PROBES.get(name):
            return await asyncio.to_thread(probe, self._settings)
        return None

    def _explain(self, failure: GreenroomError) -> None:
        self._output.say(f"{failure} Stopping everything.")
        if isinstance(failure, CannotKeepUp):
            log = self._processes[failure.name].log
            self._output.say(f"the last lines of {failure.name} (more in {log.path}):")
            for line in log.last:
                self._output.line(failure.name, line)


def _lock(settings: Settings, environ: Mapping[str, str]) -> int:
    """Held while anything of ours may be running: the keeper holds it as well.  Raises RunsAlready."""
    try:
        lock = here.take(settings.var_dir)
    except BlockingIOError:
        pid, address = here.holder(settings.var_dir)
        raise RunsAlready(
            f"Greenroom is running in this folder already, at {address} (process {pid}); "
            "stop it with Ctrl-C in its terminal first."
        ) from None
    shareable = app_settings.shareable(environ)
    here.note(
        lock, settings.address, shareable, sorted(app_settings.given(environ).keys() - shareable.keys())
    )
    return lock


def _is_wanted(entry: procfile.Entry, settings: Settings) -> bool:
    return entry.name != "livekit" or settings.livekit_is_embedded


def _for_children(environ: Mapping[str, str], settings: Settings, output: Output) -> dict[str, str]:
    """Our own programs first, and lines as they happen, readable if it is a terminal that they end up on."""
    extra = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environ.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
    }
    if settings.log_format == "auto" and output.is_terminal:
        extra["LOG_FORMAT"] = "console"
    return {**environ, **extra}
