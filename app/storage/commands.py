"""What Redis is sent: commands as data, and the scripts that some of them run.

`ledger.py` and `async_ledger.py` send them; nothing here talks to Redis, so no step is written twice.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from redis.exceptions import NoScriptError, ResponseError

from greenroom.app.errors.families import GreenroomError
from greenroom.app.rooms.ledger import Step

FOLDER = Path(__file__).parent / "scripts"
SOURCES = {path.stem: path.read_text() for path in sorted(FOLDER.glob("*/*.lua"))}
COMMON = (FOLDER / "_common.lua").read_text()
# Redis knows all scripts of one version or none, since each script ends with this hash of all of them.  One that two
# versions shared could be known to Redis while those sent with it are not.
_VERSION = hashlib.sha1("".join([COMMON, *SOURCES.values()]).encode(), usedforsecurity=False).hexdigest()
SCRIPTS = {name: f"{COMMON}{source}-- of the scripts {_VERSION}\n" for name, source in SOURCES.items()}
SHAS = {
    name: hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest() for name, source in SCRIPTS.items()
}
_ENCODER = json.JSONEncoder(separators=(",", ":"))  # json.dumps would make one for each value
log = structlog.get_logger(__name__)
Reply = Any  # what redis-py returns: str, int, list, or None


@dataclass(frozen=True)
class Call:
    """One Redis command; `script` is set where it is one of ours."""

    args: tuple[str | int | float, ...]
    script: str | None = None


@dataclass(frozen=True)
class Command:
    """The Redis commands of one step, and how their replies are read."""

    calls: tuple[Call, ...]
    read: Callable[[list[Reply]], Any]


Argument = str | int | float
_PARAMETER = re.compile(r"^-- (KEYS|ARGV)\[\d+(\.\.\.)?\] +(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Header:
    """The names that a script's header gives its keys and its arguments, in order; the last may stand for several."""

    keys: Mapping[str, bool]  # name -> whether it stands for several
    arguments: Mapping[str, bool]

    @classmethod
    def of(cls, source: str) -> "Header":
        found = _PARAMETER.findall(source)
        keys, arguments = (
            {name: bool(several) for table, several, name in found if table == which}
            for which in ("KEYS", "ARGV")
        )
        return cls(keys, arguments)


HEADERS = {name: Header.of(source) for name, source in SOURCES.items()}


def script(
    name: str, keys: Mapping[str, str | Sequence[str]], /, **arguments: Argument | Sequence[Argument]
) -> Call:
    """A script's call; its keys and arguments are put in the order of its header.

    Raises TypeError for a name that the header has and the call has not, or the other way round.
    """
    header = HEADERS[name]
    bound = _bound(name, header.keys, keys)
    return Call((len(bound), *bound, *_bound(name, header.arguments, arguments)), script=name)


def _bound(name: str, parameters: Mapping[str, bool], given: Mapping[str, Any]) -> list[Any]:
    if given.keys() != parameters.keys():
        raise TypeError(f"{name} takes {', '.join(parameters)}, and was given {', '.join(given)}")
    values: list[Any] = []
    for parameter, is_several in parameters.items():
        if is_several:
            values += given[parameter]
        else:
            values.append(given[parameter])
    return values


def by_sha(call: Call) -> tuple[str | int | float, ...]:
    """A call as it is sent: a script by its hash alone."""
    return ("EVALSHA", SHAS[call.script], *call.args) if call.script else call.args


LOAD = "SCRIPT LOAD"
LOADING = tuple(Call((LOAD, source)) for source in SCRIPTS.values())


def is_transaction(calls: Sequence[Call]) -> bool:
    """Whether calls are sent as one transaction: where one of them writes, which only scripts do.

    Reads are sent without: Redis serves nobody else during a transaction, and a read in it could not wait.
    """
    return len(calls) > 1 and any(call.script or call.args[0] == LOAD for call in calls)


def scripts_are_unknown(replies: Sequence[Reply]) -> bool:
    """Whether Redis has not got our scripts: it was started anew, or they were flushed."""
    return any(isinstance(reply, NoScriptError) for reply in replies)


def are_undone(calls: Sequence[Call], replies: Sequence[Reply]) -> bool:
    """Whether no script of a batch ran: nothing was written then, and the whole batch can be sent again."""
    return all(
        isinstance(reply, NoScriptError) for call, reply in zip(calls, replies, strict=True) if call.script
    )


def results_of(commands: Sequence[Command], replies: Sequence[Reply]) -> list[Any]:
    """Each step's result, or in its place the refusal.  Raises the first error that is Redis's own."""
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    left = iter(replies)
    return [_result(command, [next(left) for _ in command.calls]) for command in commands]


def _result(command: Command, replies: list[Reply]) -> Any:
    try:
        return command.read(replies)
    except GreenroomError as error:
        return error


def note_refusal(error: Exception) -> None:
    """Log an error that Redis answered with: it is full or read-only, or a script has a bug; an operator must act."""
    if isinstance(error, ResponseError):
        log.error("redis_refused", because=str(error))


def ms(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


def dumps(value: object) -> str:
    return _ENCODER.encode(value)


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


Encoders = Mapping[
    type[Step[Any]], Callable[[Any], Command]
]  # a step's class -> what makes a command of such a step
