"""Takes assistants over from an application's MongoDB: what is missing is added, and nothing else is changed."""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from greenroom.app.errors.families import Rejected
from greenroom.app.errors.users import AssistantExists
from greenroom.app.operate.mongo_documents import BadDocument, in_snake_case
from greenroom.app.rooms.assistants import NAME, Assistant, AssistantStore, VoiceSessionConfig

USUAL = VoiceSessionConfig(persistence=timedelta(seconds=300), max_duration=timedelta(seconds=3600))

LAST_MS = 253_402_300_800_000  # the year 10000, which no answer could tell; such a date counts as none

# What their names are called here; where a document has both, ours counts
NAMES = {
    "assistant_name": "name",
    "client_language": "language",
    "personality_id": "personality",
    "persona_name": "persona",
    "voice_id": "voice",
}
FIELDS = frozenset(Assistant.__dataclass_fields__) - {"id", "created_ms", "updated_ms"}

Read = Callable[
    [str, Mapping[str, Any]], Assistant
]  # an assistant of these facts; raises Rejected in a sentence


class Outcome(StrEnum):
    """What came of a document."""

    ADDED = "added"
    SET = "there already; its voice_session_config was missing, and is set"
    LEFT = "there already, and left as it is"
    BAD = "not imported"

    @property
    def short(self) -> str:
        """For a count of them."""
        return {Outcome.SET: "set", Outcome.LEFT: "left as they are"}.get(self, self.value)


@dataclass(frozen=True)
class Imported:
    """One document, and what came of it."""

    place: int  # in the file, from 1
    name: str  # as the document has it, or nothing
    outcome: Outcome
    because: str = ""
    assistant: Assistant | None = None
    left_out: tuple[str, ...] = ()  # fields that nothing here has a use for

    def __str__(self) -> str:
        called = f"document {self.place}" + (f" ({self.name})" if self.name else "")
        if self.outcome is Outcome.BAD:
            return f"{called}: {self.outcome}: {self.because}"
        assert self.assistant is not None
        as_name = "" if self.assistant.name == self.name else f" as {self.assistant.name}"
        left_out = f"; left out: {', '.join(self.left_out)}" if self.left_out else ""
        return f"{called}{as_name}: {self.outcome}{left_out}"


def import_assistants(
    documents: Iterable[Mapping[str, Any] | BadDocument], store: AssistantStore, read: Read, *, dry: bool
) -> Iterator[Imported]:
    """Import each document by itself: one that is bad stops no other.  Safe to repeat.  Raises DatabaseAway.

    Where it is `dry`, nothing is changed, and what would be is told.
    """
    names: set[str] = set()  # of earlier documents
    for place, document in enumerate(documents, 1):
        if isinstance(document, BadDocument):
            yield Imported(place, "", Outcome.BAD, str(document))
            continue
        facts, left_out = _facts(document)
        called = _shown(facts.get("name"))
        try:
            assistant = _assistant(document, facts, read)
            if assistant.name in names:
                raise AssistantExists(f"An earlier document is called {assistant.name}.")
            names.add(assistant.name)
            outcome, assistant = _kept(assistant, store, dry=dry)
        except (Rejected, AssistantExists) as error:
            yield Imported(place, called, Outcome.BAD, str(error))
            continue
        yield Imported(place, called, outcome, assistant=assistant, left_out=left_out)


def _kept(assistant: Assistant, store: AssistantStore, *, dry: bool) -> tuple[Outcome, Assistant]:
    there = store.find(assistant.id) or store.find(assistant.name)
    if there is None:
        return Outcome.ADDED, assistant if dry else store.add(assistant)
    if there.voice_session_config is not None:
        return Outcome.LEFT, there

    def set_config(old: Assistant) -> Assistant:
        return replace(old, voice_session_config=old.voice_session_config or assistant.voice_session_config)

    changed = set_config(there) if dry else store.change(there.id, set_config)
    return Outcome.SET, changed or there


def _facts(document: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What a document says in our words, and the names of what it says besides."""
    said = in_snake_case(document)
    persistence = said.pop("voice_session_persistence", None)
    facts = {NAMES[name]: said.pop(name) for name in NAMES.keys() & said.keys()}
    facts |= {name: said.pop(name) for name in FIELDS & said.keys()}
    for of_mongo in ("_id", "__v", "created_at", "updated_at"):
        said.pop(of_mongo, None)
    config = facts.get("voice_session_config", {})
    if persistence is not None and isinstance(config, dict):
        facts["voice_session_config"] = {"persistence": persistence, **config}
    return facts, tuple(sorted(map(_shown, said)))


def _assistant(document: Mapping[str, Any], facts: dict[str, Any], read: Read) -> Assistant:
    its_id = str(document.get("_id") or uuid.uuid4().hex)
    if not NAME.fullmatch(its_id):
        raise Rejected(f"Its _id is {_shown(its_id)}; use up to 64 letters, digits, _ and -.")
    if isinstance(facts.get("name"), str):
        facts = {**facts, "name": re.sub(r"[^A-Za-z0-9_-]+", "-", facts["name"]).strip("-_")}
    assistant = read(its_id, facts)
    created_ms = document.get("createdAt", document.get("created_at"))
    is_date = type(created_ms) is int and 0 <= created_ms < LAST_MS
    return replace(
        assistant,
        created_ms=created_ms if is_date else 0,
        voice_session_config=_config(assistant.voice_session_config),
    )


def _config(own: VoiceSessionConfig | None) -> VoiceSessionConfig:
    """All of it said: what a document leaves out is as it has always been, whatever the installation has."""
    if own is None:
        return USUAL
    persistence = USUAL.persistence if own.persistence is None else own.persistence
    max_duration = USUAL.max_duration if own.max_duration is None else own.max_duration
    return replace(own, persistence=persistence, max_duration=max_duration)


def _shown(value: Any) -> str:
    """A value of somebody else's file, on one line."""
    text = "" if value is None else str(value)[:64]
    return "".join(each if each.isprintable() else "?" for each in text)
