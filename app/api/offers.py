"""A browser's offers to a session's bot that is in a room of this installation, and the bot's answers."""

from http import HTTPStatus
from typing import Any

from greenroom.app.access import open_to_session
from greenroom.app.api.auth import caller_of
from greenroom.app.api.body import JsonBlueprint, accepts
from greenroom.app.api.schemas.offers import AcceptedSchema, AnswerSchema, CandidatesSchema, OfferSchema
from greenroom.app.api.seats import Wait, still_awaited
from greenroom.app.api.services import services
from greenroom.app.errors.rooms import NotALocalRoom
from greenroom.app.rooms.messages import ask
from greenroom.app.rooms.requests.connecting import Candidates, Offer
from greenroom.app.rooms.room import LOCAL
from greenroom.app.rooms.transitions import await_arrival
from greenroom.app.rooms.voice_rooms import check_voice_room

OFFER_AT_MOST = 64 * 1024  # bytes
OFFERS_OF_ONE = 2  # offers of one session that may wait at once: one at the bot, and the one that replaces it
# Requests with candidates of one session that may wait at once: a client sends each as it comes
CANDIDATES_OF_ONE = 4

bp = JsonBlueprint(
    "offers",
    __name__,
    url_prefix="/sessions",
    description="How a browser and a bot in a room of this installation connect",
)


@bp.post("/<session_id>/api/offer")
@bp.arguments(OfferSchema())
@bp.response(HTTPStatus.OK, AnswerSchema())
@accepts(OFFER_AT_MOST)
@open_to_session
def offer(sent: dict[str, Any], session_id: str) -> Any:
    """Give the bot a browser's offer; its answer comes back.

    While the bot is on its way to another room the offer waits for it there.
    """
    here, caller = services(), caller_of(session_id)
    whose, is_awaited = (session_id, caller), still_awaited()
    with (
        here.seats.taken(Wait.BOT, whose=("offer", *whose), at_most=OFFERS_OF_ONE),
        here.offers.of(whose) as is_the_last,
    ):

        def is_wanted() -> bool:
            return is_the_last() and is_awaited()

        session = await_arrival(here.ledger, session_id, is_awaited=is_wanted)
        # The bot may have gone into its user's voice room since others got their token, in the room where it was then
        check_voice_room(session.room, caller or session.brief.user_id)
        if session.room.provider != LOCAL:
            raise NotALocalRoom(session_id=session_id, room_url=str(session.room))
        offered = {name: sent.get(name) for name in ("sdp", "type", "pc_id", "restart_pc")}
        wanted = Offer(caller or session.brief.user_id, offered)
        return ask(here.ledger, session, wanted, is_awaited=is_wanted).answer


@bp.patch("/<session_id>/api/offer")
@bp.arguments(CandidatesSchema())
@bp.response(HTTPStatus.OK, AcceptedSchema())
@accepts(OFFER_AT_MOST)
@open_to_session
def candidates(sent: dict[str, Any], session_id: str) -> dict[str, str]:
    """Tell the bot of more ways to reach the browser."""
    here = services()
    session = here.overview.session(session_id)
    whose = ("candidates", session_id, caller_of(session_id))
    with here.seats.taken(Wait.BOT, whose=whose, at_most=CANDIDATES_OF_ONE):
        ask(here.ledger, session, Candidates(**sent), is_awaited=still_awaited())
    return {"status": "success"}
