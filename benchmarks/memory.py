"""What a further bot takes of memory while it listens in a room, its models loaded: PSS, so shared pages count once.

Ours are forks of a parent that has imported everything, as the children of the
Celery worker are; the peer is a fresh process a bot.  What is counted is how much
the sum over all processes grows from the first bot to the last, a bot.
"""

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any

import uvloop

from benchmarks import cpu, report
from greenroom.app import settings

BOTS = 4  # SLOTS' default
SETTLE = (
    12  # seconds in the room: by then it has heard, judged a turn and answered, if the machine is not busy
)
ANSWERS_WITHIN = 60.0  # seconds


@dataclass(frozen=True)
class Bot:
    pid: int
    asks: IO[str]
    answers: IO[str]


def main() -> None:
    results = report.alternate(1, ours=_ours, peer=lambda: measured(_fresh, count_parent=False))
    ours, peer = (results[name][0]["a_further_bot"] for name in ("ours", "peer"))
    report.say(
        bench="memory",
        ours=ours,
        peer=peer,
        peer_name="a fresh process a bot, stock settings",
        ratio=peer / ours,
        unit="MB PSS, a further bot in a room over WebRTC, VAD and turn model loaded",
        bots=BOTS,
        ours_details=results["ours"][0],
        peer_details=results["peer"][0],
    )


def _ours() -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.memory", "parent"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    statistics: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return statistics


def measured(start: Callable[[str], Any], *, count_parent: bool) -> dict[str, float]:
    """Put bots in rooms one by one, and see what that takes."""
    with ExitStack() as stack:
        bots: list[Bot] = []
        totals = []
        for _ in range(BOTS):
            caller = stack.enter_context(cpu.process("caller"))
            bots.append(stack.enter_context(start("webrtc")))
            print(json.dumps(cpu.line(caller.stdout)), file=bots[-1].asks, flush=True)
            print(json.dumps(cpu.line(bots[-1].answers)), file=caller.stdin, flush=True)
            assert cpu.line(bots[-1].answers)["answers"] >= 1
            parent = [os.getpid()] if count_parent else []
            totals.append(usual_pss([*parent, *(bot.pid for bot in bots)]))
        return {
            "a_further_bot": round((totals[-1] - totals[0]) / (BOTS - 1), 1),
            "a_bot_by_itself": round(usual_pss([bot.pid for bot in bots]) / BOTS, 1),
            "all": round(totals[-1], 1),
        }


def usual_pss(pids: list[int]) -> float:
    """All of them together, at several moments: judging a turn takes 30 MB for 0.1 s."""
    samples = []
    for _ in range(7):
        samples.append(sum(report.memory_of(pid, "Pss") for pid in pids))
        time.sleep(0.5)
    return report.median(samples)


@contextmanager
def _fresh(room: str) -> Iterator[Bot]:
    with cpu.process("bot", "stock", room, module="benchmarks.memory") as process:
        assert process.stdin and process.stdout
        yield Bot(process.pid, process.stdin, process.stdout)


@contextmanager
def _forked(room: str) -> Iterator[Bot]:
    asked, asks = os.pipe()
    answers, answered = os.pipe()
    pid = os.fork()
    if not pid:
        os.dup2(asked, 0)
        os.dup2(answered, 1)
        uvloop.run(be_a_bot("ours", room))
        os._exit(0)
    try:
        yield Bot(pid, os.fdopen(asks, "w"), os.fdopen(answers))
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def be_the_parent() -> None:
    """As the worker's parent: everything imported, nothing started."""
    import benchmarks.scripted  # noqa: F401
    import greenroom.bots.assistant.bot  # noqa: F401
    from greenroom.bots.preparing import preload

    preload(settings.load())
    gc.collect()
    gc.freeze()
    print(json.dumps(measured(_forked, count_parent=True)), flush=True)


async def be_a_bot(kind: str, room: str) -> None:
    worker, parts = await cpu.a_bot(kind, room)
    running = asyncio.create_task(cpu.run(worker))
    deadline = time.monotonic() + ANSWERS_WITHIN
    await asyncio.sleep(SETTLE)
    while not parts.llm.answers and time.monotonic() < deadline:  # noqa: ASYNC110  pipecat tells nobody
        await asyncio.sleep(1)
    print(json.dumps({"answers": parts.llm.answers}), flush=True)
    await running


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["parent"]:
            be_the_parent()
        case ["bot", kind, room]:
            asyncio.run(be_a_bot(kind, room))
        case _:
            main()
