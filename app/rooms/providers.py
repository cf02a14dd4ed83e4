"""Providers: who has rooms.  One LiveKit server and one Daily domain at most, and this installation for local rooms."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol

from greenroom.app.errors.rooms import NotOurRoom
from greenroom.app.errors.users import ReservedName
from greenroom.app.rooms.room import Room

BOT = "bot:"  # what the identity of a room's bot begins with, and nobody else's
LISTENER = "listener:"  # what the identity of somebody begins with who listens unseen, and nobody else's
GUEST = "guest"  # what a user is called whom nobody has named
# How long a token of a room lets somebody enter it; who is in stays.  No server takes a token back: one for a room that
# its bot has left is good for this long at most.  The tokens by which LiveKit lets its clients reconnect last as long.
TOKEN_LASTS = timedelta(minutes=10)


@dataclass(frozen=True)
class About:
    """What the others in a room may know of a person."""

    name: str | None = None
    preferences: Mapping[str, Any] = field(default_factory=dict)


NOTHING = About()


@dataclass(frozen=True)
class Admission:
    """What a person's client needs to get into a room, beside the session's own token."""

    url: str  # the address that the client connects to
    room_token: str  # lets one user into one room, until TOKEN_LASTS is over


class Source(StrEnum):
    """What a track is of."""

    MICROPHONE = "microphone"
    CAMERA = "camera"
    SCREEN = "screen"
    SCREEN_AUDIO = "screen_audio"
    OTHER = "other"


@dataclass(frozen=True)
class Track:
    """Sound or pictures that somebody sends into a room; while it is muted, nothing comes."""

    source: Source
    muted: bool = False


@dataclass(frozen=True)
class Participant:
    """Somebody in a room, as its provider tells."""

    identity: str
    name: str = ""
    is_bot: bool = False  # one of ours, or of somebody else's
    session_id: str | None = None  # whose bot it is, if it is ours
    epoch: int | None = None
    since_ms: int | None = None  # when they came; None: nobody can tell
    tracks: tuple[Track, ...] | None = None  # None: nobody can tell
    sid: str = ""  # what its provider calls this visit: whoever leaves and comes back has another one


class RoomEvent(StrEnum):
    """What a provider may say of a room.  Each provider's own words become one of these where they come in."""

    PARTICIPANT_JOINED = "participant_joined"
    PARTICIPANT_LEFT = "participant_left"
    ROOM_FINISHED = "room_finished"


@dataclass(frozen=True)
class Evidence:
    """What a provider's webhook says of a room.  It may come late, early, or twice."""

    id: str
    event: RoomEvent
    room: Room
    participant: Participant | None = None
    at_ms: int = 0


class Provider(Protocol):
    """A service that has rooms, lets people into them, and knows who is there.

    A method that calls the service's server raises ProviderAway after a few seconds at most.
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
        """Sign what a person enters a room with; calls no server, or calls it once in a process's life."""
        ...

    def admit_unseen(self, room: Room, user_id: str) -> Admission:
        """Sign what somebody enters with who hears all, sends nothing, and is shown to nobody.

        Raises NotUnseenThere, where this provider has no such rooms.
        """
        ...

    def prepare(self, room: Room, *, recording: bool | None = None) -> None:
        """Make the room unless it exists.

        `recording` is whether a voice room may be recorded; None leaves that as it is, and a new one unrecorded.
        """
        ...

    def open(self, room: Room, *, recording: bool = False) -> None:
        """Make the room unless it exists, for people who are not there yet.

        Raises ProviderAway also where the room would be made by whoever joins it first, and nobody could.
        """
        ...

    def rehearse(self, room: Room) -> None:
        """Make a room, sign a token for it, and remove it: everything that a join needs of the server."""
        ...

    def presence(self, room: Room) -> Sequence[Participant] | None:
        """List who is in a room; None if this provider cannot tell."""
        ...

    def busy_rooms(self) -> Sequence[Room]:
        """List the rooms that have participants."""
        ...

    def evict(self, room: Room, participant: Participant) -> None:
        """Remove a participant; does nothing if they have gone."""
        ...

    def evidence(self, body: bytes, headers: Mapping[str, str]) -> Evidence | None:
        """Read a webhook; None if it says nothing that concerns us.  Raises BadSignature."""
        ...


@dataclass(frozen=True)
class Providers:
    """The providers of this installation.  A bot goes to no other server: a caller could choose any address."""

    by_name: Mapping[str, Provider]
    fresh: tuple[
        str, ...
    ] = ()  # those that have fresh rooms, in the order in which they are tried; none: all

    @classmethod
    def of(cls, providers: Iterable[Provider], fresh: Iterable[str] = ()) -> "Providers":
        """Keep them by name."""
        return cls({each.name: each for each in providers}, tuple(fresh))

    @property
    def for_fresh_rooms(self) -> list[Provider]:
        """The providers of rooms that nobody has named, the preferred one first."""
        return [self.by_name[name] for name in self.fresh or self.by_name]

    def room(self, url: str) -> Room:
        """Read a room's URL.  Raises BadRoom if it is none, NotOurRoom if no provider here has such a room."""
        room = Room.parse(url)
        provider = self.by_name.get(room.provider)
        if provider is None or provider.server != room.server:
            raise NotOurRoom(f"This installation has no rooms there; it has {self}.")
        return room

    def fresh_room(self) -> Room:
        """Name a new room that nobody is in, with the preferred provider."""
        first = self.for_fresh_rooms[0]
        return Room.fresh(first.name, first.server)

    def of_room(self, room: Room) -> Provider:
        """The provider that has a room.  Raises NotOurRoom if the settings have changed since it was joined."""
        provider = self.by_name.get(room.provider)
        if provider is None or provider.server != room.server:
            raise NotOurRoom
        return provider

    def __str__(self) -> str:
        return " and ".join(str(Room(each.name, "NAME", each.server)) for each in self.by_name.values())


def check_name(user_id: str) -> None:
    """Raises ReservedName for a user_id like a bot's: under it, that person would remove the bot from the room; or like
    that of somebody who listens unseen: nobody would be told of them."""
    if user_id.lower().startswith((BOT, LISTENER)):
        raise ReservedName


def is_guest(user_id: str) -> bool:
    """Whether that is nobody in particular, as whom anybody may come."""
    return user_id.casefold() == GUEST or user_id.casefold().startswith(f"{GUEST}-")


def bot_identity(room: Room) -> str:
    """The identity that every bot of a room has, so that the room's server lets only one of them stay."""
    return f"{BOT}{room.name}"


def listener_identity(user_id: str) -> str:
    """Another one than theirs: a room's server would put them out as the person that they may be there as well."""
    return f"{LISTENER}{user_id}"


def is_listener(identity: str) -> bool:
    """Whether that is somebody who listens unseen, of whom nobody is told."""
    return identity.startswith(LISTENER)
