"""Which product runs in a folder, and with which settings, for other commands there.

Its supervisor writes that into `up.lock`, but for secrets: no file has those which were given in an environment, and
where the system shows a process's environment to its own user, as Linux does, they are read there.
"""

import fcntl
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
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


def note(lock: int, address: str, given: Mapping[str, str], secrets: Collection[str] = ()) -> None:
    """Write down which process runs here, its address, the settings that it was given, and the names of `secrets`."""
    lines = [
        f"{os.getpid()} {address}",
        *(f"{name}={value}" for name, value in given.items() if name not in NOT_NOTED),
        *secrets,
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
    pid = _who_runs(var_dir)
    if pid is None:
        return {}
    lines = _lines(var_dir)[1:]
    environ = _environment_of(pid)
    known = {name: environ[name] for name in lines if name in environ}
    return known | {name: value for name, is_setting, value in _pairs(lines) if is_setting}


def unreadable_secrets_of_who_runs(var_dir: Path) -> set[str]:
    """The secrets that it was given, and that cannot be read from here."""
    pid = _who_runs(var_dir)
    if pid is None:
        return set()
    secrets = {name for name, is_setting, _ in _pairs(_lines(var_dir)[1:]) if not is_setting}
    return secrets - _environment_of(pid).keys()


def runs(var_dir: Path) -> bool:
    """Whether a product runs here."""
    return _who_runs(var_dir) is not None


def _who_runs(var_dir: Path) -> int | None:
    pid, _ = holder(var_dir)
    return int(pid) if pid.isdecimal() and _lives(int(pid)) else None


def _pairs(lines: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    return (line.partition("=") for line in lines)


def _environment_of(pid: int) -> dict[str, str]:
    """The environment that a process was started with; nothing where the system does not show it to us."""
    with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
        pairs = (entry.decode(errors="replace").partition("=") for entry in file.read().split(b"\0"))
        return {name: value for name, is_one, value in pairs if is_one}
    return {}


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
