"""Bots for tests: each a plain pipecat bot that does one thing, in the process of a worker.

`tests/chaos/bots.py` has the one that is listened to, which must be known by its sound and its answers.
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

from greenroom.app.rooms.leases import Adopt
from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.moves import CommitMove
from greenroom.app.rooms.procedures import Underway
from greenroom.app.rooms.sessions import Advance
from greenroom.app.storage.async_ledger import AsyncRedisLedger
from greenroom.bots import room_state

TRANSPORTS: dict[str, Any] = {
    "webrtc": lambda: TransportParams(audio_in_enabled=True, audio_out_enabled=True)
}


async def perform(runner_args: RunnerArguments, *processors: FrameProcessor) -> None:
    """A pipeline of these processors, until it ends."""
    transport = await create_transport(runner_args, TRANSPORTS)
    worker = PipelineWorker(
        Pipeline([transport.input(), *processors, transport.output()]),
        params=PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=24_000),
        idle_timeout_secs=runner_args.pipeline_idle_timeout_secs,
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


async def quiet(runner_args: RunnerArguments) -> None:
    """Is there, and says nothing."""
    await perform(runner_args)


async def noting(runner_args: RunnerArguments) -> None:
    """Opens a note, unless one is open."""
    state, about = room_state.current(), runner_args.body or {}
    if state.get("active_note") is None:
        state.open("active_note", {"by": os.getpid()}, owner=about["user_id"])
    await perform(runner_args)


async def broken(runner_args: RunnerArguments) -> None:
    """Crashes at boot."""
    raise RuntimeError("it was written in a hurry")


async def stuck(runner_args: RunnerArguments) -> None:
    """Starts, and then blocks its event loop for good."""
    asyncio.get_running_loop().call_later(1, time.sleep, 600)
    await perform(runner_args)


dies_after: list[str] = []  # the steps after which this process dies


async def mortal(runner_args: RunnerArguments) -> None:
    """Its process dies when the step of a move is done that the join names, as a failpoint."""
    about = runner_args.body or {}
    if not dies_after:
        watch_steps()
    dies_after[:] = [about["metadata"].get("dies_after", "nothing")]
    await perform(runner_args)


def watch_steps() -> None:
    """`committed`, `claim adopted`, or what the session's record says of a move then."""
    run_all = AsyncRedisLedger.run_all

    async def run_and_die(ledger: AsyncRedisLedger, steps: Sequence[Step[Any]]) -> list[Any]:
        results = await run_all(ledger, steps)
        if any(_name_of(step) in dies_after for step in steps):
            os._exit(1)
        return results

    AsyncRedisLedger.run_all = run_and_die  # type: ignore[method-assign]


def _name_of(step: Step[Any]) -> str | None:
    match step:
        case Advance(after=Underway(step=name)):
            return name
        case CommitMove():
            return "committed"
        case Adopt():
            return "claim adopted"
    return None


here: set[str] = set()  # sessions of which a bot is in this process


async def slow(runner_args: RunnerArguments) -> None:
    """Takes three seconds to come into a second room."""
    session_id = str(runner_args.session_id)
    if session_id in here:
        await asyncio.sleep(3)
    here.add(session_id)
    await perform(runner_args)


async def single(runner_args: RunnerArguments) -> None:
    """The assistant, as one that cannot be in two rooms at once."""
    from greenroom.bots.assistant.bot import bot  # which takes a second to import

    session_id = str(runner_args.session_id)
    if session_id in here:
        raise RuntimeError("the sound card is taken")
    here.add(session_id)
    try:
        await bot(runner_args)
    finally:
        here.discard(session_id)


# What bots of others do to their process

kept: list[object] = []


def begin(work: Coroutine[Any, Any, None]) -> None:
    kept.append(asyncio.get_running_loop().create_task(work))


async def clinging_task() -> None:
    while True:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            pass


async def blocks_when_cancelled() -> None:
    try:
        await asyncio.sleep(600)
    finally:
        time.sleep(600)  # noqa: ASYNC251  on purpose


async def clinging(runner_args: RunnerArguments) -> None:
    """Leaves a task that does not let itself be cancelled."""
    begin(clinging_task())
    await perform(runner_args)


async def stubborn(runner_args: RunnerArguments) -> None:
    """Does not let itself be cancelled."""
    begin(perform(runner_args))
    await clinging_task()


async def blocking(runner_args: RunnerArguments) -> None:
    """Leaves a task that blocks the event loop when it is cancelled."""
    begin(blocks_when_cancelled())
    await perform(runner_args)


async def threading_on(runner_args: RunnerArguments) -> None:
    """Leaves a thread, and one that its event loop's executor has."""
    threading.Thread(target=time.sleep, args=(600,), name="a-thread-of-its-own").start()
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)
    await perform(runner_args)


async def many_threads(runner_args: RunnerArguments) -> None:
    """Leaves forty threads that nobody would wait for."""
    for _ in range(40):
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    await perform(runner_args)


async def breeding(runner_args: RunnerArguments) -> None:
    """Leaves a process, which has one of its own."""
    kept.append(subprocess.Popen(["sh", "-c", "sleep 601 & wait"]))  # noqa: ASYNC220  as bots do
    await perform(runner_args)


async def leaking(runner_args: RunnerArguments) -> None:
    """Leaves 300 MB."""
    kept.append(bytearray(os.urandom(1024)) * (300 * 1024))
    await perform(runner_args)


async def raising(runner_args: RunnerArguments) -> None:
    """Fails once it is live, and leaves tasks that cling and that block."""
    begin(clinging_task())
    begin(blocks_when_cancelled())
    begin(perform(runner_args))
    await asyncio.sleep(1)
    raise ValueError("no such key: 'colour'")


async def leave_python() -> None:
    await asyncio.sleep(1)
    sys.exit(3)


async def exiting(runner_args: RunnerArguments) -> None:
    """Calls sys.exit in a task, once it is live."""
    begin(leave_python())
    await perform(runner_args)


async def crashing(runner_args: RunnerArguments) -> None:
    """Its process crashes, as a native library makes it."""
    asyncio.get_running_loop().call_later(1, os.kill, os.getpid(), signal.SIGSEGV)
    await perform(runner_args)
