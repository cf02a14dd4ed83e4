"""Assistants: bots by names of their own, each with what it needs to be that one."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

from greenroom.app.errors.sessions import AnotherBot
from greenroom.app.errors.users import NoSuchAssistant
from greenroom.app.rooms.brief import Brief
from greenroom.app.rooms.cached import Cached, Waiting
from greenroom.app.rooms.precedence import MERGED
from greenroom.app.rooms.voice_rooms import RoomPrivacy

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
SEEN_WITHIN = timedelta(seconds=3)  # a change is seen by other processes
KEPT_AT_MOST = 1000  # assistants, in each web process
WITHIN = timedelta(seconds=2)  # that a join waits for the database


@dataclass(frozen=True)
class VoiceSessionConfig:
    """How voice sessions with an assistant go."""

    enabled: bool = True
    persistence: timedelta | None = (
        None  # how long it waits in an empty room; None: as the installation has it
    )
    room_privacy: RoomPrivacy = RoomPrivacy.PRIVATE
    max_duration: timedelta | None = None  # None: as the installation has it
    # How long nobody may say anything while people are there; None: as its personality has it
    silence: timedelta | None = None
    auto_start: bool = False  # whether it comes before anybody asks
    rollout_share: int = 100  # percent of its users who get it


@dataclass(frozen=True)
class Assistant:
    """One of them.  None and what is empty are left to its personality, and to the installation."""

    id: str
    name: str
    bot: str | None = None
    personality: str | None = None
    persona: str | None = None  # the name that it goes by
    language: str | None = "en"
    voice: str | None = None
    voice_parameters: Mapping[str, Any] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    memory: bool = True  # whether it knows a user from earlier conversations
    recording: bool = False
    require_profile: tuple[str, ...] = ()  # fields that its users must have
    voice_session_config: VoiceSessionConfig | None = None  # None: nobody has said anything of it
    created_ms: int = 0
    updated_ms: int = 0

    @property
    def voice_session(self) -> VoiceSessionConfig:
        return self.voice_session_config or VoiceSessionConfig()

    def facts(self) -> dict[str, Any]:
        """What it says of a brief, by the brief's names."""
        voice_session = self.voice_session
        return {
            "assistant": self.name,
            "bot": self.bot,
            "personality": self.personality,
            "persona": self.persona,
            "language": self.language,
            "voice": self.voice,
            "voice_parameters": self.voice_parameters,
            "prompts": self.prompts,
            "memory": self.memory,
            "persistence": voice_session.persistence,
            "max_duration": voice_session.max_duration,
            "silence": voice_session.silence,
        }

    def in_effect(self, *, persistence: timedelta, max_duration: timedelta) -> "Assistant":
        """Itself with all of its voice sessions' configuration: the rest of it as the installation has it."""
        own = self.voice_session
        config = replace(
            own,
            persistence=persistence if own.persistence is None else own.persistence,
            max_duration=max_duration if own.max_duration is None else own.max_duration,
        )
        return replace(self, voice_session_config=config)


NOBODY = Assistant("", "", language=None)  # of a session that was joined without one

# What a bot takes over from its assistant while it talks; it keeps its module, its clocks and its memory
FOLLOWED = ("personality", "persona", "language", "voice", "voice_parameters", "prompts")


def follow(brief: Brief, before: Assistant, now: Assistant) -> Brief:
    """A brief as its assistant would have it now; what it has not got from the assistant as it was before stays."""
    old, new = before.facts(), now.facts()
    changes: dict[str, Any] = {}
    for name in FOLLOWED:
        was, asked = getattr(brief, name), old[name]
        if old[name] == new[name]:
            continue
        if name in MERGED:  # each entry by itself
            kept = {key: value for key, value in was.items() if (asked or {}).get(key) != value}
            changes[name] = {**(new[name] or {}), **kept}
        elif was == asked:
            changes[name] = new[name]
    if changes.get("personality", "") is None:  # the installation's, which only the next join knows
        del changes["personality"]
    return replace(brief, **changes)


