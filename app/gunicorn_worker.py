"""gunicorn's threaded worker, in which no client can hold a thread: only what the product waits for does.

The main loop reads each request to its end before a thread gets it, and sends what a client did not take at once.
So a client that sends or reads slowly costs a socket until its deadline.  `/livez` has a thread of its own, and is
answered also when all others wait.
"""

import errno
import json
import os
import re
import selectors
import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from enum import Enum
from functools import partial
from http import HTTPStatus
from io import BytesIO
from typing import Any

from gunicorn.http import errors as http_errors
from gunicorn.http import get_parser
from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.unreader import Unreader
from gunicorn.workers.gthread import ThreadWorker

from greenroom.app.api.headers import ALWAYS, NOT_KEPT

HEALTH = "/livez"
READ_AT_ONCE = 64 * 1024  # bytes
HEAD_AT_MOST = 32 * 1024  # bytes; tokens and cookies of a proxy fit
BODY_AT_MOST = 128 * 1024  # bytes as sent; the application's own limits are below it
UNSENT_AT_MOST = 256 * 1024  # bytes of a stream that its client does not read
REQUEST_WITHIN = 10.0  # seconds from its first byte to its last
ANSWER_TAKEN_WITHIN = 30.0  # seconds for the part of an answer that the client did not take at once
LINGERS = 2.0  # seconds that a closed connection is read, so that the client gets the answer and no reset
DEADLINES_LOOKED_AT_EVERY = 0.25  # seconds; each look is at every connection
LAST_REQUEST_WITHIN = 1.0  # seconds after SIGTERM in which a connection that is kept open may send one more

CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]+")


class State(Enum):
    READING = "reading"  # or idle, if there is no byte of a request
    HANDLED = "handled"  # by a thread
    SENDING = "sending"
    CLOSING = "closing"


class Outlet:
    """What gunicorn takes for the socket of an answer.  Never blocks: what is not taken at once is kept."""

    def __init__(self, sock: socket.socket, worker: "WholeRequests") -> None:
        self._socket, self._worker = sock, worker
        self._unsent: list[memoryview] = []
        self._is_fresh = True
        self.is_broken = False
        self.has_gone = False

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for the answer: not if the client has hung up, or this process is to end."""
        return not self.has_gone and bool(self._worker.alive)

    def renew(self) -> None:
        """For the next answer."""
        self._is_fresh = True

    def sendall(self, data: bytes) -> None:
        """Raises OSError if the client has gone, or has not read what it was sent for too long."""
        if self.is_broken or sum(map(len, self._unsent)) > UNSENT_AT_MOST:
            raise BrokenPipeError(errno.EPIPE, "the client does not read")
        self._unsent.append(memoryview(data))
        if self._is_fresh:  # the head goes out with the first piece of the body
            self._is_fresh = False
        else:
            self.flush()

    def flush(self) -> bool:
        """Whether all has been sent.  Raises OSError if the client has gone."""
        while self._unsent:
            try:
                sent = self._socket.sendmsg(self._unsent[:16])
            except BlockingIOError:
                return False
            except OSError:
                self.is_broken = True
                raise
            while self._unsent and sent >= len(self._unsent[0]):
                sent -= len(self._unsent.pop(0))
            if sent:
                self._unsent[0] = self._unsent[0][sent:]
        return True

    # gunicorn closes a socket itself when an answer breaks off halfway.

    def shutdown(self, how: int) -> None:
        raise OSError(errno.ENOTCONN, "closed by the main loop")

    def close(self) -> None:
        self.is_broken = True


class Received(Unreader):
    """Where gunicorn's parser reads from: what is here; then comes the end, and never a wait."""

    def feed(self, data: bytes) -> None:
        self.buf.seek(0, 2)
        self.buf.write(data)

    def chunk(self, size_hint: int | None = None) -> bytes:
        return b""

    @property
    def held(self) -> bytes:
        value: bytes = self.buf.getvalue()
        return value


class Connection:
    """A client's, for one request after the other."""

    def __init__(self, sock: socket.socket, client: Any, server: Any, worker: "WholeRequests") -> None:
        self.socket, self.client, self.server = sock, client, server
        self.sock = Outlet(sock, worker)  # gunicorn's name for where it writes to
        self.received = Received()
        self.parser = get_parser(worker.cfg, [], client)
        self.parser.unreader = self.received
        self.state = State.READING
        self.deadline: float | None = time.monotonic() + REQUEST_WITHIN
        self.request: Any = None
        self.looked_at = 0  # bytes of the head, or of the chunks, that need no second look
        self.is_kept = False
        self.watched_for = 0  # selectors.EVENT_READ or EVENT_WRITE

    @property
    def is_idle(self) -> bool:
        return self.state is State.READING and self.request is None and not self.received.held


