"""A provider of rooms in memory, who is there as a test says."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from greenroom.app.errors.rooms import ProviderAway
from greenroom.app.rooms.providers import NOTHING, About, Admission, Evidence, Participant
from greenroom.app.rooms.room import LIVEKIT, Room


class Rooms:
    """Speaks for one LiveKit server."""

    name = LIVEKIT
    server = "wss://livekit.example.com"

    def __init__(self) -> None:
        self.there: dict[Room, list[Participant]] = defaultdict(list)
        self.evicted: list[Participant] = []
        self.is_away = False
        self.asked = 0
        self.opened: list[tuple[str, bool]] = []  # the name, and whether it may be recorded
        self.rehearsed: list[Room] = []
        self.makes_no_rooms = False

    def room(self, name: str) -> Room:
        return Room(LIVEKIT, name, self.server)

    def arrive(self, room: Room, identity: str, **more: Any) -> Participant:
        who = Participant(identity, **more)
        self.there[room].append(who)
        return who

    def depart(self, room: Room, identity: str) -> None:
        self.there[room] = [who for who in self.there[room] if who.identity != identity]

    def admit(self, room: Room, user_id: str, about: About = NOTHING) -> Admission:
        return Admission(self.server, f"a token for {user_id}")

    def admit_unseen(self, room: Room, user_id: str) -> Admission:
        return Admission(self.server, f"a hidden token for {user_id}")

    def prepare(self, room: Room, *, recording: bool | None = None) -> None:
        pass

    def open(self, room: Room, *, recording: bool = False) -> None:
        self.opened.append((room.name, recording))
        self._be_asked()

    def rehearse(self, room: Room) -> None:
        self._be_asked()
        self.rehearsed.append(room)
        if self.makes_no_rooms:
            raise ProviderAway("it makes no rooms")

    def presence(self, room: Room) -> Sequence[Participant] | None:
        self._be_asked()
        return list(self.there[room])

    def busy_rooms(self) -> Sequence[Room]:
        self._be_asked()
        return [room for room, there in self.there.items() if there]

    def evict(self, room: Room, participant: Participant) -> None:
        self._be_asked()
        self.there[room].remove(participant)
        self.evicted.append(participant)

    def evidence(self, body: bytes, headers: Mapping[str, str]) -> Evidence | None:
        return None

    def _be_asked(self) -> None:
        self.asked += 1
        if self.is_away:
            raise ProviderAway
