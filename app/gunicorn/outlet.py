"""What gunicorn takes for the socket of an answer.  It never blocks: what the client does not take at once is kept."""

import errno
import socket
from collections.abc import Callable

UNSENT_AT_MOST = 256 * 1024  # bytes of a stream that its client does not read


class Outlet:
    """Where an answer is written: by a thread, into memory; and by the main loop, into the socket."""

    def __init__(self, sock: socket.socket, is_serving: Callable[[], bool]) -> None:
        self._socket, self._is_serving = sock, is_serving
        self._unsent: list[memoryview] = []
        self._is_fresh = True
        self.is_broken = False
        self.has_gone = False

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for the answer: not if the client has hung up, or this process is to end."""
        return not self.has_gone and self._is_serving()

    def say_continue(self) -> None:
        """Let a client that asks first (Expect: 100-continue) send its body.  Raises OSError if it has gone."""
        self.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.flush()
        self.renew()

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