class Refused(Exception):
    """A request that cannot become one."""

    def __init__(self, status: HTTPStatus, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail


class WholeRequests(ThreadWorker):
    """gunicorn's worker with a main loop that reads and writes."""

    def init_process(self) -> None:
        self._connections: dict[Connection, None] = {}  # the oldest first
        self._looks_at = 0.0
        self._health = ThreadPoolExecutor(1, thread_name_prefix="health")
        super().init_process()

    def run(self) -> None:
        super().run()
        if any(each.state is State.HANDLED for each in self._connections):
            os._exit(0)  # Python would wait for threads that wait for a bot, until gunicorn kills it

    # The main loop

    def accept(self, listener: socket.socket) -> None:
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._make_room()
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        sock.setblocking(False)
        connection = Connection(sock, client, listener.getsockname(), self)
        self._connections[connection] = None
        self.nr_conns += 1
        if self.nr_conns >= self.worker_connections:
            self._make_room()
        if connection in self._connections:
            self._watch(connection)

    def _make_room(self) -> None:
        """Without the connection that has sent the least for the longest, others get in."""
        waiting = next((each for each in self._connections if each.state is State.READING), None)
        if waiting is not None:
            self._drop(waiting)

    def _watch(self, connection: Connection, event: int = selectors.EVENT_READ) -> None:
        if connection.watched_for == event:
            return
        self._unwatch(connection)
        callback = self._on_readable if event == selectors.EVENT_READ else self._send
        self.poller.register(connection.socket, event, partial(callback, connection))
        connection.watched_for = event

    def _unwatch(self, connection: Connection) -> None:
        if connection.watched_for:
            self.poller.unregister(connection.socket)
            connection.watched_for = 0

    def _on_readable(self, connection: Connection, _: Any) -> None:
        peek = socket.MSG_PEEK if connection.state is State.HANDLED else 0
        try:
            data = connection.socket.recv(READ_AT_ONCE, peek)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if connection.state is State.HANDLED:
            connection.sock.has_gone = not data
            self._unwatch(connection)  # else the loop would be told again and again
        elif not data:
            self._drop(connection)
        elif connection.state is State.READING:
            if connection.is_idle:
                connection.deadline = time.monotonic() + REQUEST_WITHIN
            connection.received.feed(data)
            self._advance(connection)

    def _advance(self, connection: Connection) -> None:
        """Give the request to a thread if all of it is here."""
        try:
            is_whole = (connection.request or self._has_head(connection)) and self._has_body(connection)
        except Refused as refused:
            self._refuse(connection, refused)
        except (StopIteration, http_errors.NoMoreData):
            self._drop(connection)
        except Exception as error:  # whatever gunicorn's parser makes of it
            self._refuse(connection, _refusal_of(error))
        else:
            if is_whole:
                connection.state, connection.deadline = State.HANDLED, None
                self.enqueue_req(connection)

    def _has_head(self, connection: Connection) -> bool:
        held = connection.received.held
        if held.find(b"\r\n\r\n", max(0, connection.looked_at - 3)) < 0:
            connection.looked_at = len(held)
            if len(held) > HEAD_AT_MOST:
                raise Refused(
                    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                    "head-too-large",
                    f"The request's head is over {HEAD_AT_MOST} bytes.",
                )
            return False
        connection.request, connection.looked_at = next(connection.parser), 0
        return True

    def _has_body(self, connection: Connection) -> bool:
        """Whether it is here; it is then in the request, and what came after it waits for the next."""
        request, held = connection.request, connection.received.held
        reader = request.body.reader
        length = reader.length if isinstance(reader, LengthReader) else len(held)
        if length > BODY_AT_MOST:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", f"The body is over {BODY_AT_MOST} bytes."
            )
        if isinstance(reader, ChunkedReader):
            is_whole, connection.looked_at = _chunks(held, connection.looked_at)
        else:
            is_whole = len(held) >= length
        if request._expected_100_continue:
            request._expected_100_continue = False  # gunicorn would say it again
            if not is_whole:
                connection.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                connection.sock.flush()
                connection.sock.renew()
        if is_whole:
            request.body = BytesIO(request.body.read())
        return is_whole

    def enqueue_req(self, conn: Connection) -> None:
        pool = self._health if conn.request.path == HEALTH else self.tpool
        pool.submit(self.handle, conn).add_done_callback(
            lambda future: self.method_queue.defer(self.finish_request, conn, future)
        )

    def finish_request(self, conn: Connection, fs: "Future[bool]") -> None:
        conn.is_kept = not fs.cancelled() and fs.exception() is None and fs.result()
        conn.state, conn.deadline = State.SENDING, time.monotonic() + ANSWER_TAKEN_WITHIN
        self._send(conn)

    def _send(self, connection: Connection, _: Any = None) -> None:
        try:
            is_sent = connection.sock.flush()
        except OSError:
            self._drop(connection)
            return
        if not is_sent:
            self._watch(connection, selectors.EVENT_WRITE)
        elif connection.is_kept and not connection.sock.has_gone and not connection.sock.is_broken:
            self._await_the_next(connection)
        else:
            self._close(connection)

    def _await_the_next(self, connection: Connection) -> None:
        connection.state, connection.request, connection.looked_at = State.READING, None, 0
        connection.deadline = time.monotonic() + (self.cfg.keepalive if self.alive else LAST_REQUEST_WITHIN)
        connection.sock.renew()
        self._connections[connection] = self._connections.pop(connection)
        self._watch(connection)
        if connection.received.held:  # sent before it had our answer
            self._advance(connection)

    def _refuse(self, connection: Connection, refused: Refused) -> None:
        connection.is_kept, connection.request = False, None
        connection.state, connection.deadline = State.SENDING, time.monotonic() + ANSWER_TAKEN_WITHIN
        with suppress(OSError):
            connection.sock.sendall(_answer(refused))
        self._send(connection)

    def _close(self, connection: Connection) -> None:
        try:
            connection.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(connection)
            return
        connection.state, connection.deadline = State.CLOSING, time.monotonic() + LINGERS
        self._watch(connection)

    def _drop(self, connection: Connection) -> None:
        if self._connections.pop(connection, self) is not self:
            self._unwatch(connection)
            connection.sock.has_gone = True
            connection.socket.close()
            self.nr_conns -= 1

    # gunicorn's loop calls these once a round.

    def murder_keepalived(self, force: bool = False) -> None:
        now = time.monotonic()
        if now < self._looks_at and not force:
            return
        self._looks_at = now + DEADLINES_LOOKED_AT_EVERY
        for connection in list(self._connections):
            if not force and (connection.deadline is None or connection.deadline > now):
                continue
            if connection.state is State.READING and not connection.is_idle and not force:
                self._refuse(
                    connection, Refused(HTTPStatus.REQUEST_TIMEOUT, "slow", "The rest did not come.")
                )
            elif connection.state is not State.HANDLED:
                self._drop(connection)

    def murder_pending(self) -> None:
        pass

    def _cap_keepalive(self, deadline: float) -> None:
        for connection in self._connections:
            if connection.is_idle:
                connection.deadline = min(deadline, time.monotonic() + LAST_REQUEST_WITHIN)

    # In a thread

    def handle(self, conn: Connection) -> bool:
        """Whether the connection is kept open for another request."""
        try:
            return bool(self.handle_request(conn.request, conn))
        except (OSError, StopIteration):
            return False  # the client has gone, or the answer broke off and gunicorn has said why
        except Exception:
            self.log.exception("The server could not answer a request.")
            with suppress(OSError):
                conn.sock.sendall(_answer(BROKEN))
            return False


