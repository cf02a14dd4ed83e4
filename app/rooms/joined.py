"""What a join and a move answer: the session that a room has, or gets."""

from dataclasses import dataclass, replace
from datetime import timedelta

from greenroom.app.errors.sessions import LaunchFailed, MoveFailed
from greenroom.app.rooms.brief import Brief
from greenroom.app.rooms.ledger import Ledger
from greenroom.app.rooms.line import Place
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import Happened, ReadEvents
from greenroom.app.rooms.sessions import ON_STAGE, Session, State
from greenroom.app.rooms.sliced_wait import slices

QUEUED = "queued"  # the status of a join whose session waits for a slot


@dataclass(frozen=True)
class Joined:
    """The one session of a room, and whether it was there before the call."""

    session_id: str
    room: Room
    status: str
    reused: bool
    brief: Brief  # of whoever asked first
    conversation_id: str
    position: int | None = None  # in the line, if there is no free slot
    epoch: int = 0  # of its claim of the room, if the session is on its way there from another room
    after: str = "0"  # the last event of its history before that claim

    @classmethod
    def of(cls, session: Session, *, reused: bool) -> "Joined":
        return cls(
            session_id=session.id,
            room=session.room,
            status=session.state,
            reused=reused,
            brief=replace(session.brief, max_duration=session.max_duration),  # which may have been extended
            conversation_id=session.conversation_id,
        )

    def on_its_way(self, epoch: int, after: str) -> "Joined":
        """This answer, where the session is on its way to the room from another one."""
        return replace(self, status=State.TRANSITIONING, epoch=epoch, after=after)

    def in_line(self, place: Place) -> "Joined":
        """This answer, where the session's bot is not in the room yet; with its place if it waits for a slot."""
        return replace(self, status=QUEUED if place.position else State.PENDING, position=place.position)


def wait_for_move(ledger: Ledger, joined: Joined, within: timedelta) -> Joined:
    """Wait until a session's bot is in the room that it moves to, or the time is over; the status says which.

    Raises MoveFailed, or LaunchFailed if the session ends before.
    """
    after, is_there = joined.after, False
    for wait in slices(within):
        for event in ledger.run(ReadEvents(joined.session_id, after=after, wait=wait)):
            after = event.id
            if event.event == Happened.MOVE_FAILED:
                raise MoveFailed(
                    f"The bot stays where it is: {event.detail}.",
                    session_id=joined.session_id,
                    reason=event.reason,
                )
            if event.event == State.ENDED:
                why = event.detail or event.reason
                raise LaunchFailed(f"The session has ended: {why}.", session_id=joined.session_id)
            is_there = is_there or event.event == Happened.MOVED
            if is_there and event.event in ON_STAGE - {State.TRANSITIONING}:
                return replace(joined, status=event.event)
    return joined
