"""Who a bot can be: one TOML file each.  Read without pipecat, since the web process asks for their names."""

import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


class UnknownPersonality(LookupError):
    """There is no personality of that name."""


@dataclass(frozen=True)
class DemoVoice:
    """How espeak-ng sounds: voice and variant, words a minute, pitch and its range (0 to 99)."""

    name: str
    rate: int = 155
    pitch: int = 50
    range: int = 50


@dataclass(frozen=True)
class Personality:
    """A character: what it is called, how it thinks and how it sounds."""

    id: str  # what callers name it by
    name: str  # what it calls itself
    language: str
    prompt: str  # for a model that thinks
    greeting: str  # the demo's first words; asks the person's name
    goodbye: str
    away: str  # before it is gone for a moment
    ending_soon: str  # half a minute before the session's time is over
    voice: str  # with an OpenAI-compatible server; empty: the one that OPENAI_VOICE names
    demo_voice: DemoVoice
    speech: str | None = None  # the kind of speech it needs; None: the installation's

    def with_changes(self, *, voice: str | None = None, persona: str | None = None) -> "Personality":
        """Itself in another voice, or with something more to know about itself."""
        prompt = f"{self.prompt}\n\n{persona}" if persona else self.prompt
        return replace(self, voice=voice or self.voice, prompt=prompt)


@cache
def names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@cache
def load(name: str) -> Personality:
    """The personality of that name; raises UnknownPersonality, which names those there are."""
    if name not in names():
        raise UnknownPersonality(f"There is no personality {name!r}; there are {', '.join(names())}.")
    return _from_toml(name, tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8")))


def _from_toml(name: str, described: dict[str, Any]) -> Personality:
    voice = described.pop("voice")
    return Personality(
        id=name, voice=voice.get("openai", ""), demo_voice=DemoVoice(**voice["demo"]), **described
    )
