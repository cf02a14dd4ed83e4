"""Asking a session's bot for something, and hearing what became of it.

A bot that is starting finds the message in its inbox: `bots/stay/inbox.py` says when it is read.
"""

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar, cast

import structlog

from greenroom.app.errors.bots import BotFailed, BotSilent
from greenroom.app.errors.limits import NoLongerAwaited
from greenroom.app.errors.sessions import SessionEnded
from greenroom.app.rooms.bodies import of_body
from greenroom.app.rooms.inbox import AwaitAnswer, Send
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.requests.answers import EXPIRED, BotAnswer
from greenroom.app.rooms.requests.request import Request
from greenroom.app.rooms.sessions import ReadSession, Session, State
from greenroom.app.rooms.sliced_wait import slices

A = TypeVar("A", bound=BotAnswer)

log = structlog.get_logger(__name__)


def ask(
    ledger: Ledger, session: Session, request: Request[A], *, is_awaited: Callable[[], bool] = lambda: True
) -> A:
    """Send a request to a session's bot and return its answer, within the request's own time limit.

    A bot reads it a second after it has taken the session up at the latest; one that expired because another bot has
    the session by now is sent again to that one.  Raises SessionEnded, BotSilent, NoLongerAwaited once nobody wants the
    answer, BotFailed, or what the bot refused it with: one of the request's `refusals`.
    """
    within = request.limit_for(session)
    deadline = time.monotonic() + within.total_seconds()
    message_id, epoch = "", session.epoch
    _refuse_if_ended(session)
    for wait in slices(within):
        if not message_id:
            left = timedelta(seconds=max(0.0, deadline - time.monotonic()))
            message_id = ledger.run(sending(session, request, good_for=left))
            epoch = session.epoch
        answer = ledger.run(AwaitAnswer(session.id, message_id, wait))
        if answer is not None and answer.get("error") != EXPIRED:
            return read_answer(request, answer, session)
        if not is_awaited():
            raise NoLongerAwaited(session_id=session.id)
        session = ledger.run(ReadSession(session.id))
        _refuse_if_ended(session)
        if answer is not None and session.epoch > epoch:
            message_id = ""
        elif answer is not None:
            break
    raise BotSilent(session_id=session.id)


def sending(
    session: Session, request: Request[Any], *, good_for: timedelta | None = None, nonce: str | None = None
) -> Send:
    """The step that puts a request into a session's inbox; sent twice with one nonce, it is one message."""
    named = {} if nonce is None else {"nonce": nonce}
    lasts = request.lasts or good_for or request.limit_for(session)
    return Send(session.id, request.name, request.body(), session.epoch, good_for=lasts, **named)


def _refuse_if_ended(session: Session) -> None:
    if session.state is State.ENDED:
        raise SessionEnded(session_id=session.id, reason=session.reason)


def read_answer(request: Request[A], answer: Mapping[str, object], session: Session) -> A:
    """What a bot has answered.  Raises one of the request's `refusals`, or BotFailed."""
    if (kind := answer.get("error")) is not None:
        refusals = {refusal.kind: refusal for refusal in request.refusals}
        raise refusals.get(str(kind), BotFailed)(session_id=session.id, reason=answer.get("reason"))
    try:
        return cast(A, of_body(request.answer, answer))
    except ValueError as error:  # a bot of another version
        log.warning("answer_rejected", session_id=session.id, request=request.name, because=str(error))
        raise BotFailed(session_id=session.id) from error
