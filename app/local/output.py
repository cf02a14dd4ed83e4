"""What the supervisor shows and keeps of its processes' lines."""

import contextlib
import os
import re
import sys
from collections import deque
from pathlib import Path
from typing import TextIO

LARGEST_LOG = 10_000_000  # bytes; then it becomes NAME.log.1, and the one before that is dropped
LAST_LINES = 30  # of each process, shown when it cannot be kept running
LONGEST_LINE = 20_000  # characters

_COLOURS = (36, 32, 35, 34, 96, 92, 95, 94)
_LEVEL = re.compile(r"[0-9:.]+ (warning|error|critical)")
_LEVEL_COLOURS = {"warning": 33, "error": 31, "critical": 31}


class Output:
    """The terminal, or a pipe in its place.  A closed one is ignored: the processes go on."""

    def __init__(self, names: list[str], stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._width = max(map(len, [*names, "greenroom"]))
        self._is_terminal = self._stream.isatty()
        self._colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(names)}

    @property
    def is_terminal(self) -> bool:
        return self._is_terminal

    def line(self, name: str, text: str) -> None:
        """Print one line of a process."""
        text = _harmless(text)
        if self._is_terminal and (level := _LEVEL.match(text)):
            text = f"\033[{_LEVEL_COLOURS[level[1]]}m{text}\033[0m"
        self.write(f"{self._painted(name)} | {text}\n")

    def say(self, text: str) -> None:
        """Print a line of the supervisor's own."""
        self.line("greenroom", text)

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # the terminal was closed, or its pipe
            self._stream.write(text)
            self._stream.flush()

    def _painted(self, name: str) -> str:
        text = f"{name:<{self._width}}"
        colour = self._colours.get(name, 1)
        return f"\033[{colour}m{text}\033[0m" if self._is_terminal else text


class Log:
    """One process's lines, in a file and the last few in memory."""

    def __init__(self, path: Path) -> None:
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        self.path = path
        self._file = self._open()

    def write(self, line: str) -> None:
        self.last.append(line)
        with contextlib.suppress(OSError):  # a full disk must not stop a call
            if self._file.tell() > LARGEST_LOG:
                self._file.close()
                self.path.replace(self.path.with_suffix(".log.1"))
                self._file = self._open()
            self._file.write(line + "\n")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()

    def _open(self) -> TextIO:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        return open(os.open(self.path, flags, 0o600), "a", encoding="utf-8", buffering=1)


def _harmless(text: str) -> str:
    """Without characters that would move the cursor, whatever a process prints."""
    return (
        text if text.isprintable() else "".join(char for char in text if char.isprintable() or char == "\t")
    )
