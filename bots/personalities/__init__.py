"""Who a bot can be: one TOML file each.  Read without pipecat, since the web process asks for their names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from greenroom.app import settings
from greenroom.app.errors.bots import UnknownPersonality
from greenroom.app.errors.families import Rejected
from greenroom.app.rooms.brief import WORDS
from greenroom.app.rooms.precedence import decide

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class DemoVoice:
    """How the demo's voice sounds: what callers name it by, how fast it speaks and how high (1 is as it is made)."""

    name: str
    speed: float = 1.0
    pitch: float = 1.0


@dataclass(frozen=True)
class Personality:
    """A character: what it is called, how it thinks and how it sounds."""

    id: str  # what callers name it by: its file's name
    title: str  # what people choose it by
    name: str  # what it calls itself
    language: str
    prompt: str  # for a model that thinks
    greeting: str  # the demo's first words; asks the person's name
    goodbye: str
    away: str  # before it is gone for a moment
    moving: str  # to those whom it leaves for another room
    ending_soon: str  # half a minute before the session's time is over
    sorry: str  # when a speech service has failed, and no other took over
    still_there: str  # to people who have not said anything for long
    voice: str  # with an OpenAI-compatible server; empty: the one that OPENAI_VOICE names
    demo_voice: DemoVoice
    about: str = ""  # a line for those who choose
    speech: str | None = None  # the kind of speech it needs; None: the installation's
    voices: Mapping[str, str] = field(default_factory=dict)  # by the service that speaks, but for the demo
    voice_parameters: Mapping[str, Any] = field(default_factory=dict)
    asked_voice: str = ""  # the one that a session was joined with, whatever service speaks
    services: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # who hears, thinks and speaks, the first choice first; what is not named is the installation's
    model: str | None = None  # that thinks; None: the installation's
    tools: tuple[str, ...] | None = None  # that its model may call; None: all
    silence: timedelta | None = None  # without a word, then it asks; None: as the installation has it
    # What people do in their app, of which the model is told; None: what the installation lists
    app_events: tuple[str, ...] | None = None
    limits: Mapping[str, timedelta] = field(default_factory=dict)  # `persistence` and `max_duration`
    asked_model: str = ""  # the one that a live bot was given, whatever its personality and its services name
    # Services that a live bot was given, by part: they come before the personality's own, which take over from them
    asked_services: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def equipped(self, changed: Mapping[str, Any]) -> "Personality":
        """Itself with what it works with, as far as a live bot was changed in that."""
        tools, app_events = changed.get("tools"), changed.get("app_events")
        return replace(
            self,
            asked_model=changed.get("model") or "",
            asked_services={part: tuple(named) for part, named in (changed.get("services") or {}).items()},
            tools=self.tools if tools is None else tuple(tools),
            app_events=self.app_events if app_events is None else tuple(app_events),
        )

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
            asked_voice=asked.get("voice") or "",
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
def everybody() -> Mapping[str, Personality]:
    """All of them by what callers name them by, as they were when the process read them first: those that come with
    Greenroom, and those of PERSONALITIES, which stand in the place of ours where they have the same name.

    Raises SettingsError, which says file, line and sentence of all that is wrong.
    """
    return with_those_of(settings.read().personalities)


def with_those_of(folder: Path | None) -> Mapping[str, Personality]:
    """The same, read anew, with another folder of one's own, or none."""
    from greenroom.bots.personalities.reading import read_all

    return read_all([FOLDER, *([folder] if folder else [])])


def check_changes(changes: Mapping[str, Any]) -> None:
    """Raises Rejected for what a live bot cannot be changed to, since no personality could say it so."""
    from greenroom.bots.personalities.description import problems_with

    for problem in problems_with(changes):
        raise Rejected(problem)


def names() -> tuple[str, ...]:
    return tuple(everybody())


def load(name: str) -> Personality:
    """The personality of that name; raises UnknownPersonality, which names those there are."""
    if name not in everybody():
        raise UnknownPersonality(f"There is no personality {name!r}; there are {', '.join(names())}.")
    return everybody()[name]
