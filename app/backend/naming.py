"""Which conversation a session begins with, where somebody's own backend names it."""

from datetime import timedelta

from greenroom.app.backend.calls import Backend
from greenroom.app.errors.storage import BackendAway, BackendRefused
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.sessions import Session
from greenroom.app.rooms.taking_up import keep_own, take_up

NAMES_WITHIN = timedelta(seconds=1)  # the bot's start waits for it


def begin_as_named(ledger: Ledger, session: Session, backend: Backend) -> Session:
    """The session, with the conversation that the backend names, if it names one that its user may have.

    A backend that is away, or names another user's, keeps no bot from its room: the session keeps its own.
    """
    facts = {
        "session_id": session.id,
        "room_name": session.room.name,
        "room_url": str(session.room),
        "conversation_id": session.conversation_id,
        "tenant": session.brief.tenant,
        "user_id": session.brief.user_id,
        "bot": session.brief.bot,
        "assistant": session.brief.assistant,
    }
    try:
        named = backend.call("joined", facts, within=NAMES_WITHIN).get("conversation_id")
    except (BackendAway, BackendRefused) as error:
        return keep_own(session, str(error.facts["because"]))
    return take_up(ledger, session, named)
