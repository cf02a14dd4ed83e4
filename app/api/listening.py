"""Listening unseen: a person hears a room that has a bot, and neither the people there nor the bot are told of them."""

from collections.abc import Mapping
from typing import Any

import structlog

from greenroom.app.api.join_log import note_joined, note_return
from greenroom.app.api.services import Services
from greenroom.app.api.ways_in import answer_to
from greenroom.app.errors.families import Rejected
from greenroom.app.errors.rooms import NoBotThere
from greenroom.app.rooms.joined import Joined
from greenroom.app.rooms.leases import ReadRoom
from greenroom.app.rooms.providers import check_name, listener_identity
from greenroom.app.rooms.sessions import ON_STAGE, ReadSession

NEEDED = ("room_url", "user_id")  # and nothing else: all else would be of a bot that they bring

log = structlog.get_logger(__name__)


def listen_unseen(wanted: Mapping[str, Any], here: Services) -> dict[str, Any]:
    """Answer as a join that has found the room's session, of which the listener gets no token.

    They bring no bot, keep none waiting, and their own bot elsewhere stays there.  Raises Rejected, NoBotThere,
    NotUnseenThere, ReservedName, BadRoom, NotOurRoom.
    """
    if wanted.keys() != {*NEEDED}:
        raise Rejected("Who listens unseen names room_url and user_id, and nothing else.")
    room, user_id = here.providers.room(wanted["room_url"]), wanted["user_id"]
    check_name(user_id)
    admission = here.providers.of_room(room).admit_unseen(room, user_id)
    lease = here.ledger.run(ReadRoom(room)).adopted()
    session = here.ledger.run(ReadSession(lease.session_id))
    if session.room != room or session.state not in ON_STAGE:
        raise NoBotThere
    joined = Joined.of(session, reused=True)
    note_return(user_id, room)
    note_joined(joined)
    log.info("listener_admitted", session_id=session.id, room=str(room), user_id=user_id)
    connect = {
        "provider": room.provider,
        "room_url": str(room),
        "user_id": listener_identity(user_id),
        "url": admission.url,
        "room_token": admission.room_token,
    }
    return answer_to(joined, connect)
