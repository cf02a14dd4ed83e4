"""A stand-in of Daily's REST API: a real HTTP server, written from Daily's published reference, that fails on demand.

It knows what the provider asks: the domain, rooms, meeting tokens (its own and those that somebody signed with the
API key), presence, ejecting.  Nothing here has been compared with Daily itself.
"""

import json
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt

LONGEST_USER_ID = 36
SHORT = {"r": "room_name", "ud": "user_id", "u": "user_name", "o": "is_owner", "exp": "exp", "nbf": "nbf"}
ROOM_PROPERTIES = {
    *(
        "nbf",
        "exp",
        "max_participants",
        "enable_knocking",
        "enable_prejoin_ui",
        "enable_network_ui",
        "enable_chat",
    ),
    *(
        "enable_screenshare",
        "enable_recording",
        "enforce_unique_user_ids",
        "eject_at_room_exp",
        "owner_only_broadcast",
        "start_video_off",
    ),
}


class NotLetIn(Exception):
    """Why Daily would not let somebody in."""


@dataclass
class Failure:
    """What happens to the next calls in place of an answer."""

    how: str | int  # a status, "garbage", "a list", "slow", "endless", "redirect" or "cut"
    times: int
    retry_after: str | None = None


@dataclass
class DailyServer:
    """A domain, its rooms, who is in them, and what was asked."""

    api_key: str = "0123456789abcdef" * 4
    domain_id: str = "30f866c3-9123-452a-8723-ff58322d09c5"
    domain: str = "acme"
    url: str = ""
    rooms: dict[str, dict[str, Any]] = field(default_factory=dict)
    people: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    failures: dict[str, Failure] = field(default_factory=dict)  # by the beginning of "METHOD path"
    gone: Callable[[str], None] = lambda sid: None  # told who was ejected
    limits: tuple[int, int] | None = None  # requests a second: in general, and of lists and deletes
    stopped: threading.Event = field(default_factory=threading.Event)
    lock: threading.RLock = field(default_factory=threading.RLock)
    general: "deque[float]" = field(default_factory=deque)
    costly: "deque[float]" = field(default_factory=deque)

    def calls(self, what: str) -> int:
        """How often something was asked for, as in "POST /rooms"."""
        return sum(f"{method} {path}" == what for method, path, _ in self.asked)

    def fail(self, what: str, how: str | int, *, times: int = 1, retry_after: str | None = None) -> None:
        self.failures[what] = Failure(how, times, retry_after)

    def claims(self, token: str) -> dict[str, Any]:
        """What a token says, by its long names.  Raises NotLetIn for one that Daily would not take."""
        try:
            said = jwt.decode(token, self.api_key, algorithms=["HS256"], options={"verify_iat": False})
        except jwt.InvalidTokenError as error:
            raise NotLetIn(str(error)) from error
        if said.get("d") != self.domain_id:
            raise NotLetIn("of another domain")
        return {SHORT.get(name, name): value for name, value in said.items()}

    def join(self, room: str, token: str | None = None, user_name: str = "") -> str:
        """Let somebody in, as Daily's own servers would; returns the participant's id."""
        with self.lock:
            found = self.rooms.get(room)
            if found is None or found["config"].get("exp", time.time() + 1) < time.time():
                raise NotLetIn("no such room")
            said = self.claims(token) if token else {}
            if found["privacy"] == "private" and not token:
                raise NotLetIn("private")
            if said.get("room_name", room) != room:
                raise NotLetIn("a token for another room")
            there = self.people.setdefault(room, [])
            user_id = said.get("user_id")
            if found["config"].get("enforce_unique_user_ids") and user_id:
                self._put_out(room, [each for each in there if each["userId"] == user_id])
            there = self.people[room]
            if len(there) >= found["config"].get("max_participants", 200):
                raise NotLetIn("full")
            sid = str(uuid.uuid4())
            there.append(
                {
                    "room": room,
                    "id": sid,
                    "userId": user_id,
                    "userName": said.get("user_name", user_name),
                    "mtgSessionId": "16e9701a-93e0-4933-83c9-223e7c40d552",
                    "joinTime": datetime.now(UTC).isoformat(),
                    "duration": 0,
                }
            )
            return sid

    def leave(self, room: str, sid: str) -> None:
        with self.lock:
            self.people[room] = [each for each in self.people.get(room, []) if each["id"] != sid]

    def _put_out(self, room: str, whom: list[dict[str, Any]]) -> None:
        for each in whom:
            self.leave(room, each["id"])
            self.gone(each["id"])

    def is_there(self, room: str, sid: str) -> bool:
        return any(each["id"] == sid for each in self.people.get(room, []))

    # What is asked of it

    def answer(self, method: str, path: str, body: Any, key: str | None) -> tuple[int, Any]:
        if key is None:
            return _refusal(400, "authorization-header-error")
        if key != f"Bearer {self.api_key}":
            return _refusal(401, "authentication-error")
        with self.lock:
            return self._answer(method, [part for part in path.split("/") if part], body)

    def too_many(self, method: str, path: str) -> bool:
        if self.limits is None:
            return False
        is_costly = method == "DELETE" or (method, path) in {("GET", "/rooms"), ("GET", "/presence")}
        with self.lock:
            of_kind, limit = (self.costly, self.limits[1]) if is_costly else (self.general, self.limits[0])
            while of_kind and of_kind[0] < time.monotonic() - 1:
                of_kind.popleft()
            if len(of_kind) >= limit:
                return True
            of_kind.append(time.monotonic())
            return False

    def _answer(self, method: str, parts: list[str], body: Any) -> tuple[int, Any]:
        match method, *parts:
            case ("GET",):
                return 200, {"domain_name": self.domain, "domain_id": self.domain_id, "config": {}}
            case "GET", "presence":
                return 200, {room: people for room, people in self.people.items() if people}
            case "POST", "rooms":
                return self._make(body)
            case "POST", "meeting-tokens":
                return self._sign(body)
            case "GET", "meeting-tokens", token:
                return self._validate(token)
            case _, "rooms", name, *_ if name not in self.rooms:
                return _refusal(404, "not-found", f"room {name} not found")
            case "GET", "rooms", name:
                return 200, self.rooms[name]
            case "POST", "rooms", name:
                return self._change(name, body)
            case "DELETE", "rooms", name:
                del self.rooms[name]
                return 200, {"deleted": True, "name": name}
            case "GET", "rooms", name, "presence":
                people = self.people.get(name, [])
                return 200, {"total_count": len(people), "data": people}
            case "POST", "rooms", name, "eject":
                return self._eject(name, body)
        return _refusal(404, "not-found")

    def _make(self, body: Any) -> tuple[int, Any]:
        name = body.get("name") or uuid.uuid4().hex[:20]
        if name in self.rooms:
            return _refusal(400, "invalid-request-error", f"a room named {name} already exists")
        room = {
            "id": str(uuid.uuid4()),
            "name": name,
            "api_created": True,
            "privacy": "public",
            "url": f"https://{self.domain}.daily.co/{name}",
            "created_at": datetime.now(UTC).isoformat(),
            "config": {},
        }
        if set(body) - {"name", "privacy", "properties"}:
            return _refusal(400, "invalid-request-error", "unknown parameter")
        self.rooms[name] = room
        status, answer = self._change(name, {each: body[each] for each in body if each != "name"})
        if status != 200:
            del self.rooms[name]
        return status, answer

    def _change(self, name: str, body: Any) -> tuple[int, Any]:
        properties = body.get("properties", {})
        if unknown := set(properties) - ROOM_PROPERTIES:
            return _refusal(400, "invalid-request-error", f"unknown parameter '{unknown.pop()}'")
        if body.get("privacy", "public") not in ("public", "private"):
            return _refusal(400, "invalid-request-error", "privacy")
        self.rooms[name]["privacy"] = body.get("privacy", self.rooms[name]["privacy"])
        self.rooms[name]["config"] |= properties
        return 200, self.rooms[name]

    def _sign(self, body: Any) -> tuple[int, Any]:
        wanted = body.get("properties", {})
        if len(wanted.get("user_id", "")) > LONGEST_USER_ID:
            return _refusal(400, "invalid-request-error", "user_id is longer than 36 characters")
        said = {short: wanted[long] for short, long in SHORT.items() if long in wanted}
        said |= {"d": self.domain_id, "iat": int(time.time())}
        return 200, {"token": jwt.encode(said, self.api_key, algorithm="HS256")}

    def _validate(self, token: str) -> tuple[int, Any]:
        try:
            return 200, self.claims(token)
        except NotLetIn as error:
            return _refusal(400, "invalid-request-error", str(error))

    def _eject(self, name: str, body: Any) -> tuple[int, Any]:
        there = self.people.get(name, [])
        if not there:
            return _refusal(400, "invalid-request-error", "there is no meeting in this room")
        ids, user_ids = body.get("ids", []), body.get("user_ids", [])
        gone = [each for each in there if each["id"] in ids or each["userId"] in user_ids]
        self._put_out(name, gone)
        return 200, {"ejectedIds": [each["id"] for each in gone]}


