"""gunicorn's threaded worker, in which no client can hold a thread: only what the product waits for does.

The main loop reads each request to its end before a thread gets it, and sends what a client did not take at once.
So a client that sends or reads slowly costs a socket until its deadline.  `/livez` has a thread of its own, and is
answered also when all others wait.
"""

import errno
import os
import selectors
import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.http import errors as http_errors
from gunicorn.workers.gthread import ThreadWorker

from greenroom.app import settings as app_settings
from greenroom.app.gunicorn.connection import REQUEST_WITHIN, Connection, State
from greenroom.app.gunicorn.refusals import BROKEN, SLOW, Refused, refusal_of
from greenroom.app.gunicorn.relay import AWAY, FULL, RELAYED_AT_MOST, connection_to, is_for_events

HEALTH = "/livez"
READ_AT_ONCE = 64 * 1024  # bytes
ANSWER_TAKEN_WITHIN = 30.0  # seconds for the part of an answer that the client did not take at once
LINGERS = 2.0  # seconds that a closed connection is read, so that the client gets the answer and no reset
DEADLINES_LOOKED_AT_EVERY = 0.25  # seconds; each look is at every connection
STREAM_BEGINS_WITHIN = 5.0  # seconds; a process that is stopped still takes connections, and never answers
STREAM_SILENT_AT_MOST = 45.0  # seconds; the events process beats three times in that
LAST_REQUEST_WITHIN = 1.0  # seconds after SIGTERM in which a connection that is kept open may send one more


class WholeRequests(ThreadWorker):
    """gunicorn's worker with a main loop that reads and writes."""

    def init_process(self) -> None:
        self._connections: dict[Connection, None] = {}  # the oldest first
        self._looks_at = 0.0
        self.events_url = app_settings.read().events_url
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
        elif connection.state is State.RELAYED:
            pass  # who listens has nothing to say
        elif connection.state is State.READING:
            if connection.is_idle:
                connection.deadline = time.monotonic() + REQUEST_WITHIN
            connection.incoming.feed(data)
            self._advance(connection)

    def _advance(self, connection: Connection) -> None:
        """Give the request to a thread if all of it is here."""
        try:
            is_whole = connection.incoming.is_whole()
        except Refused as refused:
            self._refuse(connection, refused)
        except (StopIteration, http_errors.NoMoreData):
            self._drop(connection)
        except Exception as error:  # whatever gunicorn's parser makes of it
            self._refuse(connection, refusal_of(error))
        else:
            if is_whole:
                connection.state, connection.deadline = State.HANDLED, None
                self.enqueue_req(connection)

    def enqueue_req(self, conn: Connection) -> None:
        if is_for_events(conn.incoming.request):
            self._begin_relay(conn)
            return
        pool = self._health if conn.incoming.request.path == HEALTH else self.tpool
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
        elif connection.state is State.RELAYED:
            self._watch(connection)
        elif connection.is_kept and not connection.sock.has_gone and not connection.sock.is_broken:
            self._await_the_next(connection)
        else:
            self._close(connection)

    def _await_the_next(self, connection: Connection) -> None:
        connection.state = State.READING
        connection.incoming.forget()
        connection.deadline = time.monotonic() + (self.cfg.keepalive if self.alive else LAST_REQUEST_WITHIN)
        connection.sock.renew()
        self._connections[connection] = self._connections.pop(connection)
        self._watch(connection)
        if connection.incoming.has_bytes:  # sent before it had our answer
            self._advance(connection)

    # Streams of events

    def _begin_relay(self, connection: Connection) -> None:
        if sum(each.state is State.RELAYED for each in self._connections) >= RELAYED_AT_MOST:
            self._refuse(connection, FULL)
            return
        self.tpool.submit(connection_to, self.events_url, connection.incoming.request).add_done_callback(
            lambda future: self.method_queue.defer(self._relay, connection, future)
        )

    def _relay(self, connection: Connection, found: "Future[socket.socket]") -> None:
        if found.cancelled() or found.exception() is not None:
            self._refuse(connection, AWAY)
            return
        if connection not in self._connections or connection.sock.has_gone:
            found.result().close()
            self._drop(connection)
            return
        connection.state, connection.upstream = State.RELAYED, found.result()
        connection.deadline = time.monotonic() + STREAM_BEGINS_WITHIN
        self.poller.register(connection.upstream, selectors.EVENT_READ, partial(self._carry, connection))
        self._watch(connection)

    def _carry(self, connection: Connection, upstream: socket.socket) -> None:
        if connection.upstream is not upstream:
            return  # ended by what came before it in this round
        try:
            data = upstream.recv(READ_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end_relay(connection)
            connection.is_kept = False
            connection.state, connection.deadline = State.SENDING, time.monotonic() + ANSWER_TAKEN_WITHIN
            self._send(connection)
            return
        connection.has_streamed, connection.deadline = True, time.monotonic() + STREAM_SILENT_AT_MOST
        try:
            connection.sock.sendall(data)  # raises for one who reads too slowly
        except OSError:
            self._drop(connection)
            return
        self._send(connection)

    def _end_relay(self, connection: Connection) -> None:
        if connection.upstream is not None:
            self.poller.unregister(connection.upstream)
            connection.upstream.close()
            connection.upstream = None

    def _refuse(self, connection: Connection, refused: Refused) -> None:
        connection.is_kept = False
        connection.incoming.forget()
        connection.state, connection.deadline = State.SENDING, time.monotonic() + ANSWER_TAKEN_WITHIN
        with suppress(OSError):
            connection.sock.sendall(refused.as_answer())
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
            self._end_relay(connection)
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
            if connection.state is State.RELAYED and not self.alive:
                self._end_relay(connection)  # its client comes back, to the next process
                self._close(connection)
                continue
            if not force and (connection.deadline is None or connection.deadline > now):
                continue
            if connection.state is State.READING and not connection.is_idle and not force:
                self._refuse(connection, SLOW)
            elif connection.state is State.RELAYED and not connection.has_streamed and not force:
                self._end_relay(connection)
                self._refuse(connection, AWAY)
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
            return bool(self.handle_request(conn.incoming.request, conn))
        except (OSError, StopIteration):
            return False  # the client has gone, or the answer broke off and gunicorn has said why
        except Exception:
            self.log.exception("The server could not answer a request.")
            with suppress(OSError):
                conn.sock.sendall(BROKEN.as_answer())
            return False
