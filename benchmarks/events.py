"""Five thousand listeners on one events process: how soon they have an event, and that a restart loses none.

    make bench-events                       about a minute and a half
    make bench-events ARGS="--clients 500"

Events are told as a bot's history is, by the same step, and timed from before that until they are in each client's
socket: the kernel notes when, so that the clients, which are all in one process on this machine, do not count the time
that they wait for each other.  Halfway the events process is killed with SIGKILL and started again: every client comes
back with its last id, and must have got every event in the end.

The peer is what one writes first: a Flask view that streams, on gunicorn's threads, a blocking read of Redis each.
It is given a thousand threads, as many clients as we have, and the same events.
"""

import argparse
import os
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import report
from benchmarks.stage import go_live
from greenroom.app.local.embedded_redis import temporary_redis
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import Happened, Note
from greenroom.app.rooms.told import Place, ReadTold
from greenroom.app.settings import Settings
from greenroom.app.storage.ledger import RedisLedger

ROOT = Path(__file__).resolve().parents[1]
CLIENTS = 5000
EVENTS = 60
EVERY = 0.5  # seconds between two events
CONNECTS_WITHIN = 10.0  # seconds
ANSWERS_WITHIN = 60.0  # seconds for all clients to be connected, as after a restart
HELD_WITHIN = 15.0  # seconds for a client of the peer to be answered
KEY = "a-key-for-benchmarks-only"
PEER_THREADS = 1000
SO_TIMESTAMPNS = 35  # Linux: what is received says when it came, by the wall clock
TIMES = struct.Struct("qq")  # seconds and nanoseconds
SEQUENCE = re.compile(rb'"sequence":(\d+)')
PLACE = re.compile(rb"^id: (\S+)", re.MULTILINE)


@dataclass
class Crowd:
    """Clients of one port: sockets, what each has got, and when."""

    port: int
    path: str
    connected: dict[int, socket.socket] = field(default_factory=dict)
    got: dict[int, set[int]] = field(default_factory=dict)  # by client
    last_id: dict[int, bytes] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)  # ms
    _client_of: dict[int, int] = field(default_factory=dict)  # by file
    _rest: dict[int, bytes] = field(default_factory=dict)  # the beginning of a line whose end has yet to come
    _poll: select.epoll = field(default_factory=select.epoll)

    def connect(self, client: int) -> None:
        """Ask for the stream, from the last id on; the answer is read later.  Raises OSError."""
        sock = socket.create_connection(("127.0.0.1", self.port), CONNECTS_WITHIN)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)  # before anything comes, which had no time else
        last = b"Last-Event-ID: %b\r\n" % self.last_id[client] if client in self.last_id else b""
        head = f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n".encode()
        sock.sendall(head + last + b"Accept: text/event-stream\r\n\r\n")
        sock.setblocking(False)
        self.connected[client] = sock
        self._client_of[sock.fileno()] = client
        self.got.setdefault(client, set())
        self._poll.register(sock.fileno(), select.EPOLLIN)

    def read(self, told_at: dict[int, float], within: float) -> set[int]:
        """Read for so long, or until something has come; the clients that were sent anything."""
        heard = set()
        for file, _ in self._poll.poll(within):
            client = self._client_of[file]
            try:
                data, noted, _, _ = self.connected[client].recvmsg(256 * 1024, 64)
            except BlockingIOError:
                continue
            except OSError:
                data, noted = b"", []
            if not data:
                self.hang_up(client)
                continue
            heard.add(client)
            data, _, self._rest[client] = (self._rest.get(client, b"") + data).rpartition(b"\n")
            for found in SEQUENCE.finditer(data):
                sequence = int(found[1])
                self.got[client].add(sequence)
                if sequence in told_at:
                    self.latencies.append((_moment(noted) - told_at[sequence]) * 1000)
            if places := PLACE.findall(data):
                self.last_id[client] = places[-1]
        return heard

    def hang_up(self, client: int) -> None:
        sock = self.connected.pop(client)
        self._rest.pop(client, None)
        self._poll.unregister(sock.fileno())
        del self._client_of[sock.fileno()]
        sock.close()

    def close(self) -> None:
        for client in list(self.connected):
            self.hang_up(client)

    def gather(self, clients: int, within: float) -> int:
        """Connect all that are not, and wait until each has been answered; how many were."""
        until, answered = time.monotonic() + within, set()
        for client in range(clients):
            if client not in self.connected:
                with suppress(OSError):  # it is not among the answered
                    self.connect(client)
            if client % 100 == 0:
                answered |= self.read({}, 0)
        while len(answered & self.connected.keys()) < clients and time.monotonic() < until:
            answered |= self.read({}, 0.1)
        return len(answered & self.connected.keys())


def _moment(noted: list[tuple[int, int, bytes]]) -> float:
    """When the last of what was received had come, by the wall clock."""
    seconds, nanoseconds = TIMES.unpack(noted[0][2])
    return float(seconds + nanoseconds / 1e9)


class Teller:
    """Tells events of one session, and remembers when."""

    def __init__(self, settings: Settings) -> None:
        self._ledger = RedisLedger(settings.redis_url)
        self._session, _ = go_live(self._ledger, Room.parse("local:bench"), "ada")
        self._sequence = int(self._ledger.run(ReadTold(Place()))[-1].fields["sequence"])
        self.told_at: dict[int, float] = {}

    def tell(self) -> int:
        self._sequence += 1
        self.told_at[self._sequence] = time.time()
        self._ledger.run(Note(self._session.id, Happened.QUEUED, self._session.epoch))
        return self._sequence

    @contextmanager
    def telling(self, events: int) -> Iterator[threading.Thread]:
        """Tell so many, in a thread of its own."""

        def tell_all() -> None:
            for _ in range(events):
                time.sleep(EVERY)
                self.tell()

        thread = threading.Thread(target=tell_all)
        thread.start()
        yield thread
        thread.join()

    def close(self) -> None:
        self._ledger.close()


