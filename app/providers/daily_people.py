"""Who somebody at Daily is: our identities as its user_ids, and back."""

import hashlib
from collections.abc import Mapping
from typing import Any

from greenroom.app.providers import names, reading
from greenroom.app.rooms.providers import BOT, LISTENER, Participant, bot_identity
from greenroom.app.rooms.room import Room

LONGEST_USER_ID = 36  # characters, in a token


def in_daily(identity: str) -> str:
    """An identity as a user_id: itself if it is short enough, else of the same beginning and as hard to guess."""
    if len(identity) <= LONGEST_USER_ID:
        return identity
    kind = next((kind for kind in (BOT, LISTENER) if identity.startswith(kind)), "u:")
    return kind + hashlib.sha256(identity.encode()).hexdigest()[: LONGEST_USER_ID - len(kind)]


def participant(room: Room, said: Mapping[str, Any]) -> Participant:
    """Somebody as Daily tells of them, by `id`, `userId` and `userName`.

    The user_id comes out of a token that is signed with our API key, so it can be believed; who has none is given
    none, or that of their stay.  The name may be anything.
    """
    user_id, name, sid = (reading.text(said, field) for field in ("userId", "userName", "id"))
    own = bot_identity(room)
    if user_id == in_daily(own):
        return Participant(own, name, is_bot=True, sid=sid)
    has_token = bool(user_id) and user_id != sid
    identity = name if has_token and in_daily(name) == user_id else user_id or sid
    known = user_id.startswith(BOT) if has_token else None
    return Participant(identity, name, is_bot=names.is_bot(known, name), sid=sid)
