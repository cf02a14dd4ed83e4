"""The demo's script: which answer is given to what, and which tool is called for it.

It is `script.toml`, and before that the file that DEMO_SCRIPT names, where there is one.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from greenroom.app import settings
from greenroom.app.settings import SettingsError
from greenroom.bots.personalities.known import tools

FILE = Path(__file__).parent / "speech" / "demo" / "script.toml"
PLACE = re.compile(r"\{([^{}]*)\}")
TABLES = ANSWERS, SMALL_TALK = "answer", "small_talk"

KNOWN = frozenset(
    {
        "name",
        "persona",
        "time",
        "date",
        "last_said",
        "asked",
        "sum",
        "countdown",
        "remembered",
        "what_happened",
    }
)
NOTHING = "nothing of them"  # a condition: that their name is not known
RETURNED = frozenset({"text", "titles", "error"})  # by a tool
KEYS: Mapping[str, type] = {
    "when": list,
    "say": str,
    "alone": bool,
    "if_known": str,
    "tool": str,
    "with": dict,
    "refused": str,
}


class ScriptError(SettingsError):
    """Something in a script cannot be followed: each with its file and line."""


@dataclass(frozen=True)
class Entry:
    """One answer, and what it is an answer to."""

    when: Sequence[re.Pattern[str]]
    say: str
    alone: bool = False
    if_known: str | None = None
    tool: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    refused: str = ""

    def match(self, asked: str) -> re.Match[str] | None:
        return next((found for each in self.when if (found := each.search(asked))), None)


@dataclass(frozen=True)
class Script:
    answers: Sequence[Entry]
    small_talk: Sequence[Entry]


@cache
def script() -> Script:
    """That of this process.  Raises ScriptError."""
    return with_own(settings.read().demo_script)


def with_own(path: Path | None) -> Script:
    """That which comes with Greenroom, behind the answers of one's own file.  Raises ScriptError."""
    ours = read(FILE)
    if path is None:
        return ours
    own = read(path)
    return Script((*own.answers, *ours.answers), (*own.small_talk, *ours.small_talk))


def read(path: Path) -> Script:
    """Raises ScriptError, which says all that is wrong."""
    try:
        text = path.read_text("utf-8-sig")
        described = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError([f"{path.name}:1: It cannot be read: {error}."]) from error
    except tomllib.TOMLDecodeError as error:
        raise ScriptError([f"{path.name}: {error}"]) from error
    if wrong := list(_wrong_in(path.name, text, described)):
        raise ScriptError(wrong)
    return Script(*(tuple(map(_made, described.get(table, ()))) for table in TABLES))


def _wrong_in(name: str, text: str, described: Mapping[str, Any]) -> Iterator[str]:
    """All that is wrong with a script, with file and line."""
    for table in sorted(described.keys() - set(TABLES)):
        yield f"{name}:1: {table} is no table of a script; there are [[{']] and [['.join(TABLES)}]]."
    if not described.keys() & set(TABLES):
        yield f"{name}:1: there must be at least one [[{ANSWERS}]]."
    for table in described.keys() & set(TABLES):
        entries = described[table]
        if not isinstance(entries, list) or not all(isinstance(each, Mapping) for each in entries):
            yield f"{name}:1: {table} must be written as [[{table}]], once for each answer."
            continue
        for line, entry in zip(_lines(text, table), entries, strict=False):
            yield from (f"{name}:{line}: {each}" for each in _wrong_with(entry))


def _lines(text: str, table: str) -> list[int]:
    header = re.compile(rf"\s*\[\[\s*{table}\s*\]\]")
    return [number for number, line in enumerate(text.splitlines(), 1) if header.match(line)]


def _wrong_with(entry: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(entry.keys() - KEYS.keys()):
        yield f"{name} is no key of an answer; there are {', '.join(KEYS)}."
    for name, kind in KEYS.items():
        if name in entry and not isinstance(entry[name], kind):
            yield f"{name} must be a {kind.__name__}."
            return
    if not entry.get("when") or not entry.get("say"):
        yield "an answer needs when and say."
        return
    groups = []
    for pattern in entry["when"]:
        try:
            groups.append(_compiled(pattern).groups)
        except (re.error, TypeError) as error:
            yield f"{pattern!r} is no regular expression: {error}."
            return
    if (tool := entry.get("tool")) is not None and tool not in tools():
        yield f"there is no tool {tool!r}; there are {', '.join(tools())}."
    if tool is None and ("with" in entry or "refused" in entry):
        yield "with and refused are of a tool, and there is none."
    if (condition := entry.get("if_known")) is not None and condition not in {*KNOWN, NOTHING}:
        yield f"if_known is {condition!r}; it must be one of {', '.join(sorted(KNOWN))}."
    known = KNOWN | {str(number) for number in range(1, min(groups) + 1)}
    arguments = [each for each in entry.get("with", {}).values() if isinstance(each, str)]
    for text in arguments:
        yield from _unknown_in(text, known)
    for text in (entry["say"], entry.get("refused", "")):
        yield from _unknown_in(text, known | RETURNED if tool else known)


def fill(text: str, known: Mapping[str, str]) -> str:
    """The text with what is known in its places; what is put there is words, whatever stands in it."""
    return PLACE.sub(lambda place: known[place[1]], text)


def _unknown_in(text: str, known: frozenset[str]) -> Iterator[str]:
    if {"{", "}"} & set(PLACE.sub("", text)):
        yield f"{text!r} has a brace that is no part of a place, as in {{name}}."
    for name in sorted(set(PLACE.findall(text)) - known):
        yield f"{{{name}}} is not known there; there are {', '.join(sorted(known))}."


def _made(entry: Mapping[str, Any]) -> Entry:
    return Entry(
        when=tuple(map(_compiled, entry["when"])),
        say=entry["say"],
        alone=entry.get("alone", False),
        if_known=entry.get("if_known"),
        tool=entry.get("tool"),
        arguments=entry.get("with", {}),
        refused=entry.get("refused", ""),
    )


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)" if "^" not in pattern else pattern, re.IGNORECASE)
