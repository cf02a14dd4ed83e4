"""What a person's client needs to get into a room: `connect` in answers."""

from typing import Any

from flask import g

from greenroom.app.api.auth import mint
from greenroom.app.api.services import Services
from greenroom.app.rooms.providers import About
from greenroom.app.rooms.room import LOCAL, Room


def way_in(
    room: Room, user_id: str, about: About, here: Services, session_id: str | None = None
) -> dict[str, Any]:
    """How this person enters; with a session, which is there or on its way, its own token as well.

    A local room is where its session's bot is, so that without a session nobody can enter it yet.
    """
    connect: dict[str, Any] = {"provider": room.provider, "room_url": str(room), "user_id": user_id}
    if session_id is not None:
        connect["token"] = mint(here.tokens, session_id, user_id, g.link)
    if room.provider != LOCAL:
        admission = here.providers.of_room(room).admit(room, user_id, about)
        return {**connect, "url": admission.url, "room_token": admission.room_token}
    if session_id is not None:
        connect["offer_url"] = f"/sessions/{session_id}/api/offer"
    servers = [
        {name: value for name, value in vars(server).items() if value} for server in here.settings.ice_servers
    ]
    return {**connect, "ice_servers": servers}
