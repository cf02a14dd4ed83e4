"""Asking a vendor's server over HTTP: its answer is read for so long and so far, and no further.

How often one asks again is each vendor's own: LiveKit's server is one's own and answers in milliseconds or not at all,
Daily says when it had too much, and how long to wait.
"""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

LONGEST_ANSWER = 4 * 1024 * 1024  # bytes
SHORTEST_WAIT = 0.05  # seconds: httpx takes 0 for a time that is over

Json = dict[str, Any]


class NoAnswer(Exception):
    """The server did not answer in time, or not as a server does; says how, for a log."""


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def told(self) -> Json | None:
        """The JSON object that it holds, if it holds one."""
        try:
            told = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return told if isinstance(told, dict) else None


class Http:
    """The connections to one server, opened at the first call and kept.  Threads may share it.

    It follows no redirect, which would take our credentials elsewhere.  `trust_env` is httpx's: whether a proxy that
    the environment names is used.
    """

    def __init__(self, *, trust_env: bool = False) -> None:
        self._trust_env = trust_env
        self._lock = threading.Lock()
        self._made: httpx.Client | None = None

    def ask(
        self,
        method: str,
        url: str,
        body: object,
        *,
        within: timedelta,
        headers: Mapping[str, str],
        longest: int = LONGEST_ANSWER,
    ) -> Answer:
        """Bytes are sent as they are, anything else as JSON.  Raises NoAnswer."""
        import httpx  # a tenth of a second, which only those pay who ask

        client = self._client()
        seconds = max(SHORTEST_WAIT, within.total_seconds())
        ends, said = time.monotonic() + seconds, bytearray()
        sent: Json = {"content": body} if isinstance(body, bytes) else {"json": body}
        try:
            with client.stream(method, url, **sent, headers=dict(headers), timeout=seconds) as reply:
                for part in reply.iter_bytes():
                    said += part
                    if time.monotonic() > ends or len(said) > longest:
                        raise NoAnswer("its answer does not end")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoAnswer(type(error).__name__) from error
        return Answer(reply.status_code, reply.headers, bytes(said))

    def close(self) -> None:
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            made.close()

    def _client(self) -> "httpx.Client":
        import httpx

        with self._lock:
            if self._made is None:
                self._made = httpx.Client(follow_redirects=False, trust_env=self._trust_env)
            return self._made
