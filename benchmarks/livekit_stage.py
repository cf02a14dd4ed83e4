"""What the benchmarks in LiveKit rooms share: their peer, and somebody in the room who sees both alike."""

import asyncio
import fcntl
import http.client
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

from livekit import rtc

from greenroom.app.providers import tokens
from greenroom.app.providers.livekit import LiveKit
from greenroom.app.rooms.room import Room
from tests.rigs.eventually import eventually
from tests.rigs.livekit_server import LiveKitServer
from tests.rigs.product import KEY, Product

HERE = Path(__file__).parent
LOCK = HERE / "livekit_agents.lock"
SEEN_WITHIN = 20.0  # seconds
WARM_WITHIN = 60.0  # seconds
CALL_LASTS = timedelta(minutes=1)  # the right to make one call
PEER = "LiveKit Agents 1.8.9"


class Agents:
    """A worker of LiveKit Agents, with processes that wait for jobs."""

    def __init__(self, process: "subprocess.Popen[str]", server: LiveKitServer, kind: str, idle: int) -> None:
        self._server, self._kind, self._idle = server, kind, idle
        self.said: Counter[str] = Counter()
        self.pids: dict[str, list[int]] = {"warm": [], "job": [], "speaking": []}
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port)
        Thread(target=self._listen, args=(process,), daemon=True).start()

    def start(self, room: str) -> None:
        """Dispatch one; what `create_dispatch` of LiveKit's own package sends."""
        self._ask("AgentDispatchService/CreateDispatch", room, {"agent_name": self._kind, "room": room})

    def end(self, room: str) -> None:
        self._ask("RoomService/DeleteRoom", room, {"room": room})

    def wait_until_warm(self) -> None:
        """Until as many processes wait as shall."""
        eventually(self._is_warm, within=WARM_WITHIN)

    def _is_warm(self) -> bool:
        waiting = len(self.pids["warm"]) - len(self.pids["job"])
        return bool(self.said["registered"]) and waiting >= self._idle

    def _ask(self, method: str, room: str, request: Mapping[str, str]) -> None:
        video = {"roomAdmin": True, "roomCreate": True, "room": room}
        claims = {"iss": self._server.key, "video": video}
        headers = {
            "Authorization": f"Bearer {tokens.sign(self._server.secret, claims, CALL_LASTS)}",
            "Content-Type": "application/json",
        }
        self._connection.request("POST", f"/twirp/livekit.{method}", json.dumps(request), headers)
        reply = self._connection.getresponse()
        told = reply.read()
        if reply.status != http.HTTPStatus.OK:
            raise SystemExit(f"{method} answered {reply.status}: {told!r}")

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            word, _, pid = line.strip().partition(" ")
            self.said[word] += 1
            if word in self.pids:
                self.pids[word].append(int(pid))


@contextmanager
def agents(server: LiveKitServer, kind: str, *, idle: int) -> Iterator[Agents]:
    """A running worker whose agents are of this kind, see `livekit_agents_worker.py`."""
    process = subprocess.Popen(
        [str(_peers_python()), str(HERE / "livekit_agents_worker.py"), kind, str(idle)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env={
            **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}},
            **server.settings,
        },
    )
    try:
        peer = Agents(process, server, kind, idle)
        peer.wait_until_warm()
        yield peer
    finally:
        os.killpg(process.pid, 9)
        process.wait()


class Watcher:
    """Somebody in a room before its bot, who notes when the bot's sound is there."""

    def __init__(self, server: LiveKitServer, room: str) -> None:
        self.room = room
        self._admission = livekit(server).admit(Room.parse(f"{server.url}/{room}"), "watcher")
        self._rtc = rtc.Room()
        self._seen: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> "Watcher":
        self._rtc.on("track_published", self._note)
        options = rtc.RoomOptions(auto_subscribe=False)
        await self._rtc.connect(self._admission.url, self._admission.room_token, options)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._rtc.disconnect()

    async def sees(self) -> float:
        """The moment, by `time.perf_counter`, in which a track of sound was published."""
        async with asyncio.timeout(SEEN_WITHIN):
            return await self._seen

    def _note(self, publication: rtc.RemoteTrackPublication, _: rtc.RemoteParticipant) -> None:
        if publication.kind == rtc.TrackKind.KIND_AUDIO and not self._seen.done():
            self._seen.set_result(time.perf_counter())


class Joins:
    """Ours: joins over HTTP, on a connection that is open."""

    def __init__(self, ours: Product, server: LiveKitServer) -> None:
        self._ours, self._server = ours, server
        self._connection = http.client.HTTPConnection("127.0.0.1", ours.port)
        self._sessions: dict[str, str] = {}

    def start(self, room: str, *, bot: str = "assistant") -> dict[str, Any]:
        joined = self._post("/join", room_url=f"{self._server.url}/{room}", user_id=f"ann-{room}", bot=bot)
        self._sessions[room] = joined["session_id"]
        return joined

    def end(self, room: str) -> None:
        session_id = self._sessions.pop(room)
        self._post("/leave", session_id=session_id)
        self._ours.ended(session_id)

    def _post(self, path: str, **body: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        self._connection.request("POST", path, json.dumps(body), headers)
        reply = self._connection.getresponse()
        told: dict[str, Any] = json.load(reply)
        if reply.status >= http.HTTPStatus.BAD_REQUEST:
            raise SystemExit(f"{path} answered {told}")
        return told


def livekit(server: LiveKitServer) -> LiveKit:
    return LiveKit(server.url, server.key, server.secret)


def _peers_python() -> Path:
    """The interpreter that has the peer's packages, kept beside the LiveKit server; none of them is in our lock."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "greenroom"
    wanted = LOCK.read_text() + sys.version
    kept = cache / "livekit-agents-1.8.9"
    made_from = kept / "made-from"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "livekit-agents.lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if not made_from.exists() or made_from.read_text() != wanted:
            print(f"Getting {PEER}, about 380 MB, once ...", file=sys.stderr, flush=True)
            subprocess.run([sys.executable, "-m", "venv", "--clear", kept], check=True)
            install = [str(kept / "bin" / "python"), "-m", "pip", "install", "--quiet"]
            subprocess.run([*install, "--require-hashes", "-r", str(LOCK)], check=True)
            made_from.write_text(wanted)
    return kept / "bin" / "python"
