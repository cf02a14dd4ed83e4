"""Replacing: another bot was asked for in another room, and the one that its user had leaves once that is on stage.

A bot that does not start changes nothing then: its user still has the one that they had.
"""

from datetime import timedelta

from greenroom.app.errors.limits import InboxFull
from greenroom.app.errors.rooms import OthersThere
from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.rooms.inbox import AwaitAnswer
from greenroom.app.rooms.messages import sending
from greenroom.app.rooms.procedures import Procedure
from greenroom.app.rooms.requests.leaving import Leave
from greenroom.app.rooms.sessions import ReadSession, Reason, Session, State

ASKED_AGAIN_AFTER = timedelta(
    seconds=5
)  # a bot that died, or was handed over, before it read that it is to leave


def have_it_leave(session_id: str, successor: Session) -> Procedure[bool]:
    """Ask the bot of a session to leave for its successor; False if it is to be asked again.

    It refuses while others than its user are with it, and keeps its room then.
    """
    try:
        replaced = yield ReadSession(session_id)
        if replaced.state is State.ENDED:
            return True
        leave = Leave(Reason.MOVED_OUT, by=successor.brief.user_id)
        message_id = yield sending(replaced, leave)
        answer = yield AwaitAnswer(session_id, message_id, leave.within)
    except NoSuchSession:
        return True
    except InboxFull:
        return False
    return answer is not None and answer.get("error") in (None, OthersThere.kind)
