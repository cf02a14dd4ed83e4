"""Which conversation a session begins with, where somebody names it, and what of it is kept for good.

A backend of somebody's own names one in an answer, or in its room; a caller of /join in the call.
"""

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from greenroom.app.rooms.conversations import BeginConversation, Turn
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.memory import CHARACTERS_A_TOKEN
from greenroom.app.rooms.sessions import Session

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)  # as /join takes it

TURNS_AT_MOST = 100  # of a conversation that is taken up: fewer than are summed up in a call
TOKENS_AT_MOST = 3000  # half of what a bot's model reads before that

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


@dataclass(frozen=True)
class Earlier:
    """What was said in a conversation before everybody but the database forgot it."""

    user_id: str  # whose it is; "" where nobody knows it any more
    turns: Sequence[Turn] = ()  # the last ones, in order, and in front of them a summary of what is left out
    last_sequence: int = 0  # that a turn of it has, be it among these or not


class KeptEarlier(Protocol):
    """What is kept for good of conversations.  Raises a GreenroomError if it cannot be had now."""

    def find(self, tenant: str, conversation_id: str) -> Earlier | None:
        """None for one of which nothing is kept."""
        ...


def behind_all() -> int:
    """A place behind all that a conversation can have: none has a turn for each second since 1970."""
    return int(time.time())


def newest_that_fit(newest_first: Iterable[Turn], tokens: int = TOKENS_AT_MOST) -> list[Turn]:
    """The last turns that a model may read, in order."""
    room, fitting = tokens * CHARACTERS_A_TOKEN, []
    for turn in newest_first:
        room -= len(turn.content) + sum(len(call.arguments) for call in turn.tool_calls)
        if room < 0:
            break
        fitting.append(turn)
    return fitting[::-1]
