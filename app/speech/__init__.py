"""The services that a bot hears, thinks and speaks with: what there is, as data, and what one lacks on this machine."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from greenroom.app.errors.bots import UnknownService

TABLE = Path(__file__).parent / "table.toml"
ANSWERS_WITHIN = 10.0  # seconds: who is on the phone thinks by then that nobody is there


class Part(StrEnum):
    """What a service does in a call."""

    HEARING = "hearing"  # a voice becomes text
    THINKING = "thinking"  # text becomes an answer
    SPEAKING = "speaking"  # an answer becomes a voice
    TALKING = "talking"  # all of it at once, speech to speech


@dataclass(frozen=True)
class Option:
    """What a class is given from the environment, or else by us."""

    variable: str
    usual: str


@dataclass(frozen=True)
class Service:
    """One part of one service: a class of pipecat's, or a module of ours that makes it, and what that needs."""

    name: str
    part: Part
    about: str
    target: str = ""  # the class, as module:name
    made_by: str = ""  # else the module of ours
    extra: str = ""  # which brings `needs`
    brought_by: str = "pipecat-ai"  # the distribution whose extra it is
    needs: tuple[str, ...] = ()  # modules that must be installed
    keys: Mapping[str, str] = field(default_factory=dict)  # argument = variable that must be set
    any_of: tuple[str, ...] = ()  # variables of which one must be set
    options: Mapping[str, Option] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    voice: str = ""
    language_setting: str = "language"  # what its class calls it; it takes a list where that is plural
    languages: tuple[str, ...] = ()  # none: too many to list, or its model or voice decides
    answers_within: float = ANSWERS_WITHIN  # seconds without the next piece of an answer; then it has failed

    def lacks(self, environ: Mapping[str, str]) -> list[str]:
        """What is missing before it can be used, each as something that somebody can do."""
        missing = [module for module in self.needs if not _is_installed(module)]
        todo = [f"{self.install} (it needs {', '.join(missing)})"] if missing else []
        if unset := [variable for variable in self.keys.values() if not environ.get(variable)]:
            todo.append(f"set {' and '.join(unset)}")
        if self.any_of and not any(environ.get(variable) for variable in self.any_of):
            todo.append(f"set {' or '.join(self.any_of)}")
        return todo

    @property
    def install(self) -> str:
        """The command that installs what it needs."""
        return f"pip install '{self.brought_by}[{self.extra}]'"

    def given(self, environ: Mapping[str, str]) -> dict[str, Any]:
        """The arguments of its class that come from the environment, and those that it always has."""
        options = {name: environ.get(its.variable) or its.usual for name, its in self.options.items()}
        return {
            **self.arguments,
            **options,
            **{name: environ[variable] for name, variable in self.keys.items()},
        }


@dataclass(frozen=True)
class Choice:
    """A service that somebody has named, as `deepgram`, or with a model, as `deepgram/nova-2`."""

    service: Service
    model: str = ""

    @property
    def named(self) -> str:
        """As somebody names it."""
        return f"{self.service.name}/{self.model}" if self.model else self.service.name

    @classmethod
    def read(cls, named: str, part: Part) -> "Choice":
        """Raises UnknownService for what the table does not have."""
        name, _, model = named.partition("/")
        if (service := table().get((name, part))) is None:
            there = ", ".join(names_for(part))
            raise UnknownService(f"There is no service named {name} for {part}; there are {there}.")
        return cls(service, model)


def services(named: str, part: Part) -> tuple[str, ...]:
    """The services that a setting names, by commas.  Raises ValueError, as what parses a setting does."""
    names = tuple(filter(None, map(str.strip, named.split(","))))
    try:
        for name in names:
            Choice.read(name, part)
    except UnknownService:
        there = ", ".join(names_for(part))
        raise ValueError(
            f"must be some of {there}, separated by commas, each with a /model if need be"
        ) from None
    return names


def names_for(part: Part) -> tuple[str, ...]:
    """What the services for a part are called, in the order of the table."""
    return tuple(name for name, its in table() if its is part)


@cache
def table() -> Mapping[tuple[str, Part], Service]:
    """Every service, by its name and part."""
    return {(each.name, each.part): each for each in _read(tomllib.loads(TABLE.read_text("utf-8")))}


def _read(rows: Mapping[str, Any]) -> Iterator[Service]:
    for name, row in rows.items():
        common = {word: value for word, value in row.items() if word not in [*Part]}
        for part in Part:
            if part in row:
                yield _service(name, part, {**common, **row[part]})


def _service(name: str, part: Part, row: dict[str, Any]) -> Service:
    target, options = row.pop("class", ""), row.pop("options", {})
    return Service(
        name=name,
        part=part,
        target=target,
        options={word: Option(*given.split(" or ", 1)) for word, given in options.items()},
        languages=tuple(row.pop("languages", "").split()),
        needs=tuple(row.pop("needs", ())),
        any_of=tuple(row.pop("any_of", ())),
        **row,
    )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of a package that it would be in
        return False
