"""Local rooms, which are this installation's own: no server has them, and nobody else can be asked about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from greenroom.app.errors.rooms import NotOurRoom, NotUnseenThere
from greenroom.app.rooms.providers import NOTHING, About, Admission, Evidence, Participant
from greenroom.app.rooms.room import LOCAL, Room


@dataclass(frozen=True)
class Local:
    """This installation's own rooms: a browser's peer connection ends in the bot's process."""

    name: str = LOCAL
    server: str = ""

    def admit(self, room: Room, user_id: str, about: About = NOTHING) -> Admission:
        raise NotOurRoom  # a session's own token lets people in

    def admit_unseen(self, room: Room, user_id: str) -> Admission:
        raise NotUnseenThere  # its one connection is the person's

    def prepare(self, room: Room, *, recording: bool | None = None) -> None:
        pass

    def open(self, room: Room, *, recording: bool = False) -> None:
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
