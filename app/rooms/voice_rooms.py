"""A user's own voice room: what it is called, whose it is, and how long it lasts.

docs/voice-rooms.md says what a private and a public one mean with each provider.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from greenroom.app.errors.rooms import NotYourRoom, NoVoiceRoom
from greenroom.app.rooms.ledger import Step
from greenroom.app.rooms.providers import check_name, is_guest
from greenroom.app.rooms.room import LOCAL, LONGEST_NAME, Room

LASTS = timedelta(days=30)
RENEWED_WITHIN = timedelta(days=1)  # a room that ends sooner is renewed, since a session may last this long
PEOPLE = 2  # in a private one: its user, and the bot


class RoomPrivacy(StrEnum):
    """Who may come into a user's voice room."""

    PRIVATE = "private"  # that user alone
    PUBLIC = "public"  # whoever its provider lets in


PREFIXES = {RoomPrivacy.PRIVATE: "voice-", RoomPrivacy.PUBLIC: "public-voice-"}
# Small letters only: a provider that does not tell capitals apart would put Ann and ann into one room.
_PLAIN = re.compile(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?", re.ASCII)
_PLAIN_AT_MOST = LONGEST_NAME - max(map(len, PREFIXES.values()))
_DIGEST = re.compile(r"x[0-9a-f]{40}", re.ASCII)


def name_of(user_id: str, privacy: RoomPrivacy = RoomPrivacy.PRIVATE) -> str:
    """What a user's voice room is called with every provider; no two users have one of the same name.

    It ends with the user's id where that fits into a room's name, else with a digest of it.
    """
    is_plain = len(user_id) <= _PLAIN_AT_MOST and _PLAIN.fullmatch(user_id) and not _DIGEST.fullmatch(user_id)
    return PREFIXES[privacy] + (user_id if is_plain else _digest(user_id))


def _digest(user_id: str) -> str:
    return "x" + hashlib.sha256(user_id.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def check_has_voice_room(user_id: str) -> None:
    """Raises NoVoiceRoom for a guest, who is nobody in particular; ReservedName for a bot's name."""
    check_name(user_id)
    if is_guest(user_id):
        raise NoVoiceRoom


def is_voice_room(room: Room) -> bool:
    """Whether a room is some user's own and nobody else's, in whatever letters it is written."""
    return room.name.casefold().startswith(PREFIXES[RoomPrivacy.PRIVATE])


def is_public_voice_room(room: Room) -> bool:
    """Whether a room is some user's own into which others may come as well."""
    return room.name.casefold().startswith(PREFIXES[RoomPrivacy.PUBLIC])


def is_some_users(room: Room) -> bool:
    """Whether a room is some user's own, private or public."""
    return is_voice_room(room) or is_public_voice_room(room)


def is_for_one(room: Room) -> bool:
    """Whether one person at a time is with a bot there: what it knows of them is heard by nobody else."""
    return room.provider == LOCAL or is_voice_room(room)


def check_voice_room(room: Room, user_id: str) -> None:
    """Raises NotYourRoom for anybody but the user whose own voice room it is.

    Ann and ann are two users.  Whoever is called guest is nobody in particular, and has none.
    """
    if is_voice_room(room) and (is_guest(user_id) or room.name != name_of(user_id)):
        raise NotYourRoom


@dataclass(frozen=True)
class VoiceRoom:
    """What is known of a user's voice room, by the ledger's clock."""

    created_ms: int
    active_ms: int  # when it was last asked for, before this time
    expires_ms: int
    is_new: bool


@dataclass(frozen=True)
class OpenVoiceRoom(Step[VoiceRoom]):
    """Note that a user's voice room is asked for: it is new, or is renewed where it would soon end."""

    user_id: str
    room: Room
    lasts: timedelta = LASTS
    renewed_within: timedelta = RENEWED_WITHIN
