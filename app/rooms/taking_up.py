"""Which conversation a session begins with, where somebody's own backend names it: in an answer, or in its room."""

import re
from dataclasses import replace

import structlog

from greenroom.app.rooms.conversations import BeginConversation
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.sessions import Session

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)  # as /join takes it

log = structlog.get_logger(__name__)


def take_up(ledger: Ledger, session: Session, named: object) -> Session:
    """The session with the conversation that is named, if it is one that its user may have; None names none."""
    if named in (None, session.conversation_id):
        return session
    if not isinstance(named, str) or not NAME.fullmatch(named):
        return keep_own(session, "no conversation may be called so")
    brief = replace(session.brief, conversation_id=named)
    begin = BeginConversation(session.id, session.epoch, named, brief.owner, brief.to_json())
    if not ledger.run(begin):
        return keep_own(session, "it is another user's")
    return replace(session, brief=brief, conversation_id=named)


def keep_own(session: Session, because: str) -> Session:
    log.warning("conversation_name_failed", session_id=session.id, because=because)
    return session
