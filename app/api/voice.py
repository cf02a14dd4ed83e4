"""The endpoints of voice rooms: a user's own is opened, or left."""

from http import HTTPStatus
from typing import Any

from greenroom.app.api.body import JsonBlueprint
from greenroom.app.api.orders import known_assistant, order_of
from greenroom.app.api.schemas.joining import LeftSchema
from greenroom.app.api.schemas.voice import LeaveVoiceRoomSchema, ToldVoiceRoomSchema, VoiceRoomSchema
from greenroom.app.api.seats import Wait
from greenroom.app.api.services import Services, services
from greenroom.app.api.ways_in import way_in
from greenroom.app.errors.rooms import NotAVoiceRoom
from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.passes import LASTS, Pass, until
from greenroom.app.rooms.assistants import Assistant, VoiceSessionConfig
from greenroom.app.rooms.leases import ReadRoom
from greenroom.app.rooms.leaving import Left
from greenroom.app.rooms.providers import About
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_lists import LastSession
from greenroom.app.rooms.sessions import ReadSession
from greenroom.app.rooms.voice_rooms import (
    OpenVoiceRoom,
    check_has_voice_room,
    is_some_users,
    name_of,
)

bp = JsonBlueprint("voice", __name__, url_prefix="/voice", description="A user's own voice room")


@bp.post("/room")
@bp.arguments(VoiceRoomSchema())
@bp.response(HTTPStatus.OK, ToldVoiceRoomSchema())
def open_voice_room(wanted: dict[str, Any]) -> dict[str, Any]:
    """Get or make a user's own voice room.  An assistant that starts by itself is on its way with the answer.

    409 `voice-not-enabled` for whom voice sessions are not meant yet: `because` says why, `fallback` what to do.
    """
    here, user_id = services(), wanted["user_id"]
    check_has_voice_room(user_id)
    assistant = known_assistant(wanted.get("assistant"), here)
    here.rollout.check(assistant, user_id)
    config = assistant.voice_session if assistant else VoiceSessionConfig()
    is_recorded = assistant is not None and assistant.recording
    opened = here.opening.open(name_of(user_id, config.room_privacy), recording=is_recorded)
    room = opened.room
    known = here.ledger.run(OpenVoiceRoom(user_id, room))
    last_used_ms = _last_change_ms(here, room)
    session = _start(here, room, wanted) if config.auto_start else _found(here, room)
    about = About(wanted.get("user_name"))
    return {
        **vars(known),
        "room_url": str(room),
        "room_name": room.name,
        "room_privacy": config.room_privacy,
        "reused": not known.is_new,
        "active_ms": max(known.active_ms, last_used_ms),
        "fell_back_from": opened.fell_back_from,
        "auto_start": config.auto_start,
        "session": session,
        "pass": here.passes.sign(_pass_for(room, user_id, assistant)),
        "connect": way_in(room, user_id, about, here, session["session_id"] if session else None),
        "notice": here.rollout.notice or None,
    }


@bp.delete("/room")
@bp.arguments(LeaveVoiceRoomSchema())
@bp.response(HTTPStatus.OK, LeftSchema())
def leave_voice_room(wanted: dict[str, Any]) -> Left:
    """Leave a voice room; answers when the bot has left, or waits there for its user.  Twice is fine."""
    here = services()
    room = here.providers.room(wanted["room_url"])
    if not is_some_users(room):
        raise NotAVoiceRoom
    with here.seats.taken(Wait.LEAVE):
        return here.leaving.leave_room(room, teardown_delay=wanted["teardown_delay"])


def _start(here: Services, room: Room, wanted: dict[str, Any]) -> dict[str, Any]:
    joined = here.joining.join(order_of({**wanted, "room_url": str(room)}, here))
    return _told(joined.session_id, joined.status, reused=joined.reused)


def _found(here: Services, room: Room) -> dict[str, Any] | None:
    """The session that has the room, if one has it."""
    lease = here.ledger.run(ReadRoom(room)).lease
    if lease is None:
        return None
    try:
        session = here.ledger.run(ReadSession(lease.session_id))
    except NoSuchSession:  # claimed by a process that has not written the record yet, or never will
        return None
    return _told(session.id, session.state, reused=True)


def _told(session_id: str, status: str, *, reused: bool) -> dict[str, Any]:
    return {
        "session_id": session_id,
        "session_url": f"/sessions/{session_id}",
        "status": status,
        "reused": reused,
    }


def _last_change_ms(here: Services, room: Room) -> int:
    """When the room's last session changed; 0 if there was none within a day."""
    session_id = here.ledger.run(LastSession(room))
    try:
        return here.ledger.run(ReadSession(session_id)).updated_ms if session_id else 0
    except NoSuchSession:
        return 0


def _pass_for(room: Room, user_id: str, assistant: Assistant | None) -> Pass:
    return Pass(until(LASTS), str(room), user_id, assistant.name if assistant else None)
