"""What was said in a session."""

from dataclasses import dataclass

from greenroom.app.rooms.ledger import Step


@dataclass(frozen=True)
class Said:
    """Something that was said in a conversation."""

    id: str  # of the turn: written twice, it is one
    role: str  # "user" or "assistant"
    content: str
    at_ms: int = 0
    person: str | None = None  # who said it, or was told it, in a room of several


@dataclass(frozen=True)
class Record(Step[bool]):
    """Add a turn to a session's conversation; False, and nothing happens, if a bot of a later epoch has the session."""

    session_id: str
    epoch: int
    said: Said


@dataclass(frozen=True)
class Conversation(Step[list[Said]]):
    """What was said in a session, in order."""

    session_id: str


@dataclass(frozen=True)
class Erase(Step[None]):
    """Forget what was said in a session: its next person is another."""

    session_id: str
    epoch: int
