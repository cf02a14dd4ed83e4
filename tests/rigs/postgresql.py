"""A real PostgreSQL server of a test's own, on a free port.

    with postgresql_server() as server:
        Database(server.url)

It refuses to run as root: then it is another user's, for whom Debian's package made an account.  A machine without one
fails, in one line: `scripts/install-postgresql` finds or installs it.
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.rigs.ports import free_port

PROGRAMS = Path(sys.prefix) / "postgresql"
STARTS_WITHIN = 60.0  # seconds; it looks at its files first if it was killed
STOPS_WITHIN = 20.0
# A test's server need not outlive a power cut; the servers of the chaos scenarios do not go without
IN_A_HURRY = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


@dataclass
class PostgreSQLServer:
    """One that runs, and can be stopped, killed, frozen and started again."""

    port: int
    folder: Path
    options: tuple[str, ...] = IN_A_HURRY
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgresql://greenroom@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        """Make its files."""
        self._run(
            "initdb", "--auth=trust", "--username=greenroom", "--encoding=UTF8", "--no-sync", "--no-locale"
        )

    def start(self) -> None:
        """Returns when it takes clients."""
        listens = ("-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-k", str(self.folder))
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [_program("postgres"), "-D", str(self.folder / "data"), *listens, *self.options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_us,
                **_as_somebody(),
            )
        deadline = time.monotonic() + STARTS_WITHIN
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log_tail = (self.folder / "server.log").read_text()[-2000:]
                raise AssertionError(f"PostgreSQL did not start: {log_tail}")
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def stop(self) -> None:
        """In order, as an operator would, without waiting for those who are connected."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """All of it, at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """It answers nobody, and keeps all connections."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        if how is signal.SIGKILL:
            self._signal_all(how)
        else:
            self._process.send_signal(how)
        try:
            self._process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self._signal_all(signal.SIGKILL)
            self._process.wait()
        self._process = None

    def _signal_all(self, number: signal.Signals) -> None:
        """The server, and the process that each connection has: they have groups of their own."""
        import psutil

        assert self._process is not None
        server = psutil.Process(self._process.pid)
        for process in [server, *server.children(recursive=True)]:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                pass

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [_program(name), "-D", str(self.folder / "data"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            timeout=STARTS_WITHIN,
            **_as_somebody(),
        )
        assert done.returncode == 0, done.stdout.decode(errors="replace")


@contextmanager
def postgresql_server(options: tuple[str, ...] = IN_A_HURRY) -> Iterator[PostgreSQLServer]:
    """A server of one's own, for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="greenroom-sql-"))
    server = PostgreSQLServer(free_port(), folder, options)
    try:
        _give_away(folder)
        server.create()
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def is_there() -> bool:
    """Whether this machine has the programs.  In CI it must."""
    return (PROGRAMS / "initdb").exists() or os.environ.get("CI") == "true"


def _program(name: str) -> str:
    path = PROGRAMS / name
    assert path.exists(), "There is no PostgreSQL to test against; scripts/install-postgresql gets one."
    return str(path.resolve())


def _somebody() -> pwd.struct_passwd | None:
    """Who has the server, if we are root."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _as_somebody() -> dict[str, Any]:
    user = _somebody()
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}


def _end_with_us() -> None:
    """A test process that is killed leaves no server running.  Only Linux has this."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG


def _give_away(folder: Path) -> None:
    if user := _somebody():
        os.chown(folder, user.pw_uid, user.pw_gid)
