"""A real LiveKit server of a test's own, on free ports.

    with livekit_server(webhook="http://127.0.0.1:9000/webhooks/livekit") as server:
        product(**server.settings)

A machine without one fails, in one line: `scripts/install-livekit` finds or builds it.
"""

import json
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from greenroom.app.local.embedded_livekit import NoLiveKitServer, answers, binary, configuration
from tests.rigs.eventually import eventually
from tests.rigs.ports import free_ports

KEY, SECRET = "key-of-these-tests", "secret-of-these-tests-which-is-long-enough"
STARTS_WITHIN = 20.0  # seconds
STOPS_WITHIN = 3.0  # seconds; it would wait for those who are in its rooms


def own(name: str, room_url: str) -> str:
    """The user id of a person of one test alone, whose room no other has: bots remember who told them a name."""
    return f"{name}-{room_url.rsplit('/', 1)[1]}"


@dataclass
class LiveKitServer:
    """One that runs, and can be killed and started again."""

    port: int
    folder: Path
    webhook: str | None = None
    key: str = KEY
    secret: str = SECRET
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """As its clients reach it."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        """What tells Greenroom of it."""
        return {"LIVEKIT_URL": self.url, "LIVEKIT_API_KEY": self.key, "LIVEKIT_API_SECRET": self.secret}

    def room(self, name: str | None = None) -> str:
        """The URL of a room there; of a new one each time if it is not named."""
        return f"{self.url}/{name or secrets.token_hex(8)}"

    def start(self) -> None:
        """Returns when it takes clients."""
        try:
            program = binary()
        except NoLiveKitServer:
            raise AssertionError(
                "There is no livekit-server to test against; scripts/install-livekit gets one."
            ) from None
        told = configuration(self.port, {self.key: self.secret}, webhook=self.webhook)
        path = self.folder / "config.json"
        path.write_text(json.dumps(told))
        with (self.folder / "livekit.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(program), "--config", str(path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually(lambda: self._process is None or self._is_up(), within=STARTS_WITHIN)

    def stop(self) -> None:
        """As a deploy would; who is still in its rooms is cut off."""
        self.kill(signal.SIGTERM)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Safe to repeat."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def log(self) -> str:
        path = self.folder / "livekit.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"livekit-server ended at its start:\n{self.log()[-2000:]}"
        return answers(self.port)


@contextmanager
def livekit_server(*, webhook: str | None = None) -> Iterator[LiveKitServer]:
    """A running server, for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="greenroom-livekit-") as folder:
        server = LiveKitServer(free_ports(3), Path(folder), webhook)
        try:
            server.start()
            yield server
        except BaseException:
            print(f"--- livekit.log\n{server.log()[-4000:]}")
            raise
        finally:
            server.kill()
