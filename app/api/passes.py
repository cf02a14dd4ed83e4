"""Passes: signed rights to one room, which a page holds instead of the API key."""

import secrets
from http import HTTPStatus
from typing import Any

from flask import g
from flask.typing import ResponseReturnValue

from greenroom.app.access import open_to_pass, open_to_session
from greenroom.app.api.auth import mint
from greenroom.app.api.body import JsonBlueprint
from greenroom.app.api.schemas.passes import ChoicesSchema, PassedSchema, PassSchema, TokenSchema
from greenroom.app.api.services import asks_database, services
from greenroom.app.errors.families import Forbidden, Rejected
from greenroom.app.errors.sessions import SessionEnded
from greenroom.app.passes import LASTS, Pass, until
from greenroom.app.rooms.providers import check_name
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Session, State
from greenroom.app.rooms.voice_rooms import check_voice_room

OURS = (
    "assistant"  # the bot that is what its personality says; one of somebody else's is what its own name says
)
ASSISTANTS_TOLD = 100  # to somebody who may choose one; any other is chosen by its name

bp = JsonBlueprint("passes", __name__, description="Leave to come into one room")


@bp.post("/passes")
@bp.arguments(PassSchema())
@bp.response(HTTPStatus.CREATED, PassedSchema())
@open_to_pass
def make_pass(wanted: dict[str, Any]) -> ResponseReturnValue:
    """Make a pass for one room.  With a pass in place of the key: for that pass's room, and not for longer."""
    held = g.held
    if held is not None and "user_id" in wanted:
        raise Forbidden("With a pass nobody can be named: without user_id a guest is made up.")
    if wanted["invitation"] and "user_id" in wanted:
        raise Rejected("An invitation is for whoever comes with it: leave user_id out, or make a pass.")
    room = _room(wanted.get("room_url"), held)
    user_id = None if wanted["invitation"] else wanted.get("user_id") or f"talk-{secrets.token_hex(8)}"
    if user_id is not None:
        check_name(user_id)
    check_voice_room(room, user_id or "")  # an invitation there would be to a room that no guest may join
    expires = until(wanted.get("expires_in", LASTS), held.expires if held else None)
    chooses = wanted["may_choose"] if held is None else held.chooses and not wanted["invitation"]
    given = Pass(
        expires,
        str(room),
        user_id,
        held.assistant if held else None,
        chooses=chooses,
        link=held.link if held else None,
    )
    return _signed(given), HTTPStatus.CREATED


@bp.post("/sessions/<session_id>/token")
@bp.response(HTTPStatus.OK, TokenSchema())
@open_to_pass
def renew(session_id: str) -> ResponseReturnValue:
    """A fresh token for a session of the pass's room, in place of one that has expired, and another resume token.

    For the session's own user also after it has moved from there to another room.
    """
    here, held = services(), g.held
    session = here.overview.session(session_id)
    if held is not None and not _is_for(held, session):
        raise Forbidden("That pass is for another room.")
    user_id = (held and held.user_id) or session.brief.user_id
    check_voice_room(session.room, user_id)
    link = held and held.link
    return {
        "token": mint(here.tokens, session_id, user_id, link),
        "resume_token": here.resume_tokens.mint(session_id, user_id, link),
        "user_id": user_id,
    }


@bp.post("/sessions/<session_id>/invitation")
@bp.response(HTTPStatus.CREATED, PassedSchema())
@open_to_session
def invite(session_id: str) -> ResponseReturnValue:
    """Make an invitation to the room that a session is in, for as long as the session may last.

    A bot that has moved took its people along with it, and their passes are for the room that they came to.
    """
    session = services().overview.session(session_id)
    if session.state is State.ENDED:
        raise SessionEnded(session_id=session_id, reason=session.reason)
    check_voice_room(session.room, "")
    ends = session.created_ms // 1000 + int(session.max_duration.total_seconds())
    given = Pass(until(LASTS, ends), str(session.room), link=g.link)
    return _signed(given), HTTPStatus.CREATED


@bp.get("/choices")
@bp.response(HTTPStatus.OK, ChoicesSchema())
@open_to_pass
@asks_database
def choices() -> dict[str, Any]:
    """With whom one may talk here: with a pass, among what that lets its holder choose."""
    here, held = services(), g.held
    if held is not None and not held.chooses:
        return {"may_choose": False, "bots": [], "personalities": [], "assistants": []}
    assistants = [] if held is not None and held.assistant else here.assistants.page("", ASSISTANTS_TOLD)[0]
    return {
        "may_choose": True,
        "usual": _usual(held),
        "bots": [{"id": bot, "name": bot} for bot in here.settings.bots],
        "personalities": [
            {"id": each, **here.shown.get(each, {"name": each})} for each in here.personalities
        ],
        "assistants": [{"id": each.name, "name": each.persona or each.name} for each in assistants],
    }


def _usual(held: Pass | None) -> str:
    """What people call the one whom a join brings that names nobody."""
    here = services()
    if held is not None and held.assistant:
        return held.assistant
    if here.settings.default_bot != OURS:
        return here.settings.default_bot
    its_own = here.settings.default_personality
    return here.shown.get(its_own, {"name": its_own})["name"]


def _is_for(held: Pass, session: Session) -> bool:
    if held.user_id is None or held.room is None:
        return False
    if held.room == str(session.room):
        return True
    return held.user_id == session.brief.user_id and Room.parse(held.room) in session.came_from


def _signed(given: Pass) -> dict[str, Any]:
    return {
        "pass": services().passes.sign(given),
        "room_url": given.room,
        "user_id": given.user_id,
        "may_choose": given.chooses,
        "expires_at": given.expires * 1000,
    }


def _room(wanted: str | None, held: Pass | None) -> Room:
    """The room that the new pass is for: the named one, or that of the pass with which the caller asks."""
    providers = services().providers
    if held is None:
        return providers.room(wanted) if wanted else providers.fresh_room()
    if wanted not in (None, held.room):
        raise Forbidden("That pass is for another room.")
    return providers.room(held.room) if held.room else providers.fresh_room()
