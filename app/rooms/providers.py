"""Providers: who has rooms.  One LiveKit server and one Daily domain at most, and this installation for local rooms."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol

from greenroom.app.errors import NotOurRoom, NotYourRoom, ReservedName
from greenroom.app.rooms.room import Room

BOT = "bot:"  # what the identity of a room's bot begins with, and nobody else's
VOICE_ROOM = "voice-"  # what the name of a user's own voice room begins with; the rest is the user's id
GUEST = "guest"  # what a user is called whom nobody has named
TOKEN_LASTS = timedelta(hours=2)  # to get in with; who is in stays


@dataclass(frozen=True)
class About:
    """What the others in a room may know of a person."""

    name: str | None = None
    preferences: Mapping[str, Any] = field(default_factory=dict)


NOTHING = About()


@dataclass(frozen=True)
class Admission:
    """What a person's client needs to get into a room, beside the session's own token."""

    url: str  # where it connects
    room_token: str  # for that room, as that user, for a while


@dataclass(frozen=True)
class Participant:
    """Somebody in a room, as its provider tells."""

    identity: str
    name: str = ""
    is_bot: bool = False  # of ours, or of others
    session_id: str | None = None  # of a bot that is ours
    epoch: int | None = None
    sid: str = ""  # what its provider calls this very stay: another one has another


class RoomEvent(StrEnum):
    """What a provider may say of a room.  Each provider's own words become one of these where they come in."""

    PARTICIPANT_JOINED = "participant_joined"
    PARTICIPANT_LEFT = "participant_left"
    ROOM_FINISHED = "room_finished"


@dataclass(frozen=True)
class Evidence:
    """What a provider said, by itself, of a room.  It may be late, early, or said twice."""

    id: str
    event: RoomEvent
    room: Room
    participant: Participant | None = None
    at_ms: int = 0


class Provider(Protocol):
    """Has rooms, lets people in, and knows who is there.

    What asks its server raises ProviderAway after a bounded wait.
    """

    @property
    def name(self) -> str:
        """As in a room's `provider`."""
        ...

    @property
    def server(self) -> str:
        """As in a room's `server`."""
        ...

    def admit(self, room: Room, user_id: str, about: About = NOTHING) -> Admission:
        """Let a person in; asks nobody, or its server once in a process's life."""
        ...

    def prepare(self, room: Room) -> None:
        """Get or make the room."""
        ...

    def rehearse(self, room: Room) -> None:
        """Make a room, sign a way into it, and remove it: all that a join asks of its server."""
        ...

    def presence(self, room: Room) -> Sequence[Participant] | None:
        """Who is there; None if this provider cannot tell."""
        ...

    def busy_rooms(self) -> Sequence[Room]:
        """Those with somebody in them."""
        ...

    def evict(self, room: Room, participant: Participant) -> None:
        """Put somebody out.  Who has gone already is no error."""
        ...

    def evidence(self, body: bytes, headers: Mapping[str, str]) -> Evidence | None:
        """What a webhook says, or None if it is nothing to us.  Raises BadSignature."""
        ...


@dataclass(frozen=True)
class Local:
    """This installation's own rooms: a browser's peer connection ends in the bot's process."""

    name: str = "local"
    server: str = ""

    def admit(self, room: Room, user_id: str, about: About = NOTHING) -> Admission:
        raise NotOurRoom  # a session's own token lets people in

    def prepare(self, room: Room) -> None:
        pass

    def rehearse(self, room: Room) -> None:
        pass

    def presence(self, room: Room) -> Sequence[Participant] | None:
        return None

    def busy_rooms(self) -> Sequence[Room]:
        return ()

    def evict(self, room: Room, participant: Participant) -> None:
        pass

    def evidence(self, body: bytes, headers: Mapping[str, str]) -> Evidence | None:
        return None


@dataclass(frozen=True)
class Providers:
    """Those of this installation.  A bot is sent to no other: whoever names a room may be anybody."""

    by_name: Mapping[str, Provider]

    @classmethod
    def of(cls, providers: Iterable[Provider]) -> "Providers":
        """The first is where a fresh room is."""
        return cls({each.name: each for each in providers})

    def room(self, url: str) -> Room:
        """Raises BadRoom for what is no room's URL, NotOurRoom for a room that is not in one of these."""
        room = Room.parse(url)
        provider = self.by_name.get(room.provider)
        if provider is None or provider.server != room.server:
            raise NotOurRoom(f"This installation has no rooms there; it has {self}.")
        return room

    def fresh(self) -> Room:
        """A new room, where nobody else is."""
        first = next(iter(self.by_name.values()))
        return Room.fresh(first.name, first.server)

    def of_room(self, room: Room) -> Provider:
        """Whose a room is.  Raises NotOurRoom: the settings may have changed since it was let in."""
        provider = self.by_name.get(room.provider)
        if provider is None or provider.server != room.server:
            raise NotOurRoom
        return provider

    def __str__(self) -> str:
        return " and ".join(str(Room(each.name, "NAME", each.server)) for each in self.by_name.values())


def check_name(user_id: str) -> None:
    """Raises ReservedName for a person who would be taken for a bot, and throw it out."""
    if user_id.lower().startswith(BOT):
        raise ReservedName


def is_voice_room(room: Room) -> bool:
    """Whether a room is some user's own, in whatever letters it is written."""
    return room.name.casefold().startswith(VOICE_ROOM)


def check_voice_room(room: Room, user_id: str) -> None:
    """Raises NotYourRoom for anybody but the user whose own voice room it is.

    To the letter: Ann and ann are two users.  Whoever is called guest is nobody in particular, and has none.
    """
    is_nobody = user_id.casefold() == GUEST or user_id.casefold().startswith(f"{GUEST}-")
    if is_voice_room(room) and (is_nobody or room.name != f"{VOICE_ROOM}{user_id}"):
        raise NotYourRoom


def bot_identity(room: Room) -> str:
    """The one that every bot of a room has, so that the room lets only one of them stay."""
    return f"{BOT}{room.name}"
