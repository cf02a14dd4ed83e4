"""The demo's script: which answer is given to what, and which tool is called for it, from `script.toml`."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from greenroom.bots.personalities.known import OUR_TOOLS

FILE = Path(__file__).parent / "script.toml"
PLACE = re.compile(r"\{([^{}]*)\}")
ANSWERS, SMALL_TALK = "answer", "small_talk"

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


class ScriptError(Exception):
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
    """That which comes with Greenroom.  Raises ScriptError."""
    return read(FILE)


def read(path: Path) -> Script:
    """Raises ScriptError, which says all that is wrong."""
    text = path.read_text("utf-8")
    try:
        described = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScriptError(f"{path.name}: {error}") from error
    wrong = [
        f"{path.name}:1: {name} is no table of a script." for name in described.keys() - {ANSWERS, SMALL_TALK}
    ]
    for table in (ANSWERS, SMALL_TALK):
        entries = described.get(table, [])
        if not isinstance(entries, list) or not entries:
            wrong.append(f"{path.name}:1: there must be at least one [[{table}]].")
            continue
        for line, entry in zip(_lines(text, table), entries, strict=False):
            wrong += [f"{path.name}:{line}: {each}" for each in _wrong_with(entry)]
    if wrong:
        raise ScriptError("\n".join(wrong))
    return Script(*(tuple(map(_made, described[table])) for table in (ANSWERS, SMALL_TALK)))


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
    if (tool := entry.get("tool")) is not None and tool not in OUR_TOOLS:
        yield f"there is no tool {tool!r}; there are {', '.join(OUR_TOOLS)}."
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
