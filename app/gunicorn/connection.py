"""A client's connection to gunicorn's worker, and what is done with it just now."""

import socket
import time
from enum import Enum
from typing import TYPE_CHECKING, Any

from greenroom.app.gunicorn.incoming import Incoming
from greenroom.app.gunicorn.outlet import Outlet

if TYPE_CHECKING:  # which makes these
    from greenroom.app.gunicorn.worker import WholeRequests

REQUEST_WITHIN = 10.0  # seconds from its first byte to its last


class State(Enum):
    READING = "reading"  # or idle, if there is no byte of a request
    HANDLED = "handled"  # by a thread
    RELAYED = "relayed"  # the main loop carries a stream of events from the process that serves it
    SENDING = "sending"
    CLOSING = "closing"


class Connection:
    """A client's, for one request after the other."""

    def __init__(self, sock: socket.socket, client: Any, server: Any, worker: "WholeRequests") -> None:
        self.socket, self.client, self.server = sock, client, server
        self.sock = Outlet(sock, lambda: bool(worker.alive))  # gunicorn's name for where it writes to
        self.incoming = Incoming(worker.cfg, client, self.sock)
        self.state = State.READING
        self.deadline: float | None = time.monotonic() + REQUEST_WITHIN
        self.is_kept = False
        self.upstream: socket.socket | None = None  # where a stream comes from
        self.has_streamed = False
        self.watched_for = 0  # selectors.EVENT_READ or EVENT_WRITE

    @property
    def is_idle(self) -> bool:
        return self.state is State.READING and not self.incoming.has_begun
