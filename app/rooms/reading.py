"""Reading back what was said: conversations by whom, with whom, where and when, and the turns of one.

What is kept for good is a moment behind, since it comes by the conversations' outboxes.  Of one conversation the rest
is read from there, so that one which is on reads whole; a list knows it once its first turn is kept.
"""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from greenroom.app.errors.families import Rejected
from greenroom.app.errors.sessions import NoSuchConversation
from greenroom.app.rooms.brief import MAIN
from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.outboxes import ReadOutbox, owner_of

LYING_AT_MOST = 10_000  # turns of a conversation that may wait to be kept: as many as its outbox holds


@dataclass(frozen=True)
class Conversation:
    """What is known of a conversation without its turns."""

    id: str
    user_id: str  # "" where nobody knows it any more
    started_ms: int
    last_ms: int  # when its last turn ended
    turn_count: int
    assistant: str | None = None
    room: str | None = None  # where it was last


@dataclass(frozen=True)
class Wanted:
    """Which conversations are asked for; None and "" leave it open."""

    user_id: str | None = None
    assistant: str | None = None
    room: str | None = None
    from_ms: int | None = None  # when they began, from here ...
    to_ms: int | None = None  # ... to before here
    words: str = ""  # that somebody said in them, in this order
    has_turns: bool = False  # only those in which something was said


def moment_ms(text: str) -> int:
    """A day or a moment as RFC 3339 has it, in UTC where it does not say, as milliseconds since 1970.

    Raises ValueError, in words.
    """
    try:
        moment = datetime.fromisoformat(text)
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise ValueError("Use a day or a moment, as in 2026-11-28 or 2026-11-28T09:30:00Z.") from error


@dataclass(frozen=True)
class Place:
    """A place in a list or in a conversation: a number that never changes, and an id for those with one number.

    So a page goes on where the one before it ended, whatever has been added meanwhile.
    """

    number: int
    id: str

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(f"{self.number}.{self.id}".encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> "Place":
        """Raises Rejected for what was never told as a place."""
        try:
            number, _, its_id = (
                base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(".")
            )
            place = cls(int(number), its_id)
        except (ValueError, binascii.Error):
            place = None
        if place is None or str(place) != text or not 0 <= place.number < 2**63 or "\0" in place.id:
            raise Rejected("There is no page after that; use what `next` said.")
        return place


@dataclass(frozen=True)
class Conversations:
    """Some conversations, the one that began last first, and where to go on; None: these were the last."""

    conversations: Sequence[Conversation]
    next: Place | None = None


@dataclass(frozen=True)
class Told:
    """A conversation and some of its turns, in order, and where to go on; None: these were the last."""

    conversation: Conversation
    turns: Sequence[Turn]
    next: Place | None = None


class KeptConversations(Protocol):
    """What is kept for good.  Each call raises DatabaseAway if it cannot be had in time."""

    def page(self, wanted: Wanted, after: Place | None, limit: int) -> Conversations:
        """The next ones that are as wanted.

        Words are looked for in a bounded number of conversations at once, so a page may have fewer than there are, or
        none, and still say where to go on.
        """
        ...

    def find(self, conversation_id: str) -> Conversation | None: ...

    def turns(self, conversation_id: str, after: Place | None, limit: int) -> Sequence[Turn]:
        """The next turns, by sequence and id."""
        ...


class Reading:
    """Reads conversations for those who may read all of them."""

    def __init__(self, kept: KeptConversations, ledger: Ledger, tenant: str = MAIN) -> None:
        self._kept = kept
        self._ledger = ledger
        self._tenant = tenant

    def page(self, wanted: Wanted, after: Place | None, limit: int) -> Conversations:
        return self._kept.page(wanted, after, limit)

    def tell(self, conversation_id: str, after: Place | None, limit: int) -> Told:
        """Raises NoSuchConversation."""
        # First what still waits: what is kept meanwhile is found in both places, and never in neither
        outbox = self._ledger.run(ReadOutbox(conversation_id, LYING_AT_MOST))
        tenant, user_id = owner_of(outbox.owner)
        is_ours = tenant == self._tenant
        turns_lying = (entry.delivery.turn for entry in outbox.entries if entry.delivery and is_ours)
        lying = [turn for turn in turns_lying if turn.is_said]
        conversation = self._kept.find(conversation_id) or _new(conversation_id, user_id, lying)
        if conversation is None:
            raise NoSuchConversation
        turns = merged(self._kept.turns(conversation_id, after, limit + 1), lying, after)
        goes_on = place_of(turns[limit - 1]) if len(turns) > limit else None
        return Told(conversation, turns[:limit], goes_on)


def _new(conversation_id: str, user_id: str, lying: Sequence[Turn]) -> Conversation | None:
    """One of which nothing is kept yet."""
    if not lying:
        return None
    started_ms = min(turn.started_ms for turn in lying)
    last_ms = max(turn.ended_ms for turn in lying)
    return Conversation(conversation_id, user_id, started_ms, last_ms, len(lying))


def place_of(turn: Turn) -> Place:
    return Place(turn.sequence, turn.id)


def merged(kept: Iterable[Turn], lying: Iterable[Turn], after: Place | None) -> list[Turn]:
    """Turns from both places, each once, in order, from after a place on."""
    turns = {turn.id: turn for turn in (*lying, *kept)}.values()
    past = (after.number, after.id) if after else (-1, "")
    return sorted(
        (turn for turn in turns if (turn.sequence, turn.id) > past), key=lambda turn: (turn.sequence, turn.id)
    )
