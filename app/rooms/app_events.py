"""What a person does in their app, as their bot's model is told of it.

It stands among what was said, marked as the app's word: not in the system's role, for an app says what its person
makes it say; and not as a turn of the person's, who has said nothing.  It is in the model's context alone: no database
keeps it, and the session's next bot does not know it.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from greenroom.app.errors.bots import EventNotListed, UnreadableEvent
from greenroom.app.rooms.conversations import whole

NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}", re.ASCII)  # of an event
EVENT_HOLDS = 4096  # bytes of JSON: a model reads each of them with every answer from then on
EVENTS_READ = 20  # the last ones that a model reads; what a person did long ago helps it no more

HEADING = "The person's app reports, and the person has not said it:"
BY_THE_WAY = "It is no request, and need not be answered."


def as_told_to_model(event: str, data: Any, listed: Collection[str]) -> str:
    """An event as a model reads it; never as the system's words, nor as the person's own.

    Raises EventNotListed for a type that nobody has listed, and UnreadableEvent for what is too long or no JSON.
    """
    if event not in listed:
        raise EventNotListed
    try:
        told = "" if data is None else f" {json.dumps(data, ensure_ascii=False, allow_nan=False)}"
    except (TypeError, ValueError, RecursionError) as error:
        raise UnreadableEvent from error
    told = whole(told)
    if not NAME.fullmatch(event) or len(told.encode()) > EVENT_HOLDS:
        raise UnreadableEvent
    return f"[{HEADING} {event}{told}. {BY_THE_WAY}]"


def is_event(message: Any) -> bool:
    """Whether a message of a model's context is one of these."""
    content = message.get("content") if isinstance(message, Mapping) else None
    return isinstance(content, str) and content.startswith(f"[{HEADING}")


def with_event(told: str, messages: list[Any]) -> list[Any]:
    """A context's messages with one more event, of which the last ones stay.

    What the person said last stays behind it, so that the model answers that.
    """
    events = [message for message in messages if is_event(message)]
    gone = {id(message) for message in events[: max(0, len(events) - EVENTS_READ + 1)]}
    kept = [message for message in messages if id(message) not in gone]
    event = {"role": "user", "content": told}
    last = kept[-1] if kept else None
    if isinstance(last, Mapping) and last.get("role") == "user" and not is_event(last):
        return [*kept[:-1], event, last]
    return [*kept, event]
