"""Requests for streams of events, passed on to the process that serves them: none holds a thread of this one.

A thread opens the connection there and sends the request's head, which takes milliseconds; from then on the main loop
carries bytes.  So one port is all that a client needs to know, and its headers go along as they are.
"""

import re
import socket
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from greenroom.app.gunicorn.refusals import Refused

CONNECT_WITHIN = 2.0  # seconds
RELAYED_AT_MOST = 250  # streams in a process, so that others find a connection
STREAM = "text/event-stream"
ALL, SESSION, EVENTS = "/events", "/sessions/", "/events"

AWAY = Refused(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "events-away",
    "The process that streams events does not answer; come back in a second with Last-Event-ID.",
    {"Retry-After": "1"},
)
FULL = Refused(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "too-many-relayed",
    "So many streams go through this port already; the events process takes thousands at its own.",
    {"Retry-After": "5"},
)


def is_for_events(request: Any) -> bool:
    """Whether gunicorn's request is for a stream: for all events, or for a session's that shall not be JSON."""
    path: str = request.path
    if request.method != "GET":
        return False
    if path == ALL:
        return True
    if not (path.startswith(SESSION) and path.endswith(EVENTS) and path.count("/") == SESSION.count("/") + 1):
        return False
    wanted = _qualities(",".join(value for name, value in request.headers if name == "ACCEPT"))
    json = max((wanted.get(kind, 0.0) for kind in ("application/json", "application/*", "*/*")), default=0.0)
    return wanted.get(STREAM, 0.0) > json


def _qualities(accept: str) -> dict[str, float]:
    """How much each type of an Accept header is wanted; what cannot be read is not."""
    found = {}
    for part in accept.split(","):
        kind, _, parameters = part.partition(";")
        quality = re.search(r"(?:^|;)\s*q=([01](?:\.\d{0,3})?)\s*(?:;|$)", parameters)
        found[kind.strip().lower()] = float(quality[1]) if quality else 1.0
    return found


def connection_to(url: str, request: Any) -> socket.socket:
    """A connection on which the request has been sent.  Raises OSError."""
    where = urlsplit(url)
    port = where.port or (443 if where.scheme == "https" else 80)
    upstream = socket.create_connection((where.hostname, port), CONNECT_WITHIN)
    try:
        upstream.sendall(_head(request))
    except OSError:
        upstream.close()
        raise
    upstream.setblocking(False)
    return upstream


def _head(request: Any) -> bytes:
    """The request as its client has sent it, without what is said between us and the client alone."""
    hop_by_hop = {
        "CONNECTION",
        "KEEP-ALIVE",
        "TE",
        "TRAILER",
        "TRANSFER-ENCODING",
        "UPGRADE",
        "CONTENT-LENGTH",
    }
    lines = [f"GET {request.uri} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers if name not in hop_by_hop]
    return ("\r\n".join([*lines, "Connection: close", "", ""])).encode("latin-1")
