"""Where things are that settings only hint at: a socket whose path is short enough, an address seen from here."""

import hashlib
import os
import tempfile
from pathlib import Path

LONGEST_SOCKET_PATH = 100  # bytes: the kernel's limit is 104 on macOS, 108 on Linux, its final zero included


def redis_socket_in(var_dir: Path) -> Path:
    """Where the embedded Redis of that folder listens."""
    socket = var_dir.absolute() / "redis" / "redis.sock"
    if len(os.fsencode(socket)) <= LONGEST_SOCKET_PATH:
        return socket
    name = hashlib.sha256(os.fsencode(socket)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"greenroom-{os.getuid()}-{name}" / "redis.sock"


def as_seen_from_here(host: str) -> str:
    """The address by which a browser on this machine reaches what listens on `host`."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host
