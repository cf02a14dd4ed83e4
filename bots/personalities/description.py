"""What may stand in a personality's file: each key with its kind and its meaning, and what is wrong with one.

A problem is the key's path and a sentence that a person can act on; `reading.py` puts file and line before it.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import partial
from typing import Any

from greenroom.app.rooms.app_events import NAME as EVENT
from greenroom.app.rooms.brief import WORDS
from greenroom.app.speech import Part, names_for
from greenroom.bots.personalities import DemoVoice, known
from greenroom.bots.personalities.known import KINDS, SPEAKERS
from greenroom.bots.personalities.lines import Path

Problem = tuple[Path, str]
Check = Callable[[Path, Any], Iterator[Problem]]

LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?", re.ASCII)
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
LONGEST_NAME, LONGEST_SENTENCE, LONGEST_PROMPT = 64, 500, 8000  # characters, as in the API
LONGEST_DURATION = 24 * 3600  # seconds
CHANGED_LIVE = frozenset({"tools", "services", "app_events"})  # names of things that there must be


@dataclass(frozen=True)
class Key:
    """One key: how its value is checked, and what it is for."""

    check: Check
    about: str
    is_required: bool = False


def problems_of(described: Mapping[str, Any]) -> list[Problem]:
    """All that is wrong with what a file says."""
    return list(_table(KEYS, (), described))


def problems_with(changes: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with facts that a live bot shall be changed to."""
    for name in CHANGED_LIVE & changes.keys():
        if changes[name] is not None:
            yield from (problem for _, problem in KEYS[name].check((name,), changes[name]))


def _text(path: Path, value: Any, *, longest: int, lines: bool = False) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield path, f"{_name(path)} is {_kind(value)}; it must be a text in quotes."
    elif not value.strip():
        yield path, f"{_name(path)} is empty; it must say something."
    elif len(value) > longest:
        yield path, f"{_name(path)} has {len(value)} characters; it may have {longest}."
    elif CONTROL_CHARACTERS.search(value) or (not lines and len(value.strip().splitlines()) > 1):
        kept = "control characters" if lines else "control characters, on one line"
        yield path, f"{_name(path)} must be a text without {kept}."


def _language(path: Path, value: Any) -> Iterator[Problem]:
    if not isinstance(value, str) or not LANGUAGE.fullmatch(value):
        yield path, f'{_name(path)} is {value!r}; it must be a language as in "en" or "en-GB".'


def _number(path: Path, value: Any, *, low: float, high: float) -> Iterator[Problem]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield path, f"{_name(path)} is {_kind(value)}; it must be a number, without quotes."
    elif not low <= value <= high:
        yield path, f"{_name(path)} is {value:g}; it must be from {low:g} to {high:g}."


def _one_of(path: Path, value: Any, *, names: Collection[str], what: str) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield path, f"{_name(path)} has {_kind(value)}; it must be the name of a {what}, in quotes."
    elif value not in names:
        yield path, f"There is no {what} {value!r}{_meant(value, names)}; there are {', '.join(names)}."


def _names(path: Path, value: Any, *, names: Collection[str], what: str) -> Iterator[Problem]:
    if not isinstance(value, list):
        example = f'["{next(iter(names))}"]'
        yield path, f"{_name(path)} is {_kind(value)}; it must be a list of {what}s, as in {example}."
        return
    for each in value:
        yield from _one_of(path, each, names=names, what=what)


def _services(path: Path, value: Any, *, part: Part) -> Iterator[Problem]:
    """One, or several, the first choice first; each may name a model behind a slash."""
    several = value if isinstance(value, list) else [value]
    if not several or not all(isinstance(each, str) for each in several):
        yield path, f'{_name(path)} must be a service, or a list of them, as in ["deepgram", "openai"].'
        return
    for each in several:
        yield from _one_of(path, each.partition("/")[0], names=names_for(part), what=f"service for {part}")


def _event_types(path: Path, value: Any) -> Iterator[Problem]:
    if not isinstance(value, list) or not all(
        isinstance(each, str) and EVENT.fullmatch(each) for each in value
    ):
        yield path, f'{_name(path)} must be a list of names, as in ["page_opened"].'


def _tools(path: Path, value: Any) -> Iterator[Problem]:
    yield from _names(path, value, names=known.tools(), what="tool")


def _scalars(path: Path, value: Any) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield path, f"{_name(path)} is {_kind(value)}; it must be a table, as in [{_name(path)}]."
        return
    for name, each in value.items():
        if not isinstance(each, int | float | str):
            yield (
                (*path, name),
                f"{_name((*path, name))} is {_kind(each)}; it must be a text, a number, true or false.",
            )