def switched(brief: Brief, before: Assistant | None, now: Assistant, *, bot: str, personality: str) -> Brief:
    """A brief as another assistant would have it; what the call had named stays.

    `bot` and `personality` are those of an assistant that names none.  Raises AnotherBot.
    """
    if (now.bot or bot) != brief.bot:
        raise AnotherBot(assistant=now.name)
    old, new = (
        replace(each, personality=each.personality or personality) for each in (before or NOBODY, now)
    )
    memory = new.memory if brief.memory == old.memory else brief.memory
    return replace(follow(brief, old, new), assistant=new.name, memory=memory)


class AssistantStore(Protocol):
    """Keeps assistants.  Each call raises DatabaseAway if it cannot be had in time."""

    def find(self, name: str) -> Assistant | None:
        """The assistant of that name, or of that id."""
        ...

    def find_all(self, names: Collection[str]) -> Mapping[str, Assistant]:
        """Those of these names or ids that there are, by what they were asked for."""
        ...

    def page(self, after: str, limit: int) -> Sequence[Assistant]:
        """The next ones by name, after that name."""
        ...

    def add(self, assistant: Assistant) -> Assistant:
        """Keep a new one; returns it with its times.  Raises AssistantExists."""
        ...

    def change(self, name: str, change: Callable[[Assistant], Assistant]) -> Assistant | None:
        """Change one as nobody else does meanwhile; None if there is none.  Raises AssistantExists for a name."""
        ...

    def remove(self, name: str) -> Assistant | None:
        """Keep it no more; returns what it was."""
        ...


class Assistants:
    """The assistants of an installation, for joins as well: those are kept in memory for a few seconds.

    A change by this process is seen by its next join, one by another process within SEEN_WITHIN.
    """

    def __init__(self, store: AssistantStore, waiting: Waiting = nullcontext) -> None:
        """A join that waits longer than a moment for the database does so in `waiting`, which may refuse it."""
        self._store = store
        self._known = Cached(
            store.find_all, lasts=SEEN_WITHIN, at_most=KEPT_AT_MOST, within=WITHIN, waiting=waiting
        )

    def known(self, name: str) -> Assistant | None:
        """The assistant of that name or id, as a join finds it: soon, and while the database is away too."""
        return self._known.get(name)

    def get(self, name: str) -> Assistant:
        """The same as it is kept at this moment.  Raises NoSuchAssistant."""
        return _there(self._store.find(_possible(name)), name)

    def page(self, after: str, limit: int) -> tuple[Sequence[Assistant], str | None]:
        """Some of them by name, and the name after which the next ones come; None: these were the last."""
        some = self._store.page(after, limit + 1)
        return some[:limit], some[limit - 1].name if len(some) > limit else None

    def add(self, assistant: Assistant) -> Assistant:
        return self._store.add(assistant)

    def change(self, name: str, change: Callable[[Assistant], Assistant]) -> Assistant:
        """Raises NoSuchAssistant, AssistantExists."""
        try:
            return _there(self._store.change(_possible(name), change), name)
        finally:
            self._forget(name)

    def remove(self, name: str) -> None:
        """Raises NoSuchAssistant."""
        try:
            _there(self._store.remove(_possible(name)), name)
        finally:
            self._forget(name)

    def _forget(self, name: str) -> None:
        """Also where the database was away in mid-change: nobody knows whether it has changed."""
        self._known.forget(lambda old: name in (old.name, old.id))


def _possible(name: str) -> str:
    """A name that an assistant may have: no database is asked for others, for some take no zero byte."""
    return name if NAME.fullmatch(name) else ""


def _there(found: Assistant | None, name: str) -> Assistant:
    if found is None:
        raise NoSuchAssistant(f"There is no assistant named {name}; GET /assistants lists those there are.")
    return found
