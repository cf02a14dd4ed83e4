"""Conversations: what was said, by whom, in which order.

A conversation has an id and a sequence of its own, and belongs to one user.  It outlives sessions: a session has a
conversation, begins another one for another person, and takes up an earlier one where /join names it.

Two sessions of its user may have one conversation at once, each in its room.  The ledger gives both their turns one
sequence, in the order in which they were said, and refuses the bots that either session has had before.  A bot has read
what there was when it came, and knows of the other room what the bot that comes after it will have read.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from greenroom.app.rooms.ledger import Step

OUTBOX_KEEPS_FOR = timedelta(days=3)  # a weekend in which nobody takes turns out of it
OUTBOX_HOLDS = 10_000  # turns of a conversation that nobody has stored yet
SUMMARY = "summary"  # the role of what nobody said: it stands for what was said before


def whole(text: str) -> str:
    """A text without halves of characters, as a model that is cut off may leave: neither Redis nor a model's server
    takes those."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Source(StrEnum):
    """How a turn came into its conversation."""

    LIVE = "live"  # it was said in the call
    RESTORED = "restored"  # a bot wrote it again, after Redis had lost it
    ADMIN = "admin"  # an operator put it there


class ToolStatus(StrEnum):
    """How the call of a tool ended."""

    COMPLETED = "completed"
    FAILED = "failed"  # the tool raised; its result says what
    CANCELLED = "cancelled"  # the person interrupted, or the tool took too long
    CUT_OFF = "cut_off"  # the bot was gone before there was a result


@dataclass(frozen=True)
class ToolCall:
    """That the model calls a tool."""

    id: str
    name: str
    arguments: str  # JSON, as the model wrote it

    def as_message_part(self) -> dict[str, Any]:
        """It as a model reads it."""
        return {
            "id": self.id,
            "type": "function",
            "function": {"name": self.name, "arguments": self.arguments},
        }


@dataclass(frozen=True)
class SumsUp:
    """What a summary stands for."""

    up_to: int  # the sequence of the last turn that it tells of
    model: str  # who has written it


@dataclass(frozen=True)
class Turn:
    """One message of a conversation, in the model's own shape, and what else is known of it.

    A bot that sums up a long conversation writes the summary down in the same way: as a turn of its own role, whose
    times are those of what it tells of.
    """

    id: str  # written twice, it is one turn
    role: str  # "user", "assistant" or "tool"; or SUMMARY
    content: str
    tool_calls: tuple[ToolCall, ...] = ()  # that an assistant's message asks for
    tool_call_id: str | None = None  # whose result a tool's message is
    tool_status: ToolStatus | None = None  # how that call ended
    person: str | None = None  # who said it, or was told it, in a room of several
    interrupted: bool = False  # it was cut short: the content is what was heard of it
    epoch: int = 0  # of the lease under which its bot wrote it
    source: Source = Source.LIVE
    sequence: int = 0  # its place; 0 before the ledger has given it one
    started_ms: int = 0  # when it began, or the call of a tool did; by Redis's clock
    ended_ms: int = 0  # 0: when the ledger gets it
    sums_up: SumsUp | None = None  # in a summary

    @property
    def is_said(self) -> bool:
        """Whether it is a part of the talk, and no summary of it."""
        return self.role != SUMMARY

    def as_message(self) -> dict[str, Any]:
        """It as a model reads it."""
        message: dict[str, Any] = {"role": self.role}
        if self.content or not self.tool_calls:
            message["content"] = self.content
        if self.tool_calls:
            message["tool_calls"] = [call.as_message_part() for call in self.tool_calls]
        if self.tool_call_id is not None:
            message["tool_call_id"] = self.tool_call_id
        return message


@dataclass(frozen=True)
class Record(Step[int]):
    """Add a turn to a conversation, and to its outbox; returns its sequence.

    0, and nothing happens, if a bot of a later epoch has the session.  The sequence is above `after`, which is the
    last that the bot knows of: so it grows through a loss of Redis.  A turn that has a sequence already keeps it.
    """

    session_id: str
    conversation_id: str
    epoch: int
    turn: Turn
    after: int = 0
    owner: str = ""  # of the conversation, should the ledger have lost that too


@dataclass(frozen=True)
class ReadTurns(Step[list[Turn]]):
    """What was said in a conversation, in order."""

    conversation_id: str


@dataclass(frozen=True)
class CountMessages(Step[int]):
    """How often a person or the bot has spoken in a conversation, in one of its sessions."""

    conversation_id: str
    session_id: str


@dataclass(frozen=True)
class BeginConversation(Step[bool]):
    """A session has another conversation from now on, of another person; the one before it stays as it was.

    False, and nothing happens, if a bot of a later epoch has the session, or with a `brief` if it is another's.
    """

    session_id: str
    epoch: int
    conversation_id: str
    owner: str
    brief: str = ""  # as JSON, where the session shall count as one that was asked for with this conversation


@dataclass(frozen=True)
class TakeUp(Step[bool]):
    """What was said in a conversation stands in the ledger again, which has forgotten it; nobody stores it once more.

    What is said from now on has its place behind all of it.  False, and no turn is written, where the ledger has some
    of its turns, or if a bot of a later epoch has the session.
    """

    session_id: str
    conversation_id: str
    epoch: int
    turns: tuple[Turn, ...]
    last_sequence: int
