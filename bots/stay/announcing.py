"""What the people's clients are told of their session as it happens; servers are told in `telling.py`."""

from typing import Protocol

from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.session_events import Happened
from greenroom.app.rooms.sessions import ON_STAGE, Reason, State

OF_PEOPLE = {
    Happened.PERSON_ARRIVED: "participant.joined",
    Happened.PERSON_LEFT: "participant.left",
    Happened.SWITCHED: "session.switched",
}  # as app/events/schema.py has them


class Tell(Protocol):
    """Tell the clients in the room where the bot is."""

    def __call__(self, event: str, **facts: object) -> None: ...


class Announcing:
    """One session's way to the clients of its people."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def state(self, state: State, reason: Reason | None) -> None:
        """Where the session is in its life."""
        if state not in ON_STAGE and state is not State.LEAVING:
            return  # nobody is there to be told
        why = {"reason": reason} if reason else {}
        self._tell(f"session.{state}", **why)
        if state is State.LEAVING:
            self._tell("voice.session.end", **why)
        elif state is State.LIVE:
            self._tell("voice.session.start")

    def note(self, happened: Happened, person: str | None) -> None:
        """Who has come, who has gone, and that the bot is another assistant."""
        if event := OF_PEOPLE.get(happened):
            self._tell(event, person=person)

    def turn(self, conversation_id: str, turn: Turn) -> None:
        """That a turn is kept, and where it is read."""
        self._tell(
            "conversation.turn",
            conversation=conversation_id,
            turn=turn.sequence,
            role=turn.role,
            person=turn.person,
            interrupted=turn.interrupted,
        )
