"""From files to personalities; what is wrong with a file is said by file and line."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from greenroom.app.rooms.brief import WORDS
from greenroom.app.settings import SettingsError
from greenroom.bots.personalities import DemoVoice, Personality
from greenroom.bots.personalities.description import problems_of
from greenroom.bots.personalities.lines import line_of, lines_of

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)  # as callers may write it


def read_all(folders: Sequence[Path]) -> Mapping[str, Personality]:
    """The personalities of these folders by name; of two of one name that of the later folder.

    Raises SettingsError, which tells all that is wrong, in all files.
    """
    files = {path.stem: path for folder in folders for path in files_in(folder)}
    found, problems = {}, []
    for name, path in sorted(files.items()):
        described, wrong = _described(path)
        problems += [f"{_shown(path)}:{line}: {sentence}" for line, sentence in wrong]
        if not wrong:
            found[name] = _personality(name, described)
    if problems:
        raise SettingsError(problems)
    return found


def files_in(folder: Path) -> Iterator[Path]:
    """The files of a folder that describe a personality each; an editor's and a system's own, as .host.toml, do not."""
    return iter(sorted(folder.glob("[!.]*.toml")))


def _described(path: Path) -> tuple[Mapping[str, Any], list[tuple[int, str]]]:
    """What a file says, and what is wrong with it, by line."""
    if not NAME.fullmatch(path.stem):
        return {}, [(1, "Its file's name is what callers name it by: use letters, digits, _ and -.")]
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        return {}, [(1, "It is not written in UTF-8.")]
    except OSError as error:
        return {}, [(1, f"It cannot be read: {error.strerror}.")]
    try:
        described = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return {}, [_as_problem(str(error), text)]
    lines = lines_of(text)
    return described, sorted((line_of(key, lines), sentence) for key, sentence in problems_of(described))


def _as_problem(error: str, text: str) -> tuple[int, str]:
    """tomllib's own words, with the line that it puts behind them before them."""
    what, _, where = error.rpartition(" (at ")
    line = re.search(r"line (\d+)", where)
    return int(line[1]) if line else len(text.splitlines()) or 1, f"It is no TOML: {what}."


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _personality(name: str, described: Mapping[str, Any]) -> Personality:
    """Of a description with which nothing is wrong."""
    voices = {service: voice for service, voice in described["voice"].items() if service != "demo"}
    words = {word: described["prompts"][word].strip() for word in WORDS}
    prompt, tools, silence = words.pop("system"), described.get("tools"), described.get("silence")
    app_events = described.get("app_events")
    return Personality(
        id=name,
        title=described["name"],
        name=described.get("persona", described["name"]),
        about=described.get("about", ""),
        language=described["language"],
        prompt=prompt,
        voice=voices.get("openai", ""),
        voices=voices,
        demo_voice=DemoVoice(**described["voice"]["demo"]),
        voice_parameters=described.get("voice_parameters", {}),
        speech=described.get("speech"),
        services={
            part: (named,) if isinstance(named, str) else tuple(named)
            for part, named in described.get("services", {}).items()
        },
        model=described.get("model"),
        tools=None if tools is None else tuple(tools),
        app_events=None if app_events is None else tuple(app_events),
        silence=None if silence is None else timedelta(seconds=silence),
        limits={limit: timedelta(seconds=value) for limit, value in described.get("limits", {}).items()},
        **words,
    )
