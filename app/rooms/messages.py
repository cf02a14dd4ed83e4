"""Asking a session's bot for something, and hearing what became of it."""

import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from greenroom.app.errors import (
    BotFailed,
    BotSilent,
    CandidatesRefused,
    GreenroomError,
    NoLongerAwaited,
    OfferRefused,
    OthersThere,
    RoomFull,
    SessionEnded,
)
from greenroom.app.rooms.inbox import AwaitAnswer, Send
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.patience import slices
from greenroom.app.rooms.sessions import ReadSession, Session, State

# What a bot may answer instead of a result: {"error": kind}.
EXPIRED = "expired"  # it came too late, or was for the session's bot before
REFUSALS: Mapping[str, type[GreenroomError]] = {
    OthersThere.kind: OthersThere,
    RoomFull.kind: RoomFull,
    OfferRefused.kind: OfferRefused,
    CandidatesRefused.kind: CandidatesRefused,
}


def ask(
    ledger: Ledger,
    session: Session,
    kind: str,
    body: Mapping[str, object],
    *,
    patience: timedelta,
    is_awaited: Callable[[], bool] = lambda: True,
) -> Mapping[str, object]:
    """Send a message to a session's bot and return its answer.

    A bot that is still starting reads it when it has started; one that expired because another bot has the
    session by now is sent again to that one.  Raises SessionEnded, BotSilent, NoLongerAwaited once nobody wants the
    answer, or what the bot refused it with.
    """
    deadline = time.monotonic() + patience.total_seconds()
    message_id, epoch = "", session.epoch
    _refuse_if_ended(session)
    for wait in slices(patience):
        if not message_id:
            left = timedelta(seconds=max(0.0, deadline - time.monotonic()))
            message_id = ledger.run(Send(session.id, kind, body, session.epoch, good_for=left))
            epoch = session.epoch
        answer = ledger.run(AwaitAnswer(session.id, message_id, wait))
        if answer is not None and answer.get("error") != EXPIRED:
            return _result(answer, session)
        if not is_awaited():
            raise NoLongerAwaited(session_id=session.id)
        session = ledger.run(ReadSession(session.id))
        _refuse_if_ended(session)
        if answer is not None and session.epoch > epoch:
            message_id = ""
        elif answer is not None:
            break
    raise BotSilent(session_id=session.id)


def _refuse_if_ended(session: Session) -> None:
    if session.state is State.ENDED:
        raise SessionEnded(session_id=session.id, reason=session.reason)


def _result(answer: Mapping[str, object], session: Session) -> Mapping[str, object]:
    refusal = answer.get("error")
    if refusal is None:
        return answer
    raise REFUSALS.get(str(refusal), BotFailed)(session_id=session.id, reason=answer.get("reason"))
