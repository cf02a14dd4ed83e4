"""The LiveKit server that `LIVEKIT=1` brings along: rooms for several people on one machine, without an account.

It listens on this machine alone; its secret and its configuration are kept in
VAR_DIR, and it tells our own web process who comes and goes.
"""

import http.client
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any, NoReturn

from greenroom.app.errors.families import GreenroomError
from greenroom.app.settings import Settings

HERE = "127.0.0.1"
ASK_WITHIN = 2.0  # seconds


class NoLiveKitServer(GreenroomError):
    """LIVEKIT is on and there is no livekit-server to start: run scripts/install-livekit, or set LIVEKIT_URL."""

    kind = "no-livekit-server"


def become_livekit(settings: Settings) -> NoReturn:
    """Turn this process into the LiveKit server.  Raises NoLiveKitServer."""
    command = prepare(settings)
    os.execv(command[0], command)


def prepare(settings: Settings) -> list[str]:
    """The command that starts it, once its configuration is written.  Raises NoLiveKitServer."""
    kept_in = settings.var_dir / "livekit"
    kept_in.mkdir(mode=0o700, parents=True, exist_ok=True)
    told = configuration(
        settings.livekit_port,
        {settings.livekit_api_key: settings.livekit_api_secret},
        webhook=f"{settings.address}/webhooks/livekit",
        level="warn" if settings.log_level == "INFO" else settings.log_level.lower(),
    )
    path = kept_in / "config.json"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(told, file, indent=2)
    return [str(binary()), "--config", str(path)]  # JSON is YAML, which it reads


def configuration(
    port: int, keys: dict[str, str], *, webhook: str | None = None, level: str = "warn"
) -> dict[str, Any]:
    """A server on three ports from `port` on: for clients, for media over TCP, and for media over UDP."""
    told: dict[str, Any] = {
        "port": port,
        "bind_addresses": [HERE],
        "rtc": {
            "node_ip": HERE,
            "use_external_ip": False,
            "enable_loopback_candidate": True,
            "tcp_port": port + 1,
            "udp_port": port + 2,
        },
        "keys": keys,
        "logging": {"level": {"warning": "warn", "critical": "error"}.get(level, level), "json": True},
    }
    if webhook:
        told["webhook"] = {"api_key": next(iter(keys)), "urls": [webhook]}
    return told


def binary() -> Path:
    """Where the server is: where scripts/install-livekit leads to, or in PATH.  Raises NoLiveKitServer."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("livekit-server", path=beside) or shutil.which("livekit-server")
    if found is None:
        raise NoLiveKitServer
    return Path(found)


def answers(port: int) -> bool:
    """Whether a server there takes clients."""
    connection = http.client.HTTPConnection(HERE, port, timeout=ASK_WITHIN)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
