"""What rooms at Daily are like, by their kind: as they are to be made, and what to change of one that is there."""

import time

from greenroom.app.providers.http import Json
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.voice_rooms import LASTS, PEOPLE, RENEWED_WITHIN, is_public_voice_room, is_voice_room

PRIVATE = {
    "enable_knocking": False,
    # A newcomer removes the participant who has the same user_id.  So the room itself keeps a second bot out, and
    # a person who reloads the page does not see their own earlier participant.
    "enforce_unique_user_ids": True,
}
PRIVATE_VOICE = {
    **PRIVATE,
    "enable_prejoin_ui": False,
    "enable_network_ui": False,
    "enable_chat": False,
    "enable_screenshare": False,
    "start_video_off": True,
    "max_participants": PEOPLE,
}
PUBLIC_VOICE = {**PRIVATE, "enable_prejoin_ui": False, "start_video_off": True}
RECORDED = {"enable_recording": "cloud"}  # its owners may start it; nothing starts it by itself
UNRECORDED = {"enable_recording": False}  # whatever the domain has


def model_of(room: Room) -> Json:
    """The properties that a room of its kind has."""
    if is_voice_room(room):
        return PRIVATE_VOICE
    return PUBLIC_VOICE if is_public_voice_room(room) else PRIVATE


def wanted(model: Json, *, recording: bool | None) -> Json:
    """A room like that as it is to be made, or to be found; None leaves its recording as it is."""
    properties = {**model, "exp": int(time.time() + LASTS.total_seconds())}
    if model is not PRIVATE and recording is not None:
        properties |= RECORDED if recording else UNRECORDED
    return {"privacy": "public" if model is PUBLIC_VOICE else "private", "properties": properties}


def changes_of(found: Json, wanted: Json, *, is_exact: bool) -> Json:
    """What is to be changed of a room that is there: its end if that is near, and all that is not as it is to be."""
    config = found.get("config")
    config = config if isinstance(config, dict) else {}
    properties = wanted["properties"]
    changes: Json = {}
    ends = config.get("exp")
    if isinstance(ends, int | float) and ends < time.time() + RENEWED_WITHIN.total_seconds():
        changes["exp"] = properties["exp"]
    if is_exact:
        kept = {name: value for name, value in properties.items() if name != "exp" or "exp" not in config}
        changes |= {name: value for name, value in kept.items() if config.get(name) != value}
        if found.get("privacy") != wanted["privacy"]:
            return {"privacy": wanted["privacy"], "properties": changes}
    return {"properties": changes} if changes else {}
