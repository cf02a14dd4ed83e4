"""The demo's answers: what to say next, derived from the conversation so far alone.

It keeps no state of its own, so a bot that takes over a conversation knows what the one before it knew.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from greenroom.app.rooms.conversations import SUMMARY
from greenroom.app.rooms.memory import facts_in
from greenroom.app.rooms.resuming import SUMMED_UP, summary_in
from greenroom.app.rooms.summarising import EXTRACTED, extract
from greenroom.bots.personalities import Personality
from greenroom.bots.speech.demo.naming import name_in, plain

NAME = "name"  # the key of the one fact that the demo remembers


@dataclass(frozen=True)
class Reply:
    """What to say, and whether to leave when it is said."""

    text: str  # empty: say nothing, rather than the same sentence again
    leaves: bool = False
    may_wait: bool = False  # it only says that nothing was understood: not worth interrupting anybody for
    remembers: str | None = None  # the name that they have just told
    forgets: bool = False  # whatever is known of them


@dataclass(frozen=True)
class Talk:
    """The conversation, as far as an answer depends on it."""

    asked: str  # what the person said since we last spoke, in plain words
    last_said: str  # what we said last
    name: str | None  # theirs
    is_new_name: bool  # they have just told us
    asks_to_forget: bool
    now: datetime
    who: Personality


def answer(messages: Sequence[Mapping[str, Any]], now: datetime, who: Personality) -> Reply:
    """The reply to the last of these messages.  Without one it is the greeting; after one of ours, "I am back"."""
    turns = list(_turns(messages))
    known = facts_in(messages).get(NAME)
    if not turns:
        return Reply(_hello(who, known))
    talk = _talk(turns, now, who, known)
    if turns[-1][0] == "assistant":
        return Reply(_back(talk))
    if not talk.last_said and not talk.is_new_name and _is_only_a_greeting(talk.asked):
        return Reply(_hello(who, known))
    if LEAVING.search(talk.asked):
        return Reply(_with_name(who.goodbye, talk.name), leaves=True)
    if not talk.asked and not talk.is_new_name:
        return Reply(_not_heard(talk), may_wait=True)
    told = talk.name if talk.is_new_name and talk.name != known else None
    return Reply(" ".join(_answers(talk)), remembers=told, forgets=talk.asks_to_forget)


def _hello(who: Personality, name: str | None) -> str:
    """The greeting, and what may be said here: nobody can guess which sentences a script knows."""
    if name:
        return f"Hello again, {name}. You can ask me the time, or say help."
    introduction, stop, question = who.greeting.rpartition(". ")
    return f"{introduction}{stop}You can ask me the time, or say help. {question}"


def _back(talk: Talk) -> str:
    return f"I am back, {talk.name}. Where were we?" if talk.name else "I am back. What is your name?"


def summary_of(transcript: str, now: datetime, who: Personality) -> str:
    """An extract of a conversation that pipecat has put into words: who they are, and what they said last."""
    turns = list(_turns_in(transcript))
    said: list[str] = []
    for role, text in turns:
        if role == "user":
            said = [] if FORGETTING.search(plain(text).lower()) else [*said, text]
    name = _talk(turns, now, who, None).name
    return extract([f"My name is {name}", *said[1 - EXTRACTED :]] if name else said)


def _turns_in(transcript: str) -> Iterator[tuple[str, str]]:
    for part in transcript.split("\n\n"):
        role, _, text = part.partition(": ")
        if role in ("USER", "ASSISTANT"):
            yield role.lower(), text
        elif text.startswith(SUMMED_UP):
            yield SUMMARY, text


# What may be asked, in plain words, and the answer.  Everything that is found in a turn is answered, in this order.

LEAVING = re.compile(
    r"^(?:(?!.*\b(?:say|says|said|saying|don't|mean|means)\b).* )?"
    r"(?:goodbye|good bye|bye|(?<!to )(?<!can )see you|farewell|good night|that's all|that is all|hang up"
    r"|(?:i have|i've got|i must|i need) to go)"
    r"(?: \w+){0,2}$"
)
FORGETTING = re.compile(
    r"\b(?<!don't )(?<!not )(?<!never )(?<!you )forget (?:about )?(?:me|my name|what you know|everything)\b"
)
ASKED_FOR_THE_NAME = re.compile(r"what is your name|then your name", re.IGNORECASE)
A_GREETING = re.compile(r"\b(?:hello|hi|hey|greetings|good (?:morning|afternoon|evening))\b")


def _time(talk: Talk) -> str:
    hour, part = talk.now.hour % 12 or 12, "morning"
    if talk.now.hour >= 12:
        part = "afternoon" if talk.now.hour < 18 else "evening"
    minutes = f":{talk.now.minute:02}" if talk.now.minute else " o'clock"
    return f"It is {hour}{minutes} in the {part} where I am."


def _day(talk: Talk) -> str:
    return f"Today is {talk.now:%A}, the {_ordinal(talk.now.day)} of {talk.now:%B}."


def _their_name(talk: Talk) -> str:
    if talk.name:
        return f"Your name is {talk.name}."
    return "You have not told me yet. What is your name?"


def _forgotten(_: Talk) -> str:
    return "I have forgotten you and what you told me."


def _what_we_are(talk: Talk) -> str:
    return (
        f"I am {talk.who.name}, and only a demo: no model thinks here. "
        "Two small models hear you and speak for me, and a short script finds the answers."
    )


def _help(_: Talk) -> str:
    return "Tell me your name, or ask me the time, the date, or what I am. When you are done, say goodbye."


def _again(talk: Talk) -> str:
    return f"I said: {talk.last_said}" if talk.last_said else "I have not said anything yet."


def _joke(_: Talk) -> str:
    return "Why did the bot leave the stage? Its lease had expired."


def _wellbeing(_: Talk) -> str:
    return "I am well, thank you. Every process is up."


ANSWERS: tuple[tuple[re.Pattern[str], Callable[[Talk], str]], ...] = tuple(
    (re.compile(rf"\b(?:{pattern})\b"), reply)
    for pattern, reply in (
        (r"how are you|how is it going|how's it going|how do you do", _wellbeing),
        (r"(?:what is|what's|say|know|remember) my name|who am i|remember me|know me", _their_name),
        (r"what time|the time", _time),
        (r"what day|the date|today's date|what date", _day),
        (r"(?:what|who) are you|what is this|your name|about yourself|how do you work", _what_we_are),
        (r"are you (?:a|an|real|human)", _what_we_are),
        (r"say that again|repeat that|say it again|pardon|what did you say", _again),
        (r"help|what can (?:you do|i say|i ask)", _help),
        (r"joke|tell me something", _joke),
    )
)


def _answers(talk: Talk) -> list[str]:
    if talk.asks_to_forget:
        return [_forgotten(talk)]
    found = list(dict.fromkeys(reply(talk) for pattern, reply in ANSWERS if pattern.search(talk.asked)))
    if talk.is_new_name:
        return [f"Nice to meet you, {talk.name}.", *(found or ["Ask me the time, or what I am."])]
    return found or [_small_talk(talk)]


def _small_talk(talk: Talk) -> str:
    asked, name = talk.asked, talk.name
    if re.search(r"\b(?:thanks|thank you|cheers)\b", asked):
        return _with_name("You are welcome.", name)
    if A_GREETING.search(asked):
        return f"Hello, {name}." if name else "Hello! What is your name?"
    if re.search(r"\b(?:i'm|i am) (?:fine|good|well|great|okay|ok)\b", asked):
        return "I am glad to hear it."
    if re.fullmatch(r"(?:yes|yeah|okay|ok|sure|yes please)", asked):
        return "Good. What would you like to know? Say help to hear what I can do."
    if re.fullmatch(r"(?:no|nope|never mind|no thanks)", asked):
        return "All right. I am here if you need me."
    return f"You said: {asked}. I am only a demo and cannot follow that. Say help to hear what I can do."


NOT_HEARD = "I did not catch that."
TRY = "Try one of these: my name is Alice. What time is it? Tell me a joke. Or type it."


def _not_heard(talk: Talk) -> str:
    """First that it was not understood, then which sentences would be, then nothing until one is."""
    if talk.last_said == TRY:
        return ""
    if talk.last_said.startswith(NOT_HEARD):
        return TRY
    if talk.name is None and ASKED_FOR_THE_NAME.search(talk.last_said):
        return f"{NOT_HEARD} Say: my name is, and then your name. Or type it."
    return f"{NOT_HEARD} I know only a few sentences: say help to hear them."


def _talk(turns: list[tuple[str, str]], now: datetime, who: Personality, known: str | None) -> Talk:
    name, is_new_name, asks_to_forget, said = known, False, False, ""
    asked: list[str] = []
    for role, text in turns:
        if role == SUMMARY:
            name = name_in(text, was_asked=False) or name
            continue
        if role == "assistant":
            is_new_name, asks_to_forget, said, asked = False, False, text, []
            continue
        asked.append(plain(text).lower())
        if FORGETTING.search(asked[-1]):
            name, is_new_name, asks_to_forget = None, False, True
        elif told := name_in(text, was_asked=ASKED_FOR_THE_NAME.search(said) is not None):
            name, is_new_name = told, True
    return Talk(" ".join(filter(None, asked)), said, name, is_new_name, asks_to_forget, now, who)


def _turns(messages: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for message in messages:
        if summary := summary_in(message):
            yield SUMMARY, summary
        if message.get("role") in ("user", "assistant") and (text := _text(message)):
            yield message["role"], text


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content.strip()
    return " ".join(part["text"] for part in content if part.get("type") == "text").strip()


def _is_only_a_greeting(asked: str) -> bool:
    return bool(A_GREETING.match(asked)) and len(asked.split()) <= 2


def _with_name(sentence: str, name: str | None) -> str:
    """`"Goodbye. Come again."` as "Goodbye, Alice. Come again."."""
    return re.sub(r"(?=[.!])", f", {name}", sentence, count=1) if name else sentence


def _ordinal(day: int) -> str:
    return f"{day}{'th' if 11 <= day <= 13 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"
