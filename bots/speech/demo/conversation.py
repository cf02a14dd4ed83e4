"""What the demo makes of a conversation: what was asked since it last spoke, and what is known by then."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from greenroom.app.rooms.conversations import SUMMARY
from greenroom.app.rooms.memory import FORGET, REMEMBER, Forget, Remember, facts_in, wish_of
from greenroom.app.rooms.resuming import FAULT, SUMMED_UP, summary_in
from greenroom.bots.personalities import Personality
from greenroom.bots.speech.demo.naming import name_in, plain

DONE = "done"  # in the place of a call of a tool: what was asked until then is not done again if the answer was cut off
OF_MEMORY = (REMEMBER, FORGET)  # these may be called beside an answer, and twice is fine
NAME = "name"  # the key of the fact that is who somebody is
FORGETTING = re.compile(
    r"\b(?<!don't )(?<!not )(?<!never )(?<!you )forget (?:about )?(?:me|my name|what you know|everything)\b",
    re.IGNORECASE,
)
ASKED_FOR_THE_NAME = re.compile(r"what is your name|then your name", re.IGNORECASE)


@dataclass(frozen=True)
class Talk:
    """The conversation, as far as an answer depends on it."""

    asked: str  # what the person said since we last spoke, in plain words
    written: str  # the same as it was written
    last_said: str  # what we said last
    name: str | None  # theirs
    is_new_name: bool  # they have just told us
    asks_to_forget: bool
    now: datetime
    who: Personality
    facts: Mapping[str, str] = field(default_factory=dict)  # that are known of them
    was_killed: bool = False  # a bot before us, in this conversation
    is_back: bool = False  # we go on where it was, and have said nothing yet


def talk_of(messages: Sequence[Mapping[str, Any]], now: datetime, who: Personality) -> Talk:
    """What a conversation has come to, in a bot's own messages."""
    talk = talk_in(list(turns_of(messages)), now, who, facts_in(messages).get(NAME))
    was_killed = any(_is_fault(each) for each in messages)
    return replace(talk, facts=_facts_in(messages), was_killed=was_killed, is_back=_is_back(messages))


def talk_in(
    turns: Sequence[tuple[str, str]], now: datetime, who: Personality, known: str | None = None
) -> Talk:
    """The same from what was said alone; `known` is their name from earlier conversations."""
    name, is_new_name, asks_to_forget, said = known, False, False, ""
    asked: list[str] = []
    written: list[str] = []
    for role, text in turns:
        if role == SUMMARY:
            name = name_in(text, was_asked=False) or name
            continue
        if role == DONE:
            asked, written = [], []
            continue
        if role == "assistant":
            is_new_name, asks_to_forget, said, asked, written = False, False, text, [], []
            continue
        asked.append(plain(text))
        written.append(text)
        if asks_to_be_forgotten(text):
            name, is_new_name, asks_to_forget = None, False, True
        elif told := name_in(text, was_asked=ASKED_FOR_THE_NAME.search(said) is not None):
            name, is_new_name = told, True
    return Talk(
        asked=" ".join(filter(None, asked)),
        written=" ".join(written),
        last_said=said,
        name=name,
        is_new_name=is_new_name,
        asks_to_forget=asks_to_forget,
        now=now,
        who=who,
    )


def asks_to_be_forgotten(text: str) -> bool:
    return FORGETTING.search(plain(text)) is not None


def _is_back(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the bot before us was lost, and we have said nothing yet."""
    for message in reversed(messages):
        if _is_fault(message):
            return True
        if message.get("role") == "assistant":
            return False
    return False


def _is_fault(message: Mapping[str, Any]) -> bool:
    return message.get("role") == "developer" and str(message.get("content")).startswith(FAULT)


def _facts_in(messages: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What is known from earlier conversations, and what we were told to remember and to forget in this one."""
    facts = facts_in(messages)
    for message in messages:
        for call in message.get("tool_calls") or ():
            function = call.get("function", {})
            match wish_of(str(function.get("name")), str(function.get("arguments"))):
                case Remember(key, text):
                    facts[key] = text
                case Forget(key) as wish:
                    facts = {} if wish.is_everything else {each: facts[each] for each in facts if each != key}
    return facts


def turns_of(messages: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for message in messages:
        if summary := summary_in(message):
            yield SUMMARY, summary
        if any(_name_of(call) not in OF_MEMORY for call in message.get("tool_calls") or ()):
            yield DONE, ""
        if message.get("role") in ("user", "assistant") and (text := _text(message)):
            yield message["role"], text


def _name_of(call: Mapping[str, Any]) -> str:
    return str(call.get("function", {}).get("name"))


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content.strip()
    return " ".join(part["text"] for part in content if part.get("type") == "text").strip()


def turns_in(transcript: str) -> Iterator[tuple[str, str]]:
    for part in transcript.split("\n\n"):
        role, _, text = part.partition(": ")
        if role in ("USER", "ASSISTANT"):
            yield role.lower(), text
        elif text.startswith(SUMMED_UP):
            yield SUMMARY, text
