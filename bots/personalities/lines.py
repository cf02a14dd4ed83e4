"""On which line of a TOML file a key stands: tomllib reads values and does not say where they were."""

import re

Path = tuple[str, ...]  # a key below its tables, as in ("prompts", "goodbye")

_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_KEYS = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_TABLE = re.compile(rf"\s*\[\[?\s*({_KEYS})\s*\]")
_ENTRY = re.compile(rf"\s*({_KEYS})\s*=")
_LONG_QUOTES = ('"""', "'''")


def lines_of(text: str) -> dict[Path, int]:
    """Where each table and each key begins.  Keys within braces are not listed: `line_of` finds what holds them."""
    found: dict[Path, int] = {}
    table: Path = ()
    quotes = ""  # those that a text of several lines, which began above, ends with
    for number, line in enumerate(text.splitlines(), 1):
        if quotes:
            if line.count(quotes) % 2:
                quotes = ""
            continue
        if header := _TABLE.match(line):
            table = _path(header[1])
            found.setdefault(table, number)
        elif entry := _ENTRY.match(line):
            found.setdefault((*table, *_path(entry[1])), number)
        quotes = next((each for each in _LONG_QUOTES if line.count(each) % 2), "")
    return found


def line_of(path: Path, lines: dict[Path, int]) -> int:
    """The line of a key, or of the nearest table that should hold it; 1 if there is none."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _path(keys: str) -> Path:
    return tuple(key.strip("\"'") for key in re.findall(_KEY, keys))
