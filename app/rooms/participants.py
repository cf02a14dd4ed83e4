"""Who is in a room, as the room's own server tells."""

from collections.abc import Sequence
from dataclasses import dataclass

from greenroom.app.errors import ProviderAway
from greenroom.app.rooms.providers import Participant, Provider
from greenroom.app.rooms.room import Room


@dataclass(frozen=True)
class Presence:
    """Who is in a room; `participants` is None if that cannot be told, and `because` says why."""

    participants: Sequence[Participant] | None
    because: str | None = None


def presence_of(room: Room, provider: Provider) -> Presence:
    """Ask a room's own server who is there; returns within the few seconds for which the provider tries."""
    try:
        there = provider.presence(room)
    except ProviderAway as error:
        return Presence(None, str(error))
    if there is None:
        return Presence(
            None, "There is no server that could tell; the keepalive's state says whether the bot is alone."
        )
    return Presence(there)