def _table(keys: Mapping[str, Key], path: Path, value: Any) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield path, f"{_name(path)} is {_kind(value)}; it must be a table, as in [{_name(path)}]."
        return
    for name, key in keys.items():
        if name in value:
            yield from key.check((*path, name), value[name])
        elif key.is_required:
            yield path, f"{_name((*path, name))} is missing: {key.about}."
    for name in value.keys() - keys.keys():
        yield (*path, name), _unknown((*path, name), keys)


def _voices(path: Path, value: Any) -> Iterator[Problem]:
    """A voice for each service: only the demo's has parts that are known here."""
    yield from _table({name: VOICE.get(name, _VOICE_NAME) for name in SPEAKERS}, path, value)


def _unknown(path: Path, keys: Mapping[str, Key]) -> str:
    name, where = path[-1], f"[{_name(path[:-1])}]" if path[1:] else "a personality"
    if name in PROMPTS and not path[1:]:
        return f"{name} stands under [prompts], with all that the bot says by itself."
    if name in KEYS and path[1:]:
        return f"{name} stands above the first [table]: below [{_name(path[:-1])}] it is a part of that."
    return f"{name} is no key of {where}{_meant(name, keys)}; there are {', '.join(keys)}."


def _meant(name: str, names: Collection[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _name(path: Path) -> str:
    return ".".join(path)


def _kind(value: Any) -> str:
    kinds = {
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a table",
    }
    return kinds.get(type(value), "a date")


_name_text = partial(_text, longest=LONGEST_NAME)
_sentence = partial(_text, longest=LONGEST_SENTENCE)
_seconds = partial(_number, low=0, high=LONGEST_DURATION)

_VOICE_NAME = Key(_name_text, "a voice of that service, by its own name for it")
_DEMO_VOICE: Mapping[str, Key] = {
    each.name: Key(_name_text, "what callers name it by", is_required=True)
    if each.name == "name"
    else Key(partial(_number, low=0, high=1000), "how it sounds")
    for each in fields(DemoVoice)
}
VOICE: Mapping[str, Key] = {
    "demo": Key(partial(_table, _DEMO_VOICE), "how it sounds in the demo's speech", is_required=True)
}
PROMPTS: Mapping[str, Key] = {
    word: Key(
        partial(_text, longest=LONGEST_PROMPT, lines=True) if word == "system" else _sentence,
        about[0].lower() + about[1:],
        is_required=True,
    )
    for word, about in WORDS.items()
}
KEYS: Mapping[str, Key] = {
    "name": Key(_name_text, "what people choose it by", is_required=True),
    "about": Key(partial(_text, longest=200), "a line for those who choose"),
    "persona": Key(_name_text, "the name that it goes by, where that is another than `name`"),
    "language": Key(_language, "what it speaks, and what its sentences here are in", is_required=True),
    "speech": Key(partial(_one_of, names=KINDS, what="kind of speech"), "the kind of speech that it needs"),
    "model": Key(partial(_text, longest=200), "the model that thinks, by its service's name for it"),
    "tools": Key(_tools, "the tools that its model may call"),
    "silence": Key(_seconds, "seconds without a word after which it asks whether somebody is there"),
    "app_events": Key(_event_types, "what people do in their app, of which its model may be told"),
    "prompts": Key(
        partial(_table, PROMPTS), "all that it says by itself, and what its model is told", is_required=True
    ),
    "voice": Key(_voices, "its voice, for each service that may speak", is_required=True),
    "voice_parameters": Key(_scalars, "as speed, by the name of the service that speaks"),
    "services": Key(
        partial(
            _table,
            {
                "hearing": Key(
                    partial(_services, part=Part.HEARING), "who hears, and who does where the first one fails"
                ),
                "thinking": Key(
                    partial(_services, part=Part.THINKING),
                    "who thinks, and who does where the first one fails",
                ),
                "speaking": Key(
                    partial(_services, part=Part.SPEAKING),
                    "who speaks, and who does where the first one fails",
                ),
            },
        ),
        "the services that it hears, thinks and speaks with",
    ),
    "limits": Key(
        partial(
            _table,
            {
                "persistence": Key(_seconds, "seconds that it waits in an empty room"),
                "max_duration": Key(partial(_seconds, low=10), "seconds that a session with it may last"),
            },
        ),
        "how long its sessions last",
    ),
}
