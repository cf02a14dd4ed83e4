"""A queue of launches that remembers what it was asked to carry."""

from greenroom.app.errors.storage import RedisAway
from greenroom.app.queue_names import CONTROL, LAUNCHES
from greenroom.app.rooms.line import Push
from greenroom.app.rooms.provider_events import REMEMBERED_FOR, name_of
from greenroom.app.rooms.providers import Evidence
from greenroom.app.rooms.rates import Once
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.sessions import Session


class RememberedLaunches:
    """Carries nothing; a test takes what is there and is the worker itself."""

    def __init__(self) -> None:
        self.asked: list[tuple[Session, str]] = []
        self.told: list[Evidence] = []
        self.reapings: list[tuple[str, Room | None]] = []
        self.moves: list[tuple[str, int]] = []
        self.is_away = False

    def publish(self, evidence: Evidence) -> Once:
        self.told.append(evidence)
        return Once(name_of(evidence), REMEMBERED_FOR, CONTROL, evidence.event)

    def reap(self, request_id: str, room: Room | None) -> Once:
        self.reapings.append((request_id, room))
        return Once(f"reap:{request_id}", REMEMBERED_FOR, CONTROL, request_id)

    def transition(self, session: Session, epoch: int, *, again: bool = False) -> Once:
        self.moves.append((session.id, epoch))
        return Once(f"move:{session.id}:{epoch}:{again}", REMEMBERED_FOR, CONTROL, "a-move")

    def launch(self, session: Session, token: str, *, in_front: bool = False) -> Push:
        if self.is_away:
            raise RedisAway
        self.asked.append((session, token))
        return Push(LAUNCHES, token, session.id, in_front)

    @property
    def session_ids(self) -> list[str]:
        return [session.id for session, _ in self.asked]
