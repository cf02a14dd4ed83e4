"""The wall clock of the workers jumps: nothing may depend on it."""

import asyncio
import time
from pathlib import Path

from tests.chaos.guest import Guest
from tests.chaos.play import call, kill_bot, must_be_quick, soon
from tests.chaos.scenario import Report, scenario
from tests.chaos.stage import Stage

LIBRARY = "faketime/libfaketimeMT.so.1"
HOUR = 3600  # seconds
CONTINUOUS = 1.0  # seconds of silence


def faketime() -> Path:
    """libfaketime, from Debian's package; scripts/install-faketime puts it there."""
    for folder in [*sorted(Path("/usr/lib").glob("*-linux-gnu")), Path("/usr/lib"), Path("/usr/local/lib")]:
        if (folder / LIBRARY).exists():
            return folder / LIBRARY
    raise FileNotFoundError(
        "libfaketime is missing: run scripts/install-faketime, or apt-get install faketime"
    )


@scenario(
    "clocks",
    "the wall clock of the workers jumps by an hour, forth and back",
    lane="clocks",
    own=True,
    late="*",
)
async def clocks_jump(stage: Stage, report: Report) -> None:
    clock = stage.folder / "clock"
    _set(clock, 0)
    environ = {
        "LD_PRELOAD": str(faketime()),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",  # seconds; each look at the clock would read the file
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    for host in stage.hosts:
        stage.also[host] = environ
        stage.raise_up(host)
    await soon(lambda: set(stage.hosts) <= stage.living_hosts(), 90)
    async with call(stage, report, "clock") as guest:
        for jump in (HOUR, 0, -HOUR, 0):
            await _jump(stage, report, guest, clock, jump)
        _set(clock, -HOUR)
        await kill_bot(stage, report, guest)
        await guest.ask()
    must_be_quick(report)


async def _jump(stage: Stage, report: Report, guest: Guest, clock: Path, to: int) -> None:
    session = await asyncio.to_thread(stage.session, guest.session_id)
    began = time.monotonic()
    _set(clock, to)
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
    after = await asyncio.to_thread(stage.session, guest.session_id)
    report.must(after["launches"] == session["launches"], f"{where}: the bot was launched again")
    room = f"local:clock{to}-{time.monotonic_ns()}"
    joined = await asyncio.to_thread(stage.join, room)
    report.must(joined["status"] == "live", f"{where}: a join is {joined['status']}")
    await asyncio.to_thread(stage.leave, room)


def _set(clock: Path, offset: int) -> None:
    """Let the workers' clocks be off by so many seconds."""
    fresh = clock.with_suffix(".new")
    fresh.write_text(f"{offset:+}s\n")
    fresh.replace(clock)
