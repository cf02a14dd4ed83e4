"""The whole product in processes of its own, for tests that kill them.

The processes have the face of pytest-celery's containers, so that its nodes can
kill, restart and read them; no container engine is needed.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from celery import Celery
from pytest_celery import CeleryTestBroker, CeleryTestContainer, CeleryTestNode, CeleryTestWorker
from redis import Redis

from greenroom.app.conversations.migrating import migrate
from greenroom.app.queue_names import LAUNCHES
from tests.rigs.eventually import eventually
from tests.rigs.ports import free_port

ROOT = Path(__file__).parents[2]
KEY = "a-key-for-tests-only"
COMES_AGAIN_FOR = 5.0  # seconds


class LocalProcess(CeleryTestContainer):
    """A process with the face of a container."""

    def __init__(self, name: str, command: list[str], environ: Mapping[str, str], log: Path) -> None:
        self._name, self._command, self._environ, self._log = name, command, dict(environ), log
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def id(self) -> str:
        return f"{self._name}-{self.pid}"

    @property
    def name(self) -> str:
        return self._name

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def status(self) -> str:
        return "running" if self._process is not None and self._process.poll() is None else "exited"

    @property
    def attrs(self) -> dict[str, Any]:
        return {"Id": self.id, "Name": self._name, "State": {"Status": self.status, "Pid": self.pid}}

    @property
    def celeryconfig(self) -> dict[str, Any]:
        return {"url": self._environ["REDIS_URL"], "host_url": self._environ["REDIS_URL"], "vhost": "0"}

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def logs(self, **_: Any) -> str:
        return self._log.read_text(errors="replace")

    def children(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.pid).children()
        except psutil.NoSuchProcess:
            return []

    def kill(self, signal: str | int | None = None) -> None:
        number = getattr(__import__("signal"), signal) if isinstance(signal, str) else signal or 9
        os.kill(self.pid, number)
        if number in (9, 15):
            self.wait()

    def wait(self, within: float = 30) -> int:
        assert self._process is not None
        return self._process.wait(within)

    def restart(self, timeout: int = 10) -> None:
        self.teardown()
        self.start()

    def reload(self) -> None:
        """Nothing is cached."""

    def remove(self, **_: Any) -> None:
        self.teardown()

    def ready(self) -> bool:
        return self.status == "running"

    def exec_run(self, command: str, **_: Any) -> tuple[int, bytes]:
        done = subprocess.run(command, shell=True, env=self._environ, capture_output=True, timeout=30)
        return done.returncode, done.stdout

    def teardown(self) -> None:
        """Gone, with all that it started."""
        if self._process is None:
            return
        group = self._process.pid
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait(10)


class Product:
    """Web, workers, beat and Redis of one installation."""

    waits_for_disk = False  # on a busy one Redis is late, and requests are told that it is away

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.port = int(settings.get("PORT") or free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        self.key = KEY
        self.environ = {
            **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}},
            "PYTHONPATH": str(ROOT),
            "VAR_DIR": str(folder),
            "REDIS_URL": f"unix://{folder}/redis/redis.sock",
            "API_KEY": KEY,
            "PORT": str(self.port),
            "FLOWER_PORT": str(free_port()),
            "EVENTS_PORT": str(free_port()),
            "SLOTS": "2",
            "SPEECH": "demo",
            "BOTS": ",".join(f"{name}=tests.fakes.bots:{name}" for name in ("quiet", "broken", "stuck")),
            "LOG_FORMAT": "json",
            **settings,
        }
        self.nodes: dict[str, CeleryTestNode] = {}

    def start(self, *names: str, within: float = 60) -> None:
        """Start the processes of these names, Redis first; returns when joins find their bots.

        `bots@elsewhere` is one more worker for bots, of another host's name.
        """
        migrate(self.database_url)
        for name in names or ("redis", "web", "bots", "control", "beat"):
            self.nodes[name] = self._node(name)
            if name == "redis":
                eventually(lambda: self.ledger_answers(), within=20)
                if not self.waits_for_disk:
                    self.redis.config_set("appendfsync", "no")
        if "bots" in self.nodes:
            eventually(self.is_ready, within=within)
        else:
            eventually(self.is_live, within=within)

    @property
    def database_url(self) -> str:
        return self.environ.get("DATABASE_URL") or f"sqlite:///{self.folder / 'greenroom.db'}"

    def stop(self) -> None:
        order = ("web", "beat", "flower", "bots", "control", "events", "redis")
        for name in sorted(self.nodes, key=lambda name: order.index(name.partition("@")[0])):
            self.nodes[name].teardown()

    def process(self, name: str) -> LocalProcess:
        container = self.nodes[name].container
        assert isinstance(container, LocalProcess)
        return container

    def is_ready(self) -> bool:
        try:
            checks = self.get("/readyz")["checks"]
            return all(check == "ok" for name, check in checks.items() if name != "events")
        except OSError:
            return False

    def is_live(self) -> bool:
        try:
            return bool(self.get("/livez")["live"])
        except OSError:
            return False

    def ledger_answers(self) -> bool:
        from greenroom.app.local.embedded_redis import answers

        return answers(Path(self.environ["REDIS_URL"].removeprefix("unix://")))

    # The API

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self.call("POST", path, body or {})

    def join(self, room: str = "local:stage", *, bot: str = "quiet", wait: float = 20, **order: Any) -> Any:
        return self.post(f"/join?wait={wait}", {"room_url": room, "bot": bot, **order})

    def look(self, path: str) -> Any:
        """What a GET says; where that is to come again, as on a machine with much to do, ask again for a while."""
        until = time.monotonic() + COMES_AGAIN_FOR
        while True:
            try:
                return self.get(path)
            except Problem as problem:
                if problem.status != 503 or time.monotonic() > until:
                    raise
            time.sleep(0.5)

    def session(self, session_id: str) -> Any:
        return self.look(f"/sessions/{session_id}")

    def events(self, session_id: str) -> list[str]:
        return [event["event"] for event in self.look(f"/sessions/{session_id}/events")["events"]]

    def ended(self, session_id: str, within: float = 15) -> str:
        """Why a session ended, once it has."""
        eventually(lambda: self.session(session_id)["state"] == "ended", within)
        return str(self.session(session_id)["reason"])

    def complaints(self, session_id: str) -> list[dict[str, Any]]:
        """Warnings and worse that its bots have logged about a session."""
        lines = [
            json.loads(line) for line in self.process("bots").logs().splitlines() if line.startswith("{")
        ]
        return [
            line
            for line in lines
            if line.get("session_id") == session_id and line["level"] in ("warning", "error", "critical")
        ]

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, token: str = KEY) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=40) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            if path == "/readyz":
                return json.load(error)
            raise Problem(error.code, json.load(error)) from None

    # What only a test looks at

    @property
    def redis(self) -> Redis:
        return Redis.from_url(self.environ["REDIS_URL"], decode_responses=True)

    def owner(self, room: str) -> str:
        """Who has adopted a room's lease: host/job/pid."""
        return str(json.loads(str(self.redis.get(f"room_active:{{{room}}}")))["owner"])

    def drain_launches(self) -> None:
        """Wait until every launch has been taken by a worker."""
        eventually(lambda: self.redis.llen(LAUNCHES) == 0, within=30)

    def _node(self, name: str) -> CeleryTestNode:
        process = LocalProcess(name, self.command(name), self.environ, self.folder / f"{name}.log")
        if name == "redis":
            return CeleryTestBroker(process)
        if name.startswith(("bots", "control")):
            return CeleryTestWorker(process, app=self.celery)
        return CeleryTestNode(process)

    def command(self, name: str) -> list[str]:
        """A process as the Procfile has it."""
        kind, _, host = name.partition("@")
        for line in (ROOT / "Procfile").read_text().splitlines():
            if line.startswith(f"{kind}:"):
                command = line.partition(":")[2].strip().replace("@%h", f"@{host or '%h'}")
                return ["sh", "-c", f"exec {command}"]
        raise LookupError(name)

    @property
    def celery(self) -> Celery:
        """The broker as an operator's tools see it."""
        return Celery("operator", broker=f"redis+socket://{self.folder}/redis/redis.sock")


class Problem(Exception):
    """A refusal, as problem+json."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body


@contextmanager
def product(names: tuple[str, ...] = (), **settings: str) -> Iterator[Product]:
    """A running product, for as long as the block lasts; leaves no process behind."""
    with tempfile.TemporaryDirectory(prefix="greenroom-") as folder:
        it = Product(Path(folder), **settings)
        it.environ["PATH"] = f"{Path(sys.executable).parent}:{it.environ['PATH']}"
        try:
            it.start(*names)
            yield it
        except BaseException:
            for log in sorted(Path(folder).glob("*.log")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}")
            raise
        finally:
            it.stop()
