"""What a person's client needs to get into a room: `connect` in answers, and the answer that a join has it in."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import g

from greenroom.app import connecting
from greenroom.app.api.auth import mint
from greenroom.app.api.services import Services
from greenroom.app.rooms.joined import Joined
from greenroom.app.rooms.providers import About
from greenroom.app.rooms.room import Room


def way_in(
    room: Room, user_id: str, about: About, here: Services, session_id: str | None = None
) -> dict[str, Any]:
    """How this person enters; with a session, which is there or on its way, its own token as well."""
    connect = connecting.way_in(
        room,
        user_id,
        session_id=session_id,
        about=about,
        providers=here.providers,
        ice_servers=here.settings.ice_servers,
    )
    if session_id is not None:
        connect["token"] = mint(here.tokens, session_id, user_id, g.link)
        connect["resume_token"] = here.resume_tokens.mint(session_id, user_id, g.link)
    return connect


def answer_to(
    joined: Joined, connect: Mapping[str, Any], fell_back_from: Sequence[str] = ()
) -> dict[str, Any]:
    """The answer to whoever joins that session, comes back to it, or listens to it."""
    return {
        **vars(joined),
        "room_url": str(joined.room),
        "session_url": f"/sessions/{joined.session_id}",
        "fell_back_from": fell_back_from,
        "connect": connect,
    }