def main() -> None:
    """Measure ours, with a restart; then the peer."""
    parser = argparse.ArgumentParser(prog="bench-events")
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--events", type=int, default=EVENTS)
    asked = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with temporary_redis() as settings:
        crowd, lost, us_each = _ours(settings, asked.clients, asked.events)
    with temporary_redis() as settings:
        held, peers = _peer(settings, asked.clients, max(5, asked.events // 4))
    if not held:
        raise SystemExit("the peer told nobody anything")
    report.say(
        bench="events",
        ours=asked.clients,
        peer=held,
        peer_name=f"a streaming Flask view on {PEER_THREADS} threads of gunicorn, a read of Redis each",
        unit="clients that get events",
        ratio=asked.clients / held,
        p50_ms=round(report.percentile(crowd.latencies, 50), 1),
        p99_ms=round(report.percentile(crowd.latencies, 99), 1),
        peer_p99_ms=round(report.percentile(peers.latencies, 99), 1),
        us_each=round(us_each, 1),
        delivered=len(crowd.latencies),
        lost=lost,
    )


def _ours(settings: Settings, clients: int, events: int) -> tuple[Crowd, int, float]:
    """Half of the events, a restart, the other half; how many events were lost to whom, and what sending one costs.

    That is in microseconds of the events process's time for each listener.
    """
    port = _free_port()
    crowd, teller = Crowd(port, "/events"), Teller(settings)
    with _events_process(settings, port) as (restart, used):
        _all(crowd.gather(clients, ANSWERS_WITHIN), clients, "were answered")
        print(f"{clients} clients listen", file=sys.stderr, flush=True)
        first, used_before = teller.tell(), used()
        _listen(crowd, teller, events // 2)
        us_each = (used() - used_before) * 1e6 / (events // 2 + 1) / clients
        restart()
        _read_until(crowd, {}, lambda: not crowd.connected, ANSWERS_WITHIN)
        _all(clients - len(crowd.connected), clients, "saw that the process was gone")
        missed = [teller.tell() for _ in range(20)]
        for sequence in missed:
            teller.told_at.pop(sequence)  # told to nobody yet: that is no latency
        _until_it_answers(port)
        _all(crowd.gather(clients, ANSWERS_WITHIN), clients, "came back")
        print("all have come back", file=sys.stderr, flush=True)
        _listen(crowd, teller, events - events // 2)
        last = teller.tell()
        _read_until(crowd, teller.told_at, lambda: all(last in got for got in crowd.got.values()), 30)
    crowd.close()
    teller.close()
    told = set(range(first, last + 1))
    return crowd, sum(len(told - got) for got in crowd.got.values()), us_each


def _all(number: int, clients: int, did: str) -> None:
    if number < clients:
        raise SystemExit(f"{number} of {clients} clients {did}, and they must all; is the machine busy?")


def _listen(crowd: Crowd, teller: Teller, events: int) -> None:
    with teller.telling(events) as thread:
        _read_until(crowd, teller.told_at, lambda: not thread.is_alive(), 600)
    _read_until(crowd, teller.told_at, lambda: False, 1.0)


def _read_until(crowd: Crowd, told_at: dict[int, float], is_done: Callable[[], bool], within: float) -> None:
    until = time.monotonic() + within
    while time.monotonic() < until and not is_done():
        crowd.read(told_at, 0.05)


def _peer(settings: Settings, clients: int, events: int) -> tuple[int, Crowd]:
    """How many of as many clients get an event from the peer."""
    port = _free_port()
    crowd, teller = Crowd(port, "/events"), Teller(settings)
    command = [
        *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", str(PEER_THREADS)),
        *("--worker-connections", "10000", "--timeout", "120", "--log-level", "critical"),
        "benchmarks.bare_events:app",
    ]
    with _process(command, settings, port):
        crowd.gather(clients, HELD_WITHIN)
        _listen(crowd, teller, events)
    crowd.close()
    teller.close()
    return sum(bool(got) for got in crowd.got.values()), crowd


@contextmanager
def _events_process(
    settings: Settings, port: int
) -> Iterator[tuple[Callable[[], None], Callable[[], float]]]:
    """The process of the Procfile: what kills it, and starts another, and the seconds of a core that it has used."""
    command = [sys.executable, "-m", "greenroom.app.cli", "events"]
    running = [_start(command, settings, port)]
    _until_it_answers(port)

    def restart() -> None:
        running[-1].send_signal(signal.SIGKILL)
        running[-1].wait()
        running.append(_start(command, settings, port))

    try:
        yield restart, lambda: report.used_by(running[-1].pid)
    finally:
        running[-1].terminate()
        running[-1].wait(30)


@contextmanager
def _process(command: list[str], settings: Settings, port: int) -> Iterator[None]:
    process = _start(command, settings, port)
    try:
        _until_it_answers(port)
        yield
    finally:
        process.kill()
        process.wait(30)


def _start(command: list[str], settings: Settings, port: int) -> "subprocess.Popen[bytes]":
    environ = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        "PYTHONPATH": str(ROOT),
        "VAR_DIR": str(settings.var_dir),
        "REDIS_URL": settings.redis_url,
        "API_KEY": KEY,
        "EVENTS_PORT": str(port),
        "LOG_LEVEL": "ERROR",
    }
    return subprocess.Popen(command, env=environ, cwd=ROOT, stdin=subprocess.DEVNULL)


def _until_it_answers(port: int) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


if __name__ == "__main__":
    main()
