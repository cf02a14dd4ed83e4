"""Ports for the servers of tests, which no other process takes between the choice and the start.

A port that the system picks (bind to 0) is free until it is closed, and then anybody's: two test processes that run
beside each other are given the same one now and then, and so is any connection that goes out.
"""

import fcntl
import itertools
import os
import socket
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

FIRST, LAST = 10_000, 32_000  # below those that systems give to connections which go out
BLOCK = 200  # ports a test process has for itself
LOCKS = Path(tempfile.gettempdir()) / f"greenroom-test-ports-{os.getuid()}"


def free_port() -> int:
    return free_ports(1)


def free_ports(count: int) -> int:
    """The first of so many ports in a row that are free, for TCP and UDP."""
    handed_out = _block()
    for _ in range(BLOCK):
        ports = list(itertools.islice(handed_out, count))
        if ports == list(range(ports[0], ports[0] + count)) and all(_is_free(port) for port in ports):
            return ports[0]
    raise AssertionError(f"{BLOCK} ports from {FIRST} on are all taken.")


@cache
def _block() -> Iterator[int]:
    """The ports of this process, over and over; no other process has them while this one lives."""
    LOCKS.mkdir(exist_ok=True)
    for first in range(FIRST, LAST, BLOCK):
        lock = os.open(LOCKS / str(first), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return itertools.cycle(range(first, first + BLOCK))
    raise AssertionError("More test processes run on this machine than there are blocks of ports for.")


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(type=kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
