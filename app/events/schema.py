"""The one schema of events: every type, what it means, and its facts.  What is told is told as this says.

No event has words that somebody said: a turn is referred to by its conversation and its number there, and is read from
the API.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from greenroom.app.rooms.session_events import KEPT_FROM_PEOPLE, Happened
from greenroom.app.rooms.sessions import State
from greenroom.app.rooms.told import Entry

Kind = Callable[[str], Any]  # reads a fact, which the ledger keeps as text


def names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def yes(text: str) -> bool:
    return text == "1"


@dataclass(frozen=True)
class EventType:
    """One type: what has happened, and what else is told of it."""

    means: str
    facts: Mapping[str, Kind] = field(default_factory=dict)
    is_heard: bool = False  # best effort: it is told to whoever listens now, and kept for no one


_OF_CONVERSATIONS = {
    Happened.CONVERSATION_BEGUN: "another person's conversation has begun: nothing of the one before is in it",
    Happened.SWITCHED: "it is another assistant now, with a conversation that has just begun",
    Happened.TURNS_RESTORED: "the bot has written again what Redis had lost of the conversation",
    Happened.TURN_UNKEPT: "a turn is not kept for good: the archive refuses it, and the history says why",
}
REASON: Mapping[str, Kind] = {"reason": str}
PERSON: Mapping[str, Kind] = {"person": str}
TURN: Mapping[str, Kind] = {"conversation": str, "turn": int, "role": str, "person": str, "interrupted": yes}

_OF_A_STATE = {
    State.LOST: "its bot is gone; `reason` says how",
    State.ENDED: "it is over; `reason` says why",
}
_OF_PEOPLE = {
    Happened.PERSON_ARRIVED: ("participant.joined", "a person has come into the room"),
    Happened.PERSON_LEFT: ("participant.left", "a person has left the room"),
}

TYPES: Mapping[str, EventType] = MappingProxyType(
    {
        **{
            f"session.{state}": EventType(_OF_A_STATE.get(state, f"the session is {state} now"), REASON)
            for state in State
        },
        **{
            f"session.{happened}": EventType(
                _OF_CONVERSATIONS.get(happened, f"`{happened}` has come into the session's history"), REASON
            )
            for happened in Happened
            if happened not in _OF_PEOPLE and happened not in [*State]
        },
        **{name: EventType(means, PERSON) for name, means in _OF_PEOPLE.values()},
        "room.state": EventType(
            "things were opened or closed in the room; `GET /rooms/{room}` has them",
            {"opened": names, "closed": names},
        ),
        "conversation.turn": EventType("something was said, or a tool has returned", TURN),
        "voice.session.start": EventType("the bot is on stage for the first time"),
        "voice.session.end": EventType(
            "a session whose bot has been on stage is over", {"reason": str, "duration_ms": int}
        ),
        "voice.error": EventType(
            "a bot, or a speech service of its, has failed; `kind` says how", {"kind": str}
        ),
        "voice.speech.start": EventType("a person begins to speak", PERSON, is_heard=True),
        "voice.speech.end": EventType("a person has stopped", PERSON, is_heard=True),
        "voice.transcript": EventType("it is known what was said", TURN, is_heard=True),
        "voice.bot.speaking": EventType("the bot begins or stops to speak", {"speaking": yes}, is_heard=True),
        "voice.audio.level": EventType(
            "how loud somebody is, from 0 to 1", {"level": float, "person": str, "bot": yes}, is_heard=True
        ),
    }
)

ENDED = f"session.{State.ENDED}"
BASE = ("id", "type", "time", "tenant", "user", "room", "session", "sequence", "epoch")
GAP = "stream.gap"  # no event: some that were told are not here any more
KEPT_FROM_BROWSERS = frozenset(f"session.{each}" for each in KEPT_FROM_PEOPLE)
NOT_FOR_BROWSERS = frozenset({"tenant", "user", "person"})  # their room tells them already who is there


@dataclass(frozen=True)
class Event:
    """Something that has happened to a session."""

    id: str  # told twice, it is one event
    type: str
    at_ms: int
    tenant: str
    user: str
    room: str
    session: str
    sequence: int  # its place among the session's events of its stream
    epoch: int
    facts: Mapping[str, Any]
    is_heard: bool
    history: str = ""  # the id of its line in the session's history

    @classmethod
    def of(cls, entry: Entry) -> "Event":
        """Read an entry; one of a type that only a newer version knows has its facts as text."""
        fields = entry.fields
        kinds = TYPES[fields["type"]].facts if fields["type"] in TYPES else {}
        known = {"type", "tenant", "user", "room", "session", "sequence", "epoch", "history"}
        return cls(
            id=f"h{entry.id}" if entry.is_heard else entry.id,
            type=fields["type"],
            at_ms=int(entry.id.partition("-")[0]),
            tenant=fields.get("tenant", ""),
            user=fields.get("user", ""),
            room=fields.get("room", ""),
            session=fields["session"],
            sequence=int(fields.get("sequence", 0)),
            epoch=int(fields.get("epoch", 0)),
            facts={name: kinds.get(name, str)(text) for name, text in fields.items() if name not in known},
            is_heard=entry.is_heard,
            history=fields.get("history", ""),
        )

    def as_json(self, *, for_browser: bool = False) -> dict[str, Any]:
        """It as it is told: to servers whole, to a browser without who is there."""
        told = {
            "id": self.id,
            "type": self.type,
            "time": moment(self.at_ms),
            "tenant": self.tenant,
            "user": self.user,
            "room": self.room,
            "session": self.session,
            "sequence": self.sequence,
            "epoch": self.epoch,
            **self.facts,
        }
        return {name: it for name, it in told.items() if not (for_browser and name in NOT_FOR_BROWSERS)}


def moment(at_ms: int) -> str:
    """A time as the API has it, in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
