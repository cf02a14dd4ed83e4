"""Whether the ports that the processes will listen on can be had, before anything is started."""

import errno
import socket

from greenroom.app.errors.families import Conflict
from greenroom.app.settings import Settings


class PortTaken(Conflict):
    """A port that we need is taken."""

    kind = "port-taken"


def check_ports(settings: Settings, names: list[str]) -> None:
    """Raises PortTaken, with a line for each port that cannot be had."""
    wanted = {
        "web": (settings.host, "PORT", settings.port),
        "flower": (settings.flower_host, "FLOWER_PORT", settings.flower_port),
        "events": (settings.events_host, "EVENTS_PORT", settings.events_port),
        "livekit": ("127.0.0.1", "LIVEKIT_PORT", settings.livekit_port),
    }
    problems = [
        problem
        for name, (host, setting, port) in wanted.items()
        if name in names and (problem := _why_not(host, setting, port))
    ]
    if problems:
        raise PortTaken("\n".join(problems))


def _why_not(host: str, setting: str, port: int) -> str | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind(address)
            attempt.listen(1)
    except socket.gaierror:
        return f"HOST is '{host}', which is no address of this machine."
    except OSError as error:
        match error.errno:
            case errno.EADDRINUSE:
                return f"Port {port} is taken by another program; choose one, as in {setting}={port + 10}."
            case errno.EACCES:
                return f"Port {port} is not for everybody; set {setting} to one above 1023."
            case errno.EADDRNOTAVAIL:
                return f"HOST is '{host}', which is no address of this machine."
            case _:
                return f"Port {port} ({setting}) on {host} cannot be had: {error.strerror}."
    return None
