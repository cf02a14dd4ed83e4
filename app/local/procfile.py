"""The Procfile: a line for each process, `name: command`."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from greenroom.app.errors.families import Rejected


class BadProcfile(Rejected):
    """The Procfile cannot be read; each line must be as in `name: command`."""

    kind = "bad-procfile"


@dataclass(frozen=True)
class Entry:
    """One process to run."""

    name: str
    command: tuple[str, ...]


def read(path: Path) -> list[Entry]:
    """Raises BadProcfile, which names the line."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise BadProcfile(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeError as error:
        raise BadProcfile(f"{path} cannot be read: it is not UTF-8.") from error
    entries = [
        _entry(line, f"{path}, line {number}")
        for number, line in enumerate(lines, 1)
        if _says_something(line)
    ]
    names = [entry.name for entry in entries]
    if not entries:
        raise BadProcfile(f"{path} lists no process.")
    if len(set(names)) < len(names):
        raise BadProcfile(f"{path} lists a name twice.")
    return entries


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _entry(line: str, where: str) -> Entry:
    parts = re.fullmatch(r"([A-Za-z0-9_-]+):\s*(\S.*)", line.strip())
    if not parts:
        raise BadProcfile(f"{where} is not as in `name: command`.")
    try:
        return Entry(parts[1], tuple(shlex.split(parts[2])))
    except ValueError as error:
        raise BadProcfile(f"{where}: {error}.") from error
