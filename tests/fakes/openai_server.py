"""A small real HTTP server that speaks OpenAI's protocol, and fails on demand."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PIECE = 512  # bytes that are sent at once


@dataclass
class OpenAIServer:
    """What it answers, how it fails, and what it was asked.

    `fails` maps the end of a path to a way of failing there: an HTTP status,
    "breaks" (half an answer, then the connection is gone) or "hangs" (no answer
    until the server stops).
    """

    heard: str = "Hello there"
    answer: str | Callable[[Any], str] = "Good evening. How are you?"  # or what it says to a request
    speech: bytes = b"\x00\x10" * 24_000  # a second
    fails: dict[str, int | str] = field(default_factory=dict)
    requests: list[tuple[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    url: str = ""
    pause: float = 0.0  # seconds before each piece of an answer
    stopped: threading.Event = field(default_factory=threading.Event)

    def asked(self, path: str) -> list[Any]:
        return [body for at, body in self.requests if at.endswith(path)]


@contextmanager
def running() -> Iterator[OpenAIServer]:
    server = OpenAIServer()
    handler = type("Handler", (_Handler,), {"openai": server})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    http.daemon_threads = False
    server.url = f"http://127.0.0.1:{http.server_port}/v1"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        http.shutdown()
        thread.join()
        http.server_close()


class _Handler(BaseHTTPRequestHandler):
    """HTTP/1.0: each answer ends with its connection."""

    openai: OpenAIServer

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        is_json = self.headers["Content-Type"] == "application/json"
        self.openai.requests.append((self.path, json.loads(body) if is_json else body))
        self.openai.keys.append(self.headers["Authorization"])
        way = next((way for path, way in self.openai.fails.items() if self.path.endswith(path)), None)
        if way == "hangs":
            self.openai.stopped.wait(60)
        elif isinstance(way, int):
            self._send(way, "application/json", json.dumps({"error": {"message": "said the fake"}}).encode())
        else:
            kind, answer = self._answer(json.loads(body) if is_json else None)
            self._send(200, kind, answer, cut=way == "breaks")

    def _answer(self, asked: Any) -> tuple[str, bytes]:
        if self.path.endswith("/audio/transcriptions"):
            return "application/json", json.dumps({"text": self.openai.heard}).encode()
        if self.path.endswith("/audio/speech"):
            return "audio/pcm", self.openai.speech
        answer = self.openai.answer
        return "text/event-stream", b"".join(_events(answer if isinstance(answer, str) else answer(asked)))

    def _send(self, status: int, kind: str, content: bytes, *, cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        end = len(content) // 2 if cut else len(content)
        try:
            for start in range(0, end, PIECE):
                self.openai.stopped.wait(self.openai.pause)
                self.wfile.write(content[start : min(start + PIECE, end)])
        except (BrokenPipeError, ConnectionResetError):
            pass  # whoever asked has lost interest


def _events(answer: str) -> Iterator[bytes]:
    for word in answer.split(" "):
        choice = {"delta": {"content": f"{word} "}, "index": 0, "finish_reason": None}
        chunk = {"id": "1", "object": "chat.completion.chunk", "model": "fake", "created": 0}
        yield _event({**chunk, "choices": [choice]})
    yield b"data: [DONE]\n\n"


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"
