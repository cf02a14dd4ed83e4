"""How a bot's mind does, as the bot says with each beat: small, and without a word that anybody said."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

LONGEST = (
    64  # characters of a service's name, or of a kind of failure: it goes into Redis every three seconds
)


class MemoryIs(StrEnum):
    """What the bot knows of its people from earlier conversations."""

    NONE = "none"  # it shall have none, or nobody has come of whom it could have one
    LOADING = "loading"
    LOADED = "loaded"
    FAILED = "failed"  # the bot goes on without


@dataclass(frozen=True)
class Memory:
    """What was read last of its people."""

    state: MemoryIs = MemoryIs.NONE
    because: str | None = None  # the kind of failure


@dataclass(frozen=True)
class ServiceFailure:
    """The last failure of a service that it hears, thinks or speaks with."""

    service: str  # pipecat's class
    category: str  # in pipecat's words, as `authentication`
    seconds_ago: float  # when the bot said so


@dataclass(frozen=True)
class Mind:
    """The health of one bot's mind."""

    memory: Memory = Memory()
    messages: int | None = None  # in its longest context; None: it has none of pipecat's
    tokens: int | None = None  # about as many
    failure: ServiceFailure | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Mind | None":
        """None for what another version of us wrote in another way."""
        try:
            facts = json.loads(text)
            memory, failure = facts["memory"], facts["failure"]
            return cls(
                Memory(MemoryIs(memory["state"]), memory["because"]),
                facts["messages"],
                facts["tokens"],
                ServiceFailure(**failure) if failure else None,
            )
        except (ValueError, KeyError, TypeError):
            return None

    def failed_ago(self, heard_ago: timedelta) -> timedelta | None:
        """How long ago a service failed, where the bot was heard so long ago."""
        return heard_ago + timedelta(seconds=self.failure.seconds_ago) if self.failure else None


def short(text: str) -> str:
    """A name as it may stand there: a bot of others may call its services as it likes."""
    return "".join(each if each.isprintable() else "?" for each in text[:LONGEST])


def size_of(message: Any) -> int:
    """The characters of a message in a model's context; of a picture or a file nobody knows how many that is."""
    content = message.get("content") if isinstance(message, Mapping) else None
    if isinstance(content, str):
        return len(content)
    parts = content if isinstance(content, list) else []
    return sum(
        len(part["text"]) for part in parts if isinstance(part, Mapping) and isinstance(part.get("text"), str)
    )
