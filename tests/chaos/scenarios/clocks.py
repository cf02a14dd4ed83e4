"""The wall clock of the workers jumps: nothing may depend on it."""

import asyncio
import struct
import subprocess
import time
from pathlib import Path

from tests.chaos.lab import Lab
from tests.chaos.listener import Listener
from tests.chaos.play import call, kill_bot, soon
from tests.chaos.scenario import Report, scenario

SOURCE = Path(__file__).parent.parent / "clock.c"
HOUR = 3600  # seconds
CONTINUOUS = 1.0  # seconds of silence


def false_clock(folder: Path) -> dict[str, str]:
    """What a process's environment needs so that `turn` moves its wall clock.

    Debian's libfaketime would do, but for Python's `time.sleep`, which fails under it (0.9.10, Python 3.11).
    """
    library, clock = folder / "clock.so", folder / "clock"
    try:
        command = ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl"]
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        raise FileNotFoundError("there is no C compiler: run scripts/install-compiler") from None
    clock.write_bytes(struct.pack("q", 0))
    return {"LD_PRELOAD": str(library), "FALSE_CLOCK": str(clock)}


def turn(folder: Path, seconds: int) -> None:
    """Let the wall clock of the processes with that environment be off by so many seconds, from now on."""
    with (folder / "clock").open("r+b") as clock:
        clock.write(struct.pack("q", seconds))


@scenario(
    "clocks",
    "the wall clock of the workers jumps by an hour, forth and back",
    lane="clocks",
    own=True,
    late="*",
)
async def clocks_jump(lab: Lab, report: Report) -> None:
    environ = false_clock(lab.folder)
    for host in lab.hosts:
        lab.also[host] = environ
        lab.raise_up(host)
    await soon(lambda: set(lab.hosts) <= lab.living_hosts(), 90)
    async with call(lab, report, "clock") as guest:
        for jump in (HOUR, 0, -HOUR, 0):
            await _jump(lab, report, guest, jump)
        turn(lab.folder, -HOUR)
        await kill_bot(lab, report, guest)
        await guest.ask()


async def _jump(lab: Lab, report: Report, guest: Listener, to: int) -> None:
    session = await asyncio.to_thread(lab.session, guest.session_id)
    began = time.monotonic()
    turn(lab.folder, to)
    await asyncio.sleep(5)
    where = f"with the clock at {to:+} s"
    try:
        await guest.ask(within=10)
        await guest.hears_bot(within=5)
    except AssertionError:
        report.faults.append(f"{where}: the bot does not answer, or is not heard")
    silence = guest.silence(began)
    report.facts[f"silence {where}"] = f"{silence:.1f} s"
    report.must(silence < CONTINUOUS, f"{where}: nobody was heard for {silence:.1f} s")
    after = await asyncio.to_thread(lab.session, guest.session_id)
    report.must(after["launches"] == session["launches"], f"{where}: the bot was launched again")
    room = f"local:clock{to}-{time.monotonic_ns()}"
    joined = await asyncio.to_thread(lab.join, room)
    report.must(joined["status"] == "live", f"{where}: a join is {joined['status']}")
    await asyncio.to_thread(lab.leave, room)