BROKEN = Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "bug", "Something broke on our side; it has been logged.")


def _refusal_of(error: Exception) -> Refused:
    """What is wrong with a request that gunicorn's parser does not take."""
    match error:
        case http_errors.LimitRequestLine():
            return Refused(HTTPStatus.REQUEST_URI_TOO_LONG, "url-too-long", "The request's URL is too long.")
        case http_errors.LimitRequestHeaders():
            return Refused(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                "head-too-large",
                "The request's head is too large.",
            )
        case http_errors.UnsupportedTransferCoding():
            return Refused(
                HTTPStatus.NOT_IMPLEMENTED, "unknown-coding", "That Transfer-Encoding is not understood here."
            )
        case http_errors.ExpectationFailed():
            return Refused(
                HTTPStatus.EXPECTATION_FAILED, "unknown-expectation", "Expect 100-continue, or nothing."
            )
    return Refused(HTTPStatus.BAD_REQUEST, "bad-http", "That is not HTTP as the standard has it.")


def _answer(refused: Refused) -> bytes:
    body = json.dumps(
        {
            "type": f"urn:greenroom:problem:{refused.kind}",
            "title": refused.status.phrase,
            "status": refused.status,
            "detail": refused.detail,
        }
    ).encode()
    headers = {
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **ALWAYS,
        **NOT_KEPT,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {refused.status.value} {refused.status.phrase}\r\n{head}\r\n".encode() + body


def _chunks(data: bytes, at: int) -> tuple[bool, int]:
    """Whether the last chunk is here, or one that is none and that the parser will refuse; and where to look on."""
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            return len(data) - at > HEAD_AT_MOST, at
        size = data[at:end].split(b";", 1)[0].rstrip(b" \t")
        if not CHUNK_SIZE.fullmatch(size):
            return True, at
        if int(size, 16) == 0:
            return data.find(b"\r\n\r\n", end) >= 0, at
        after = end + 2 + int(size, 16) + 2
        if after > len(data):
            return False, at
        at = after
