"""Which product runs in a folder: its supervisor writes that into `up.lock`, which other commands there read."""

import fcntl
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

LOCK = "up.lock"
LONGEST_NOTE = 100_000  # bytes
NOT_NOTED = frozenset({"VAR_DIR"})  # who reads this has found the folder


def take(var_dir: Path) -> int:
    """Hold the folder until the lock is closed, by whoever inherits it last.  Raises BlockingIOError."""
    var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(var_dir / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise
    return lock


def note(lock: int, address: str, given: Mapping[str, str]) -> None:
    """Write the process id, the address, and the settings of the product that runs here; none of them is secret."""
    lines = [
        f"{os.getpid()} {address}",
        *(f"{name}={value}" for name, value in given.items() if name not in NOT_NOTED),
    ]
    os.truncate(lock, 0)
    os.pwrite(lock, ("\n".join(lines) + "\n").encode(), 0)


def forget(lock: int) -> None:
    os.truncate(lock, 0)


def holder(var_dir: Path) -> tuple[str, str]:
    """The process that runs here and its address, as far as it has said so."""
    first = next(iter(_lines(var_dir)), "")
    pid, _, address = first.partition(" ")
    return pid, address


def settings_of_who_runs(var_dir: Path) -> dict[str, str]:
    """The settings that the product was started with which runs here now; none if none runs."""
    pid, _ = holder(var_dir)
    if not pid.isdecimal() or not _lives(int(pid)):
        return {}
    pairs = (line.partition("=") for line in _lines(var_dir)[1:])
    return {name: value for name, is_setting, value in pairs if is_setting}


def _lines(var_dir: Path) -> list[str]:
    with suppress(OSError), open(var_dir / LOCK, "rb") as file:
        return file.read(LONGEST_NOTE).decode(errors="replace").splitlines()
    return []


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
