"""A session's history: what stands in it besides its changes of state, and how it is written and read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from greenroom.app.rooms.ledger import Step


class Happened(StrEnum):
    """What stands in a session's history and is no change of state.  The list is closed."""

    QUEUED = "queued"  # it waits for a slot, at this position
    PARKED = "parked"  # its worker stops while no other slot is free
    HANDED_OVER = "handed_over"  # another worker's bot has it
    MOVED = "moved"  # it is in another room
    MOVE_FAILED = "move_failed"  # it stays in its room
    PERSON_ARRIVED = "person_arrived"
    PERSON_LEFT = "person_left"
    SENT_TO_PEOPLE = "sent_to_people"  # nobody asked for it: the presence monitor found people without a bot
    CLEANED = "cleaned"  # what its bot had under way was cancelled; the detail says what
    MESSAGE_EXPIRED = "message_expired"  # its bot read a request too late
    CONVERSATION_BEGUN = "conversation_begun"  # another person's: nothing of the one before is in it
    SWITCHED = "switched"  # to the assistant in the detail, whose conversation begins
    TURNS_RESTORED = "turns_restored"  # its bot wrote again what Redis had lost of the conversation
    TURN_UNKEPT = "turn_unkept"  # one that was said is not kept for good: the archive refuses it
    PAUSE_ASKED = "pause_asked"  # for a call, or by whom it says
    RESUME_ASKED = "resume_asked"
    EXTENDED = "extended"  # it may last this long now
    ADMIN_ACTED = "admin_acted"  # the bot was made to do something: what, and by whom, without its words
    ENDS_SOON = "ends_soon"  # its people were told so: in this time
    SERVICE_FAILED = "service_failed"  # it hears, thinks or speaks: which part, which service, in which way
    QUIET = "quiet"  # nobody has said anything for so long: its bot has asked whether they are there


KEPT_FROM_PEOPLE = frozenset({Happened.ADMIN_ACTED})  # an admin may listen, and whisper, unnoticed


@dataclass(frozen=True)
class Appearance:
    """What a room tells of a person besides who they are."""

    name: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)


NO_APPEARANCE = Appearance()


@dataclass(frozen=True)
class Event:
    """One line of a session's history."""

    id: str
    at_ms: int
    event: str
    epoch: int
    reason: str | None = None
    detail: str | None = None
    person: str | None = None  # who came or went, or whose conversation begins
    appearance: Appearance = NO_APPEARANCE
    conversation_id: str | None = None  # in which that is, of which it tells; never what is said there
    sequence: int | None = None  # and at which turn


@dataclass(frozen=True)
class Note(Step[None]):
    """Put something that is not a change of state into a session's history."""

    session_id: str
    event: Happened
    epoch: int
    detail: str | None = None
    person: str | None = None  # who came or went; who came is the session's person from now on
    appearance: Appearance = NO_APPEARANCE
    conversation_id: str | None = None
    sequence: int | None = None


@dataclass(frozen=True)
class ReadEvents(Step[list[Event]]):
    """A session's history after an event, waiting for one if there is none yet."""

    session_id: str
    after: str = "0"
    wait: timedelta = timedelta(0)
