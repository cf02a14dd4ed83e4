"""What a bot is told of its session: the `body` of its runner arguments."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from greenroom.app.rooms.sessions import Session


def body_of(
    session: Session,
    *,
    conversation: Sequence[Any],
    by_person: Mapping[str, Sequence[Any]],
    owes_an_answer: bool,
    owed_to: Sequence[str] = (),
    remembered: str = "",
    equipment: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """All that was asked for, by name, or has been changed since; and what was said before, as messages.

    `by_person` has for each of several people what they and the bot said to each other.  A bot that was lost may have
    owed an answer, or the rest of one; `owed_to` are those of several people to whom it did.  `remembered` is what is
    known of the user from earlier conversations, in words.  `equipment` has the model, services, tools and
    events of apps that the session was changed to, if it was.
    """
    return {
        **session.brief.facts(),
        **equipment,
        "room_url": str(session.room),
        "conversation": list(conversation),
        "participant_contexts": dict(by_person),
        "owes_an_answer": owes_an_answer,
        "owed_to": list(owed_to),
        "remembered": remembered,
    }
