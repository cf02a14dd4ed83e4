"""The demo's answers: what to say next, derived from the conversation so far alone.

It keeps no state of its own, so a bot that takes over a conversation knows what the one before it knew.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from greenroom.app.rooms.memory import EVERYTHING, FORGET, REMEMBER, facts_in
from greenroom.app.rooms.summarising import EXTRACTED, extract
from greenroom.bots.demo_script import NOTHING, RETURNED, Entry, fill, script
from greenroom.bots.personalities import Personality
from greenroom.bots.speech.demo.conversation import (
    ASKED_FOR_THE_NAME,
    DONE,
    NAME,
    Talk,
    asks_to_be_forgotten,
    talk_in,
    talk_of,
    turns_in,
    turns_of,
)
from greenroom.bots.speech.demo.sums import UNITS, number_in, result_of

COUNTS_FROM, COUNTS_AT_MOST = 5, 10
COULD_NOT = "I could not do that. {error}"
KILLED = "I was away: my process died, and another one went on."


@dataclass(frozen=True)
class Deed:
    """A tool that is called, and what is said then."""

    tool: str
    arguments: Mapping[str, Any]
    known: Mapping[str, str] = field(default_factory=dict)
    done: str = ""  # said when it did it, with what it returned; empty: nothing is said of it
    refused: str = ""

    def said(self, result: Any) -> str:
        """What is said once the tool has returned this; None: it cannot be called here."""
        returned = result if isinstance(result, Mapping) else {}
        has_failed = not isinstance(result, Mapping) or "error" in returned
        told = {name: _spoken(returned.get(name, "")) for name in RETURNED}
        if result is None:
            told["error"] = NOT_HERE
        words = (self.refused or COULD_NOT) if has_failed else self.done
        return fill(words, {**self.known, **told})


@dataclass(frozen=True)
class Reply:
    """What to say, and whether to leave when it is said."""

    text: str  # empty: say nothing, rather than the same sentence again
    leaves: bool = False
    may_wait: bool = False  # it only says that nothing was understood: not worth interrupting anybody for
    deeds: Sequence[Deed] = ()  # done first; what is said of them stands behind the text


def answer(messages: Sequence[Mapping[str, Any]], now: datetime, who: Personality) -> Reply:
    """The reply to the last of these messages.  Without one it is the greeting; after one of ours, "I am back"."""
    turns = list(turns_of(messages))
    known = facts_in(messages).get(NAME)
    if not turns:
        return Reply(_hello(who, known))
    talk = talk_of(messages, now, who)
    if turns[-1][0] in ("assistant", DONE):
        return Reply(_back(talk))
    if not talk.last_said and not talk.is_new_name and _is_only_a_greeting(talk.asked):
        return Reply(_hello(who, known))
    if LEAVING.search(talk.asked):
        return Reply(_with_name(who.goodbye, talk.name), leaves=True)
    if not talk.asked and not talk.is_new_name:
        return Reply(_not_heard(talk), may_wait=True)
    said, deeds = _answers(talk)
    if talk.is_new_name and talk.name and talk.name != known:
        deeds = [Deed(REMEMBER, {"key": NAME, "text": talk.name}), *deeds]
    return Reply(" ".join([*([KILLED] if talk.is_back else []), *said]), deeds=deeds)


def _hello(who: Personality, name: str | None) -> str:
    """The greeting, and what may be said here: nobody can guess which sentences a script knows."""
    if name:
        return f"Hello again, {name}. You can ask me the time, or say help."
    introduction, stop, question = who.greeting.rpartition(". ")
    return f"{introduction}{stop}You can ask me the time, or say help. {question}"


def _back(talk: Talk) -> str:
    back = f"I am back, {talk.name}. Where were we?" if talk.name else "I am back. What is your name?"
    return f"{KILLED} {back}" if talk.is_back else back


def summary_of(transcript: str, now: datetime, who: Personality) -> str:
    """An extract of a conversation that pipecat has put into words: who they are, and what they said last."""
    turns = list(turns_in(transcript))
    said: list[str] = []
    for role, text in turns:
        if role == "user":
            said = [] if asks_to_be_forgotten(text) else [*said, text]
    name = talk_in(turns, now, who).name
    return extract([f"My name is {name}", *said[1 - EXTRACTED :]] if name else said)


# What decides before the script

LEAVING = re.compile(
    r"^(?:(?!.*\b(?:say|says|said|saying|don't|mean|means)\b).* )?"
    r"(?:goodbye|good bye|bye|(?<!to )(?<!can )see you|farewell|good night|that's all|that is all|hang up"
    r"|(?:i have|i've got|i must|i need) to go)"
    r"(?: \w+){0,2}$",
    re.IGNORECASE,
)
FORGOTTEN = "I have forgotten you and what you told me."
NOT_HERE = "I have no such tool here."
A_GREETING = re.compile(r"\b(?:hello|hi|hey|greetings|good (?:morning|afternoon|evening))\b", re.IGNORECASE)


def _answers(talk: Talk) -> tuple[list[str], list[Deed]]:
    """Everything that is found in what was said, in the order of the script."""
    if talk.asks_to_forget:
        return [FORGOTTEN], [Deed(FORGET, {"key": EVERYTHING})]
    found = list(_found(script().answers, talk))
    alone = next((each for each in found if each[0].alone), None)
    if alone is not None:
        return _said([alone])
    said, deeds = _said(found)
    if talk.is_new_name:
        first = f"Nice to meet you, {talk.name}."
        return [first, *(said or ([] if deeds else ["Ask me the time, or what I am."]))], deeds
    if said or deeds:
        return said, deeds
    return _said(list(itertools.islice(_found(script().small_talk, talk), 1)))


def _found(entries: Sequence[Entry], talk: Talk) -> Iterator[tuple[Entry, dict[str, str]]]:
    """Each entry that is an answer, with what is known for it."""
    for entry in entries:
        match = entry.match(talk.asked)
        if match is None:
            continue
        known = _known(talk, match)
        if entry.if_known is None or (
            not talk.name if entry.if_known == NOTHING else known.get(entry.if_known)
        ):
            yield entry, known


def _known(talk: Talk, match: re.Match[str]) -> dict[str, str]:
    groups = {str(number): (group or "").strip() for number, group in enumerate(match.groups(), 1)}
    return {
        **groups,
        "name": talk.name or "",
        "persona": talk.who.name,
        "time": _time(talk.now),
        "date": f"{talk.now:%A}, the {_ordinal(talk.now.day)} of {talk.now:%B}",
        "last_said": talk.last_said,
        "asked": talk.asked.lower(),
        "sum": result_of(talk.written) or "",
        "countdown": _countdown(number_in(talk.written)),
        "remembered": talk.facts.get(groups.get("1", "").casefold(), ""),
        "what_happened": _what_happened(talk),
    }


def _said(found: Sequence[tuple[Entry, dict[str, str]]]) -> tuple[list[str], list[Deed]]:
    said, deeds = [], []
    for entry, known in found:
        if entry.tool is None:
            said.append(fill(entry.say, known))
        else:
            filled = {
                name: fill(each, known) if isinstance(each, str) else each
                for name, each in entry.arguments.items()
            }
            deeds.append(Deed(entry.tool, filled, known, entry.say, entry.refused))
    return list(dict.fromkeys(said)), deeds


def _time(now: datetime) -> str:
    hour, part = now.hour % 12 or 12, "morning"
    if now.hour >= 12:
        part = "afternoon" if now.hour < 18 else "evening"
    minutes = f":{now.minute:02}" if now.minute else " o'clock"
    return f"{hour}{minutes} in the {part}"


def _countdown(first: int | None) -> str:
    first = COUNTS_FROM if first is None else min(max(first, 1), COUNTS_AT_MOST)
    return " ".join(f"{UNITS[number].capitalize()}." for number in range(first, 0, -1))


def _what_happened(talk: Talk) -> str:
    if not talk.was_killed:
        return "Nothing happened to me, as far as I know: one process has been here all along."
    told = "" if talk.is_back else f"{KILLED} "  # else the answer begins with it anyway
    return f"{told}It knows all that was said, because every turn is written down as it is said."


def _spoken(value: Any) -> str:
    """What a tool returned, as it is said."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "; ".join(str(value).rstrip(".").splitlines())


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


def _is_only_a_greeting(asked: str) -> bool:
    return bool(A_GREETING.match(asked)) and len(asked.split()) <= 2


def _with_name(sentence: str, name: str | None) -> str:
    """`"Goodbye. Come again."` as "Goodbye, Alice. Come again."."""
    return re.sub(r"(?=[.!])", f", {name}", sentence, count=1) if name else sentence


def _ordinal(day: int) -> str:
    return f"{day}{'th' if 11 <= day <= 13 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"
