"""What a session's events say: each as a line, and what the last ones mean for one that waits."""

from collections.abc import Sequence

from greenroom.app.rooms.session_events import Event, Happened
from greenroom.app.rooms.sessions import State

WORDS = {
    "pending": "a bot is asked for",
    "queued": "no slot is free",
    "joining": "a worker's process has taken it",
    "live": "on stage",
    "paused": "silent and deaf until it is resumed",
    "pause_asked": "its bot is to be silent",
    "resume_asked": "its bot is to speak again",
    "extended": "it may last so long now",
    "admin_acted": "its bot was made to do something",
    "ends_soon": "the people were told that its time is nearly over",
    "service_failed": "a speech service failed",
    "quiet": "nobody said anything: the bot asked whether they are there",
    "waiting": "alone in the room; it waits",
    "transitioning": "on its way to another room",
    "moved": "has gone to another room",
    "move_failed": "does not go to the other room",
    "leaving": "leaving",
    "lost": "its bot was lost",
    "person_arrived": "a person came",
    "person_left": "a person left",
    "cleaned": "what its bot had under way is over",
    "message_expired": "its bot read a request too late",
    "parked": "its worker stops, and there is no other slot: it waits in front of those who have just come",
    "handed_over": "goes on with another worker's bot",
    "sent_to_people": "nobody asked for it",
    "ended": "ended",
    "conversation_begun": "another person's conversation begins",
    "switched": "another assistant's conversation begins",
    "turns_restored": "its bot wrote turns again that Redis had lost",
    "turn_unkept": "a turn is not kept for good",
}


def in_words(event: Event) -> str:
    """A line of a session's history."""
    extra = extra_of(event)
    words = WORDS.get(event.event, event.event.replace("_", " "))
    return f"{event.event:<16} {words}{f' ({extra})' if extra else ''}"


def extra_of(event: Event) -> str:
    """What a line says besides what happened."""
    return ", ".join(filter(None, (_who(event), event.reason, event.detail, _which(event))))


def _who(event: Event) -> str | None:
    name = event.appearance.name
    return f"{event.person}, {name}" if name and name != event.person else event.person


def _which(event: Event) -> str | None:
    """Which turn of which conversation; what was said there is told by `greenroom conversation`."""
    if event.conversation_id is None:
        return None
    return f"{event.conversation_id}#{event.sequence}" if event.sequence else event.conversation_id


def was_on_stage(events: Sequence[Event]) -> bool:
    return any(event.event in (Happened.PARKED, State.LOST) for event in events)


def before(events: Sequence[Event]) -> str:
    """What came before a session that waits, if it was on stage already."""
    for event in reversed(events):
        if event.event in (State.LOST, Happened.PARKED):
            detail = f" ({event.detail})" if event.detail else ""
            return f", since its bot was {event.event}{detail}"
    return ""


def crashes(events: Sequence[Event]) -> str:
    lost = [event for event in events if event.event == State.LOST]
    if not lost:
        return ""
    times = "once" if len(lost) == 1 else f"{len(lost)} times"
    detail = f": {lost[-1].detail}" if lost[-1].detail else ""
    return f" Its bot was lost {times} before (last{detail})."
