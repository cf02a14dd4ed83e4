"""The way into a room for one person, as the API tells it, and a bot that goes to another room."""

from collections.abc import Iterable
from typing import Any

from greenroom.app.rooms.providers import NOTHING, About, Providers
from greenroom.app.rooms.room import LOCAL, Room
from greenroom.app.settings import IceServer


def way_in(
    room: Room,
    user_id: str,
    *,
    session_id: str | None = None,
    about: About = NOTHING,
    providers: Providers,
    ice_servers: Iterable[IceServer],
) -> dict[str, Any]:
    """The object `connect`, but for the session's token, which stays the same in whichever room the session is.

    A local room is where its session's bot is, so that without a session nobody can enter it yet.  A room's token is
    for that person alone.  Raises NotOurRoom, or ProviderAway where the room's server must be asked.
    """
    connect: dict[str, Any] = {"provider": room.provider, "room_url": str(room), "user_id": user_id}
    if room.provider != LOCAL:
        admission = providers.of_room(room).admit(room, user_id, about)
        return {**connect, "url": admission.url, "room_token": admission.room_token}
    if session_id is not None:
        connect["offer_url"] = f"/sessions/{session_id}/api/offer"
    servers = [{name: value for name, value in vars(server).items() if value} for server in ice_servers]
    return {**connect, "ice_servers": servers}
