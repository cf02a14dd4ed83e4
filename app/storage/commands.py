"""What Redis is sent: commands as data, and the scripts that some of them run.

`ledger.py` and `async_ledger.py` send them; nothing here talks to Redis, so no step is written twice.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from redis.exceptions import ResponseError

from greenroom.app.rooms.ledger import Step

SCRIPTS = {
    path.stem: path.read_text() for path in sorted((Path(__file__).parent / "scripts").glob("*/*.lua"))
}
SHAS = {
    name: hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest() for name, source in SCRIPTS.items()
}
log = structlog.get_logger(__name__)
Reply = Any  # what redis-py returns: str, int, list, or None


@dataclass(frozen=True)
class Call:
    """One Redis command; `script` is set where it is one of ours."""

    args: tuple[str | int | float, ...]
    script: str | None = None


@dataclass(frozen=True)
class Command:
    """What carries one step."""

    calls: tuple[Call, ...]
    read: Callable[[list[Reply]], Any]


def script(name: str, key_names: Sequence[str], *args: str | int | float) -> Call:
    return Call((len(key_names), *key_names, *args), script=name)


def by_sha(call: Call) -> tuple[str | int | float, ...]:
    """A call as it is normally sent: a script by its hash alone."""
    return ("EVALSHA", SHAS[call.script], *call.args) if call.script else call.args


def by_source(call: Call) -> tuple[str | int | float, ...]:
    """A script with its source, for a Redis that does not know it yet; it does afterwards."""
    assert call.script is not None
    return ("EVAL", SCRIPTS[call.script], *call.args)


def note_refusal(error: Exception) -> None:
    """A Redis that answers, and refuses, is full, read-only, or met a bug in a script: somebody must know."""
    if isinstance(error, ResponseError):
        log.error("redis_refused", because=str(error))


def ms(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


def dumps(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def nothing(_: list[Reply]) -> None:
    return None


def pairs(flat: Sequence[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def entries(reply: Reply) -> list[tuple[str, dict[str, str]]]:
    """The entries of the one stream that was read; redis-py's shape differs between protocols."""
    if not reply:
        return []
    entries = next(iter(reply.values()))[0] if isinstance(reply, dict) else reply[0][1]
    return [(entry[0], entry[1] if isinstance(entry[1], dict) else pairs(entry[1])) for entry in entries]


def read_stream(key: str, after: str, wait: timedelta) -> Call:
    block = ("BLOCK", max(1, ms(wait))) if wait else ()  # BLOCK 0 would wait for ever
    return Call(("XREAD", *block, "STREAMS", key, after))


Encoders = Mapping[type[Step[Any]], Callable[[Any], Command]]  # each takes the step that it stands at
