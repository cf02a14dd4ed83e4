"""What a bot does when it is asked for something: a handler for each request of `app/rooms/requests.py`.

The inbox hands requests over one by one, in the order in which they were sent; the bot's pipeline may not run yet.
To let a bot be asked something new, add the request there, and here a handler and its line in HANDLERS.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from greenroom.app.errors import OthersThere
from greenroom.app.rooms.inbox import Message
from greenroom.app.rooms.leaving import ended_by
from greenroom.app.rooms.requests import (
    BadRequest,
    BotAnswer,
    Candidates,
    Configure,
    Done,
    GivesWay,
    GiveWay,
    Leave,
    Offer,
    OfferAnswer,
    Request,
    read,
    to_body,
)
from greenroom.bots.stay.controls import Controls
from greenroom.bots.stay.ending import End, Ending
from greenroom.bots.transports.stage import Stage

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class AskedBot:
    """What a handler may use of the bot that is asked."""

    session_id: str
    stage: Stage  # its place in the room, and who is there
    controls: Controls  # how it speaks, thinks and is seen
    give_way: Callable[
        [], bool
    ]  # leaves its slot to who waits for one, if nobody is there; says whether it does
    end: End


async def offer(bot: AskedBot, request: Offer) -> OfferAnswer:
    return OfferAnswer(await bot.stage.take(request.user_id, request.offer))


async def candidates(bot: AskedBot, request: Candidates) -> Done:
    await bot.stage.add_candidates(request.pc_id, request.candidates)
    return Done()


async def configure(bot: AskedBot, request: Configure) -> Done:
    await bot.controls.change(request.changes)
    return Done()


async def give_way(bot: AskedBot, _request: GiveWay) -> GivesWay:
    return GivesWay(bot.give_way())


async def leave(bot: AskedBot, request: Leave) -> None:
    if request.by is not None and bot.stage.people - {request.by}:
        raise OthersThere
    bot.end.begin(Ending(request.reason, detail=ended_by(request.by)))


# A handler returns the request's answer, or None where the answer is that the bot has left: the inbox gives it then.
# It raises one of the request's `refusals`; whatever else it raises is logged, and answered as `failed`.
HANDLERS: Mapping[type[Request[Any]], Callable[[AskedBot, Any], Awaitable[BotAnswer | None]]] = {
    Offer: offer,
    Candidates: candidates,
    Configure: configure,
    GiveWay: give_way,
    Leave: leave,
}


async def handle(bot: AskedBot, message: Message) -> Mapping[str, object] | None:
    """Do what a message asks for; returns the answer's JSON, or None if it is the bot's end.

    A message that this version of the bot cannot read is refused, and nothing of it is done.
    """
    try:
        request = read(message.kind, message.body)
    except BadRequest as bad:
        log.warning(
            "message_rejected",
            session_id=bot.session_id,
            kind=message.kind,
            because=str(bad.__cause__ or bad),
        )
        return {"error": str(bad)}
    answer = await HANDLERS[type(request)](bot, request)
    return None if answer is None else to_body(answer)
