"""The product for chaos: several bot workers on one machine, each process with a link of its own to Redis."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import psutil
from pytest_celery import CeleryTestNode, CeleryTestWorker

from greenroom.app.storage.keys import MEMORY
from tests.chaos.proxy import Links
from tests.chaos.starving import Starving
from tests.rigs.eventually import eventually
from tests.rigs.livekit_server import LiveKitServer, livekit_server
from tests.rigs.ports import free_port
from tests.rigs.postgresql import PostgreSQLServer, postgresql_server
from tests.rigs.product import LocalProcess, Problem, Product

HOSTS = ("left", "right")
BOTS = {
    "witness": "tests.chaos.bots:witness",
    "quiet": "tests.fakes.bots:quiet",
    "broken": "tests.fakes.bots:broken",
}


class Lab(Product):
    """A running product whose parts can be hurt one by one."""

    waits_for_disk = True  # as a real one does

    def __init__(
        self, folder: Path, *, hosts: tuple[str, ...] = HOSTS, late: str = "", **settings: str
    ) -> None:
        super().__init__(folder, **{"SLOTS": "3", **settings})
        self.environ["BOTS"] = ",".join(f"{name}={target}" for name, target in BOTS.items())
        self.hosts = hosts
        self._late = late  # the host that the scenario starts itself, or * for all
        self.also: dict[str, dict[str, str]] = {}  # environment of single processes
        self.livekit: LiveKitServer | None = None  # whose rooms its calls are in
        self.postgresql: PostgreSQLServer | None = None  # where it keeps what was said; None: in a file
        self.links = Links(folder / "redis" / "redis.sock")

    def start_all(self) -> None:
        self.start("redis", "web", "control", "beat")
        for host in self._at_first:
            self.raise_up(host)
        if self._at_first:
            eventually(lambda: self._at_first <= self.living_hosts() and self.is_ready(), within=90)
            # Until then a join waits, and of a crowd of them most are told to come again
            eventually(lambda: self.redis.get(MEMORY) == "settled", within=30)

    def raise_up(self, name: str) -> None:
        """Start a process, for the first time or again; does not wait until it is ready."""
        self.nodes[name] = self._node(name)

    @property
    def _at_first(self) -> set[str]:
        return set() if self._late == "*" else set(self.hosts) - {self._late}

    def living_hosts(self) -> set[str]:
        now = time.time() * 1000
        try:
            deadlines = self.redis.zrange("hosts", 0, -1, withscores=True)
        except OSError:
            return set()
        return {str(host).partition("@")[0] for host, deadline in deadlines if deadline > now}

    def stop(self) -> None:
        self.links.mend()
        for host in self.hosts:
            if host in self.nodes and self.process(host).status == "running":
                os.killpg(self.process(host).pid, signal.SIGKILL)  # nobody is in a call any more
        for name in sorted(self.nodes, key=lambda name: name == "redis"):  # which goes last
            self.nodes[name].teardown()
        self.links.close()

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to the process of that name alone, not to its children."""
        os.kill(self.process(name).pid, number)

    def kill_host(self, name: str) -> None:
        """All of a host's processes at once, as when a machine loses its power."""
        os.killpg(self.process(name).pid, signal.SIGKILL)
        self.process(name).wait()

    def start_redis(self) -> None:
        self.process("redis").wait()
        self.process("redis").start()
        eventually(self.ledger_answers, within=20)

    def pid_of(self, room: str) -> int:
        """The process that has a room's lease."""
        return int(self.owner(room).rsplit("/", 1)[1])

    def host_of(self, room: str) -> str:
        return self.owner(room).partition("@")[0]

    def starving(self, *names: str) -> Starving:
        """What the processes of these names wait for a processor, from now on."""
        trees = [psutil.Process(self.process(name).pid) for name in names]
        return Starving(each.pid for tree in trees for each in (tree, *tree.children(recursive=True)))

    def other(self, host: str) -> str:
        return next(other for other in self.hosts if other != host)

    def history(self, session_id: str) -> list[dict[str, Any]]:
        return list(self.get(f"/sessions/{session_id}/events")["events"])

    def first_after(self, session_id: str, event: str, since_ms: float) -> float | None:
        """When a session's history first tells of an event after a moment; both in ms of this machine's clock."""
        for entry in self.history(session_id):
            at = float(str(entry["id"]).partition("-")[0])
            if entry["event"] == event and at >= since_ms:
                return at
        return None

    def leave(self, room: str) -> None:
        try:
            self.post("/leave", {"room_url": room})
        except Problem:
            pass

    def empty(self) -> None:
        """No session is on any more."""
        eventually(self._is_empty, within=40)

    def _is_empty(self) -> bool:
        sessions = self.get("/sessions?limit=1000")["sessions"]
        for session in sessions:
            self.leave(session["room_url"])
        return not sessions

    def is_whole(self) -> bool:
        """Whether another scenario may begin here."""
        names = ("redis", "web", "control", "beat", *self.hosts)
        return all(self.process(name).status == "running" for name in names) and self.is_ready()

    def _node(self, name: str) -> CeleryTestNode:
        if name == "redis":
            return super()._node(name)
        environ = {**self.environ, "REDIS_URL": self.links[name].url, **self.also.get(name, {})}
        log = self.folder / f"{name}.log"
        process = LocalProcess(name, self.command(name), environ, log)
        if name in self.hosts or name == "control":
            return CeleryTestWorker(process, app=self.celery)
        return CeleryTestNode(process)

    def command(self, name: str) -> list[str]:
        if name == "second-beat":
            return super().command("beat")
        if name not in self.hosts:
            return super().command(name)
        shell, flag, command = super().command("bots")
        return [shell, flag, command.replace("bots@%h", f"{name}@%h")]


@contextmanager
def lab(*, livekit: bool = False, postgresql: bool = False, **settings: Any) -> Iterator[Lab]:
    """A lab for as long as the block lasts; leaves no process behind."""
    port = free_port()
    server = livekit_server(webhook=f"http://127.0.0.1:{port}/webhooks/livekit") if livekit else nullcontext()
    # Its files outlive being killed, as those of a real one do
    database = postgresql_server(options=()) if postgresql else nullcontext()
    with (
        server as rooms,
        database as kept,
        tempfile.TemporaryDirectory(prefix="greenroom-") as folder,
    ):
        told = rooms.settings if rooms is not None else {}
        if kept is not None:
            told = {**told, "DATABASE_URL": kept.url}
        it = Lab(Path(folder), PORT=str(port), **told, **settings)
        it.livekit, it.postgresql = rooms, kept
        it.environ["PATH"] = f"{Path(sys.executable).parent}:{it.environ['PATH']}"
        try:
            it.start_all()
            yield it
        finally:
            it.stop()
