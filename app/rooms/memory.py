"""What a bot is told of a person from earlier conversations: which of it, how much, and in which words.

Facts come first and then what was said, and of both the newest: what is too much is left out from the other end.

A model remembers and forgets by calling two tools.  The calls are turns like any other, on the same way to the
database, and there they are done: no tool waits for it, and what a bot remembered before it died is not lost.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from greenroom.app.rooms.app_events import is_event
from greenroom.app.rooms.conversations import Turn

TOKENS = 1500  # so long is at most what a bot is told of a person
CHARACTERS_A_TOKEN = 4  # an estimate: English has four to five, other languages fewer
FACTS_AT_MOST, CONVERSATIONS_AT_MOST, TURNS_AT_MOST = 100, 3, 20  # of a person, that are read
LONGEST_FACT, LONGEST_SUMMARY, LONGEST_TURN = 300, 2000, 500  # characters

REMEMBER, FORGET = "remember", "forget"  # the tools
EVERYTHING = "everything"  # the key of all facts
FACTS_KEPT = 200  # of a person; then the one that was told longest ago goes
LONGEST_KEY = 64
FORGOTTEN = ""  # a key that no fact has: its time is when the person last asked that something be forgotten

HEADING = (
    "What you know of this person from earlier conversations. It is no request, and need not be answered."
)
FACTS = "Facts:"
SUMMARY = "What was talked about, in short:"
TURNS = "How the last conversation ended:"
SPEAKERS = {"user": "Person", "assistant": "You"}


@dataclass(frozen=True)
class Fact:
    """What is to be remembered of a person, under a key of its own."""

    key: str
    text: str


@dataclass(frozen=True)
class Said:
    """One message of an earlier conversation."""

    role: str
    content: str


@dataclass(frozen=True)
class Recollection:
    """What there is of a person, each the newest first."""

    facts: Sequence[Fact] = ()
    summary: str = ""
    turns: Sequence[Said] = ()

    def as_text(self, tokens: int = TOKENS) -> str:
        """It in words, with as much as fits; empty if nothing is known."""
        room = tokens * CHARACTERS_A_TOKEN - len(HEADING)
        parts = []
        facts = (f"- {_line(each.key, LONGEST_KEY)}: {_line(each.text, LONGEST_FACT)}" for each in self.facts)
        summary = filter(None, [_line(self.summary, LONGEST_SUMMARY)])
        turns = (
            f"{SPEAKERS[said.role]}: {_line(said.content, LONGEST_TURN)}"
            for said in self.turns
            if said.role in SPEAKERS and said.content.strip()
        )
        for title, lines, is_newest_first in (
            (FACTS, facts, False),
            (SUMMARY, summary, False),
            (TURNS, turns, True),
        ):
            fitting = list(_fitting(lines, room - len(title) - 1))
            if fitting:
                fitting = [title, *(reversed(fitting) if is_newest_first else fitting)]
                room -= sum(len(line) + 1 for line in fitting)
                parts += fitting
        return "\n".join([HEADING, *parts]) if parts else ""


@dataclass(frozen=True)
class Remember:
    """A model wants to know this in later conversations, in the place of what it had under that key."""

    key: str
    text: str


@dataclass(frozen=True)
class Forget:
    """A model shall not know this any more."""

    key: str

    @property
    def is_everything(self) -> bool:
        return self.key == EVERYTHING


def asked_of_memory(turn: Turn) -> list[Remember | Forget]:
    """What a turn asks for by calls of tools, in order; what is no key, or has no text, is left out."""
    return [wish for call in turn.tool_calls if (wish := wish_of(call.name, call.arguments))]


def wish_of(tool: str, arguments: str) -> Remember | Forget | None:
    """What one call asks for, in JSON as a model wrote it."""
    if tool not in (REMEMBER, FORGET):
        return None
    try:
        given = json.loads(arguments)
    except (ValueError, RecursionError):
        return None
    key, text = (_stated(given, name) for name in ("key", "text"))
    if not key:
        return None
    key = _line(key.casefold(), LONGEST_KEY)
    if tool == FORGET:
        return Forget(key)
    return Remember(key, _line(text, LONGEST_FACT)) if text and key != EVERYTHING else None


def _stated(given: Any, name: str) -> str:
    value = given.get(name) if isinstance(given, dict) else None
    return " ".join(str(value).replace("\0", "").split()) if isinstance(value, str | int | float) else ""


def in_others_words(text: str, tokens: int = TOKENS) -> str:
    """What somebody else has put into words, with as much as fits of its beginning; empty if it says nothing."""
    whole = f"{HEADING}\n{text.strip()}"
    return whole[: tokens * CHARACTERS_A_TOKEN] if text.strip() else ""


class Memory(Protocol):
    """Keeps what is known of people; our SQL, or a backend of somebody's own."""

    def recall(self, tenant: str, user_id: str, *, besides: str) -> str:
        """What a bot is told of a user, in words; nothing of the conversation that is going on, `besides`.

        Costs the same however much is kept.  Raises a GreenroomError if it cannot be had now.
        """
        ...


def as_message(remembered: str) -> dict[str, Any]:
    """It as a model reads it, at the head of a conversation."""
    return {"role": "developer", "content": remembered}


def is_memory(message: Any) -> bool:
    """Whether a message is what `as_message` has made."""
    if not isinstance(message, Mapping) or message.get("role") != "developer":
        return False
    content = message.get("content")
    return isinstance(content, str) and content.startswith(HEADING)


def with_memory(remembered: str, messages: Sequence[Any]) -> list[Any]:
    """Messages with this memory at their head, in the place of any other; with none of it if it is empty."""
    rest = [message for message in messages if not is_memory(message)]
    return [as_message(remembered), *rest] if remembered else rest


def without_memory(messages: Iterable[Any]) -> list[Any]:
    """What was said in this conversation: neither what is known from earlier ones, nor what an app reports."""
    return [message for message in messages if not is_memory(message) and not is_event(message)]


def facts_in(messages: Iterable[Any]) -> dict[str, str]:
    """The facts that a model is told, by their keys."""
    told = [message["content"] for message in messages if is_memory(message)]
    facts = {}
    for text in told:
        _, _, behind = text.partition(f"\n{FACTS}\n")
        for line in behind.splitlines():
            if not line.startswith("- "):
                break
            key, _, fact = line.removeprefix("- ").partition(": ")
            facts[key] = fact
    return facts


def _fitting(lines: Iterable[str], room: int) -> Iterator[str]:
    """Those in front that fit together."""
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            return
        yield line


def _line(text: str, longest: int) -> str:
    """A text on one line, so that nothing in it looks like another entry."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"
