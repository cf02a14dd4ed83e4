"""Who may reach this server through a browser, and what a browser may do with an answer.

A page elsewhere whose name is made to lead here (DNS rebinding) would count as ours: so a request names a host that
this server answers for.  Pages of other origins call the API if ALLOWED_ORIGINS has theirs; what they show is a key
or a token, never a cookie, so no answer ever allows credentials.
"""

import re
import socket
from collections.abc import Mapping
from ipaddress import ip_address

from flask import Flask, Response, current_app, request

from greenroom.app.errors.callers import UnknownHost
from greenroom.app.settings import Settings

# On every answer, whatever it is.
ALWAYS: Mapping[str, str] = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
NOT_KEPT: Mapping[str, str] = {"Cache-Control": "no-store"}  # answers hold tokens and what people have done
NO_PAGE: Mapping[str, str] = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
EVERY = (*ALWAYS.items(), *NOT_KEPT.items(), *NO_PAGE.items())
LOCAL_PORTS = (3000, 3001, 4173, 5173, 5174)  # those of `next dev`, `vite` and `vite preview`
FOR_MACHINES = ("/livez", "/readyz")  # a load balancer sends any Host header, so these answer all of them
HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")

PREFLIGHT: Mapping[str, str] = {
    "Access-Control-Allow-Methods": "GET, POST, PATCH",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID",
    "Access-Control-Max-Age": "600",
}


def register(app: Flask) -> None:
    """Check a request's host before any other code reads the request."""
    app.before_request(_refuse_unknown_host)
    app.before_request(_answer_preflight)
    app.after_request(_add)


def answers_for(settings: Settings, host: str) -> bool:
    """Whether a request may be for this host: by default for an address, this machine's names, and HOST.

    An address is what it says; a name can be made to lead anywhere.
    """
    match = HOST.fullmatch(host)
    if match is None:
        return False
    name = match[1].strip("[]").lower().removesuffix(".")
    return _is_address(name) or any(
        name == allowed or (allowed.startswith("*.") and name.endswith(allowed[1:])) or allowed == "*"
        for allowed in (
            *settings.allowed_hosts,
            settings.host.lower(),
            "localhost",
            "*.localhost",
            socket.gethostname().lower(),
        )
    )


def allows_origin(settings: Settings, origin: str) -> bool:
    """Whether a page of that origin may call.  On a laptop: also what the usual tools serve in development."""
    if settings.allowed_origins:
        return origin in settings.allowed_origins or "*" in settings.allowed_origins
    if not settings.is_on_this_machine_alone:
        return False
    return origin in {f"http://{host}:{port}" for host in ("localhost", "127.0.0.1") for port in LOCAL_PORTS}


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _settings() -> Settings:
    settings: Settings = current_app.extensions["greenroom"].settings
    return settings


def _refuse_unknown_host() -> None:
    host = request.environ.get("HTTP_HOST")
    if host is None or request.path in FOR_MACHINES:
        return
    if not answers_for(_settings(), host):
        raise UnknownHost


def _answer_preflight() -> Response | None:
    """Answer the question that a browser sends, without a key, before a page of another origin may call."""
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
        return None
    is_allowed = allows_origin(_settings(), request.headers.get("Origin", ""))
    return Response(status=204, headers=PREFLIGHT if is_allowed else {})


def _add(response: Response) -> Response:
    there = {name.lower() for name, _ in response.headers}
    response.headers.extend([pair for pair in EVERY if pair[0].lower() not in there])
    if "vary" in there:
        response.vary.add("Origin")
    else:
        response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin is not None and allows_origin(_settings(), origin):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = "Retry-After"
    return response
