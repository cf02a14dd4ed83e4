"""Which conversation a session begins with, where somebody's own backend names it."""

import re
from dataclasses import replace
from datetime import timedelta

import structlog

from greenroom.app.backend.calls import Backend
from greenroom.app.errors import BackendAway, BackendRefused
from greenroom.app.rooms.conversations import BeginConversation
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.sessions import Session

NAMES_WITHIN = timedelta(seconds=1)  # the bot's start waits for it
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)  # as /join takes it

log = structlog.get_logger(__name__)


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
        return _own(session, str(error.facts["because"]))
    if named in (None, session.conversation_id):
        return session
    if not isinstance(named, str) or not NAME.fullmatch(named):
        return _own(session, "no conversation may be called so")
    brief = replace(session.brief, conversation_id=named)
    begin = BeginConversation(session.id, session.epoch, named, brief.owner, brief.to_json())
    if not ledger.run(begin):
        return _own(session, "it is another user's")
    return replace(session, brief=brief, conversation_id=named)


def _own(session: Session, because: str) -> Session:
    log.warning("conversation_name_failed", session_id=session.id, because=because)
    return session