@contextmanager
def running() -> Iterator[DailyServer]:
    daily = DailyServer()
    handler = type("Handler", (_Handler,), {"daily": daily})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    http.daemon_threads = False
    daily.url = f"http://127.0.0.1:{http.server_port}/v1"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield daily
    finally:
        daily.stopped.set()
        http.shutdown()
        thread.join()
        http.server_close()


def _refusal(status: int, kind: str, info: str = "") -> tuple[int, Any]:
    return status, {"error": kind, **({"info": info} if info else {})}


class _Handler(BaseHTTPRequestHandler):
    """HTTP/1.0: each answer ends with its connection."""

    daily: DailyServer

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._do("GET")

    def do_POST(self) -> None:
        self._do("POST")

    def do_DELETE(self) -> None:
        self._do("DELETE")

    def _do(self, method: str) -> None:
        said = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.removeprefix("/v1")
        body = json.loads(said) if said else None
        self.daily.asked.append((method, path, body))
        try:
            if not self._fail(f"{method} {path}"):
                if self.daily.too_many(method, path):
                    self._send(429, {"error": "rate-limit-error"}, {"Retry-After": "1"})
                else:
                    self._send(*self.daily.answer(method, path, body, self.headers.get("Authorization")))
        except (BrokenPipeError, ConnectionResetError):  # who asked has lost patience
            pass

    def _fail(self, what: str) -> bool:
        found = next((each for start, each in self.daily.failures.items() if what.startswith(start)), None)
        if found is None or found.times <= 0:
            return False
        found.times -= 1
        match found.how:
            case int(status):
                headers = {"Retry-After": found.retry_after} if found.retry_after is not None else {}
                self._send(
                    status, {"error": "server-error" if status >= 500 else "rate-limit-error"}, headers
                )
            case "garbage":
                self._send(200, b"<html>It works!</html>")
            case "a list":
                self._send(200, [])
            case "redirect":
                self._send(302, {}, {"Location": "http://127.0.0.1:9/elsewhere"})
            case "slow":
                self.daily.stopped.wait(30)
            case "endless":
                self.send_response(200)
                self.end_headers()
                while not self.daily.stopped.wait(0.1):
                    self.wfile.write(b" ")
                    self.wfile.flush()
            case "cut":
                self.connection.close()
        return True

    def _send(self, status: int, answer: Any, headers: dict[str, str] | None = None) -> None:
        said = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said)
