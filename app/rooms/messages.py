"""Asking a session's bot for something, and hearing what became of it."""

from collections.abc import Mapping
from datetime import timedelta

from app.errors import BotFailed, BotSilent, GreenroomError, OfferRefused, RoomFull, SessionEnded
from app.rooms.patience import slices
from app.rooms.ports import Ledger
from app.rooms.sessions import Session, State
from app.rooms.steps import AwaitAnswer, ReadSession, Send

# What a bot may answer instead of a result: {"error": kind}.
EXPIRED = "expired"
REFUSALS: Mapping[str, type[GreenroomError]] = {
    RoomFull.kind: RoomFull,
    OfferRefused.kind: OfferRefused,
    EXPIRED: BotSilent,
}


def ask(
    ledger: Ledger, session: Session, kind: str, body: Mapping[str, object], *, patience: timedelta
) -> Mapping[str, object]:
    """Send a message to a session's bot and return its answer.

    A bot that is still starting reads it when it has started.  Raises
    SessionEnded, BotSilent, or what the bot refused it with.
    """
    if session.state is State.ENDED:
        raise SessionEnded(session_id=session.id, reason=session.reason)
    message_id = ledger.run(Send(session.id, kind, body, session.epoch, good_for=patience))
    for wait in slices(patience):
        answer = ledger.run(AwaitAnswer(session.id, message_id, wait))
        if answer is not None:
            return _result(answer, session)
        session = ledger.run(ReadSession(session.id))
        if session.state is State.ENDED:
            raise SessionEnded(session_id=session.id, reason=session.reason)
    raise BotSilent(session_id=session.id)


def _result(answer: Mapping[str, object], session: Session) -> Mapping[str, object]:
    refusal = answer.get("error")
    if refusal is None:
        return answer
    raise REFUSALS.get(str(refusal), BotFailed)(session_id=session.id, reason=answer.get("reason"))
