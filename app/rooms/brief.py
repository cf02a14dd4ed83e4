"""What a caller of /join asks for, as one value.

It is written down once, and travels whole: from the schema to the claim, the lease, the session's record, the `body`
of the bot's runner arguments, and the answers.  A new fact is a field here and a line in `app.api.schemas.facts`.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

MAIN = "main"  # the tenant, until there are several
# What a bot may be given words for: by its personality, which has all of them, an assistant, a join, and POST /config
WORDS: Mapping[str, str] = {
    "system": "What the model is told of who it is",
    "greeting": "What it says first",
    "goodbye": "What it says before it leaves",
    "away": "What it says before it is gone for a moment",
    "moving": "What it says to those whom it leaves for another room",
    "ending_soon": "What it says when the session's time is nearly over",
    "sorry": "What it says when it could not hear, think or speak, as a service failed",
    "still_there": "What it asks when nobody has said anything for long",
}


class Mode(StrEnum):
    """How a bot takes part."""

    VOICE = "voice"  # it is heard
    FORUM = "forum"  # it is seen as well


def new_conversation() -> str:
    """An id for a conversation that nobody has named."""
    return str(uuid.uuid4())


@dataclass(frozen=True)
class Brief:
    """Which bot shall come, for whom, and how it shall be."""

    user_id: str
    bot: str
    personality: str
    persistence: timedelta  # how long the bot waits in an empty room
    max_duration: timedelta
    # How long nobody may say anything while people are there; None: as its personality, or the installation, has it
    silence: timedelta | None = None
    mode: Mode = Mode.VOICE
    assistant: str | None = None
    persona: str | None = None  # the name that the bot goes by
    instructions: str | None = None  # what it is told behind its prompt
    prompts: Mapping[str, str] = field(default_factory=dict)  # its own words, of WORDS
    voice: str | None = None
    voice_parameters: Mapping[str, float | bool | str] = field(default_factory=dict)  # as speed, stability
    language: str | None = None
    memory: bool = True  # whether it knows its user from earlier conversations
    tenant: str = MAIN  # whose installation it is, where several share one
    profile: Mapping[str, Any] = field(
        default_factory=dict
    )  # what its assistant must know of the user, and more
    metadata: Mapping[str, object] = field(default_factory=dict)
    conversation_id: str = field(default_factory=new_conversation)  # where the session begins

    @property
    def owner(self) -> str:
        """Whose a conversation is that this user begins."""
        return self.owned_by(self.user_id)

    def owned_by(self, person: str) -> str:
        return f"{self.tenant}/{person}"  # neither has a slash

    def facts(self) -> dict[str, Any]:
        """All of it in JSON's own types, by name; durations in seconds."""
        return {name: _plain(getattr(self, name)) for name in _TYPES}

    def with_facts(self, facts: Mapping[str, Any]) -> "Brief":
        """The same with these facts, in JSON's own types; an unknown one is left out."""
        return replace(self, **{name: _typed(_TYPES[name], facts[name]) for name in facts.keys() & FACTS})

    def to_json(self) -> str:
        return _ENCODER.encode(self.facts())

    def for_guest(self, user_id: str) -> "Brief":
        """What somebody in the room may know, who perhaps is another than the one whom the bot is for."""
        return replace(self, user_id=user_id, instructions=None, prompts={}, profile={}, metadata={})

    @classmethod
    def from_json(cls, text: str) -> "Brief":
        """What `to_json` wrote.  A name that is unknown here is from a later version of us, and is left out."""
        facts = json.loads(text)
        if (
            "instructions" not in facts
        ):  # of an earlier version of us, whose persona was what are now instructions
            facts["instructions"] = facts.pop("persona", None)
        return cls(**{name: _typed(_TYPES[name], facts[name]) for name in facts.keys() & _TYPES.keys()})


_ENCODER = json.JSONEncoder(separators=(",", ":"))  # json.dumps would make one for each brief
_TYPES: Mapping[str, Any] = {each.name: each.type for each in fields(Brief)}
FACTS = frozenset(_TYPES)


def _plain(fact: Any) -> Any:
    if isinstance(fact, timedelta):
        return fact.total_seconds()
    return dict(fact) if isinstance(fact, Mapping) else fact


def _typed(kind: Any, fact: Any) -> Any:
    if fact is not None and kind in (timedelta, timedelta | None):
        return timedelta(seconds=fact)
    return Mode(fact) if kind is Mode else fact


NOBODYS = Brief("", "", "", timedelta(0), timedelta(0), conversation_id="")  # of a lease that does not say
