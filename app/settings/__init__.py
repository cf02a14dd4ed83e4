"""The environment as one frozen object; all that is wrong with it, said at once.

The Settings class is the table of every setting, with its default and meaning.
Nothing else reads the environment, and nothing here is imported that would slow
a process's start.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import Field, fields, replace
from typing import Any

from greenroom.app.settings.definition import Settings
from greenroom.app.settings.disagreements import disagreements
from greenroom.app.settings.kept_keys import (
    API_KEY,
    FLOWER_PASSWORD,
    KEYS,
    SIGNING_SECRET,
    SettingsError,
    checked,
    kept_key,
    places_of,
)
from greenroom.app.settings.parsers import IceServer
from greenroom.app.settings.typos import DOTENV, misnamed, overlooked

RUNNING = "greenroom up"  # where a value is from that the product which runs here was given

__all__ = [
    "API_KEY",
    "FLOWER_PASSWORD",
    "KEYS",
    "SIGNING_SECRET",
    "IceServer",
    "Settings",
    "SettingsError",
    "environment",
    "given",
    "ignored",
    "load",
    "read",
    "read_with_keys",
    "shareable",
    "table",
]


def environment() -> dict[str, str]:
    """What every process of ours is started with: the real environment, and under it `.env`."""
    return {**_dotenv(), **os.environ}


def load(environ: Mapping[str, str] | None = None, keys: Collection[str] = ()) -> Settings:
    """The settings, with those of our own `keys` that the caller needs, and no others: each is made if there is none.

    Raises SettingsError, which names every problem.
    """
    settings = read(environ)
    found: dict[str, Any] = {name: "" for name in KEYS if name not in keys}
    for name, path in places_of(settings, keys).items():
        if not getattr(settings, name):
            found[name] = checked(name, path, kept_key(path, settings))
    return replace(settings, **found)


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings as they stand, without making anything.

    Raises SettingsError, which names every problem.
    """
    unknown = misnamed(_dotenv(), os.environ) if environ is None else misnamed({}, environ)
    environ = environment() if environ is None else environ
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for row in fields(Settings):
        given = _given(row, environ)
        if not given:
            continue
        try:
            values[row.name] = row.metadata["parse"](given)
        except ValueError as problem:
            problems[row.name] = f"{row.name.upper()} is '{row.metadata['shown'](given)}'; it {problem}."
    for names, problem_between in disagreements(Settings(**values)).items():
        if not problems.keys() & set(names):
            problems[" ".join(names)] = problem_between
    if problems or unknown:
        raise SettingsError([*problems.values(), *unknown])
    return Settings(**values)


def read_with_keys(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings as `read` returns them, with the keys that were made before, as far as this user may read them."""
    settings = read(environ)
    found: dict[str, Any] = {}
    for name, path in places_of(settings, KEYS).items():
        if not getattr(settings, name) and os.access(path, os.R_OK):
            found[name] = path.read_text("ascii").strip()
    return replace(settings, **found)


def shareable(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings that were given, as they were given; without those that hold a secret."""
    return {
        name: value
        for row in fields(Settings)
        if (value := given(environ).get(name := row.name.upper())) and row.metadata["shown"](value) == value
    }


def given(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings that were given, as they were given, secrets too."""
    return {row.name.upper(): value for row in fields(Settings) if (value := _given(row, environ))}


def table(
    environ: Mapping[str, str] | None = None, running: Mapping[str, str] | None = None
) -> list[tuple[str, str, str, str]]:
    """Every setting for people: name, value, where the value is from, what it means.  Secrets are masked.

    `running` is what the product that runs here was given: that is what it runs with, whatever is given here.
    """
    dotenv = _dotenv() if environ is None else {}
    environ = os.environ if environ is None else environ
    sources = (
        [(RUNNING, running)] if running is not None else [(str(DOTENV), dotenv), ("environment", environ)]
    )
    rows = []
    for row in fields(Settings):
        value, origin = row.metadata["default"], "default"
        for source, values in sources:
            if said := _given(row, values):
                value, origin = row.metadata["shown"](said), source
        rows.append((row.name.upper(), value, origin, row.metadata["about"]))
    return rows


def ignored() -> list[str]:
    """Names in the environment and in `.env` that look like a setting's, are none, and may be somebody else's."""
    return overlooked({**_dotenv(), **os.environ})


def _given(row: "Field[Any]", environ: Mapping[str, str]) -> str:
    return environ.get(row.name.upper(), "").strip()


def _dotenv() -> dict[str, str]:
    if not DOTENV.is_file():
        return {}
    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(DOTENV).items() if value is not None}
