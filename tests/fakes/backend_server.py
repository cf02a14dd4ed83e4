"""A backend of somebody's own: a real HTTP server that notes what it is sent, and answers what a test wants."""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "8d1f6a0c93b7e25a4d0f91c6be37a2d8"


@dataclass(frozen=True)
class Call:
    """One request, as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def facts(self) -> Any:
        return json.loads(self.body)

    @property
    def is_signed(self) -> bool:
        at, _, digest = self.headers["X-Greenroom-Signature"].removeprefix("t=").partition(",v1=")
        signed = f"{at}.{self.headers['X-Greenroom-Id']}.".encode() + self.body
        return digest == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()


Answer = tuple[int, bytes]


@dataclass
class FakeBackend:
    """What was sent, and what is answered: `answers` decides by the call."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    answers: Callable[[Call], Answer] = lambda call: (200, b"{}")

    def to(self, path: str) -> list[Any]:
        return [call.facts for call in self.calls if call.path == path]

    @property
    def turns(self) -> list[tuple[str, str]]:
        """The turns of all calls, in the order in which they came."""
        return [(told["conversation_id"], turn["id"]) for told in self.to("/turns") for turn in told["turns"]]


@contextmanager
def a_backend() -> Iterator[FakeBackend]:
    fake = FakeBackend()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            call = Call(self.path, dict(self.headers), body)
            fake.calls.append(call)
            status, said = fake.answers(call)
            try:
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", f"{fake.url}/elsewhere")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)
            except OSError:  # whoever asked has gone
                self.close_connection = True

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads, block_on_close = True, False  # a connection that is kept open holds up no end

    with Server(("127.0.0.1", 0), Handler) as server:
        fake.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield fake
        finally:
            server.shutdown()
