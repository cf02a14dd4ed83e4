"""Who is in a room, as the room's own server tells, and as its bot sees them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from greenroom.app.errors.rooms import ProviderAway
from greenroom.app.rooms.providers import Participant, Provider, Track
from greenroom.app.rooms.room import LOCAL, Room


@dataclass(frozen=True)
class Presence:
    """Who is in a room; `participants` is None if that cannot be told, and `because` says why."""

    participants: Sequence[Participant] | None
    because: str | None = None


@dataclass(frozen=True)
class Seen:
    """A person as the bot beside them sees them."""

    identity: str
    here_for: timedelta
    tracks: tuple[Track, ...]


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


def with_seen(presence: Presence, room: Room, seen: Sequence[Seen] | None, now_ms: int) -> Presence:
    """The same with what the room's bot sees of the people; None: there is no bot that could be asked.

    A local room is where its bot is, so that all who are there are those whom it sees.
    """
    if seen is None:
        return presence
    if room.provider == LOCAL:
        return Presence([_participant(each, now_ms) for each in seen])
    by_identity = {each.identity: each.tracks for each in seen}
    return replace(
        presence,
        participants=presence.participants
        and [
            who if who.tracks is not None else replace(who, tracks=by_identity.get(who.identity))
            for who in presence.participants
        ],
    )


def _participant(seen: Seen, now_ms: int) -> Participant:
    since_ms = now_ms - seen.here_for // timedelta(milliseconds=1)
    return Participant(seen.identity, since_ms=since_ms, tracks=seen.tracks)
