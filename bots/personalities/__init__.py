"""Who a bot can be: one TOML file each.  Read without pipecat, since the web process asks for their names."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from greenroom.app.errors.bots import UnknownPersonality
from greenroom.app.rooms.brief import WORDS
from greenroom.app.rooms.precedence import decide

FOLDER = Path(__file__).parent


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
    moving: str  # to those whom it leaves for another room
    ending_soon: str  # half a minute before the session's time is over
    still_there: str  # to people who have not said anything for long
    voice: str  # with an OpenAI-compatible server; empty: the one that OPENAI_VOICE names
    demo_voice: DemoVoice
    silence: timedelta | None = None  # how long that is; None: the installation's
    speech: str | None = None  # the kind of speech it needs; None: the installation's
    voice_parameters: Mapping[str, Any] = field(default_factory=dict)

    def as_asked(self, asked: Mapping[str, Any]) -> "Personality":
        """Itself with what a session was joined with: a name, a language, a voice, words, and instructions."""
        named = self._called(asked.get("persona") or self.name)
        decided = decide(call=asked, personality=named.facts())
        words = dict(decided["prompts"])
        prompt = [words.pop("system")]
        if greeting := (asked.get("prompts") or {}).get("greeting"):
            prompt.append(f"If the conversation is empty, begin with these words: {greeting}")
        if decided["language"] != self.language:
            prompt.append(
                f"Speak the language {decided['language']}, whatever language you are told things in."
            )
        if instructions := asked.get("instructions"):
            prompt.append(instructions)
        return replace(
            named,
            language=decided["language"],
            voice=decided.get("voice", ""),  # none of its own: the installation's
            voice_parameters=decided["voice_parameters"],
            prompt="\n\n".join(prompt),
            **words,
        )

    def _called(self, name: str) -> "Personality":
        """Itself under another name, also where it names itself."""
        if name == self.name:
            return self
        own_name = re.compile(rf"\b{re.escape(self.name)}\b")
        words: dict[str, Any] = {
            word: own_name.sub(lambda _: name, text) for word, text in self._words().items()
        }
        return replace(self, name=name, prompt=words.pop("system"), **words)

    def facts(self) -> dict[str, Any]:
        """What it decides where nobody who comes before it does."""
        return {
            "language": self.language,
            "voice": self.voice,
            "voice_parameters": self.voice_parameters,
            "prompts": self._words(),
        }

    def _words(self) -> dict[str, str]:
        return {word: self.prompt if word == "system" else getattr(self, word) for word in WORDS}


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
    voice, silence = described.pop("voice"), described.pop("silence", None)
    return Personality(
        id=name,
        voice=voice.get("openai", ""),
        demo_voice=DemoVoice(**voice["demo"]),
        voice_parameters=voice.get("parameters", {}),
        silence=None if silence is None else timedelta(seconds=silence),
        **described,
    )
