"""What was said in a conversation that goes on, asked of somebody's own backend (`app/rooms/taking_up.py`)."""

from collections.abc import Mapping
from typing import Any

from greenroom.app.backend.calls import Backend
from greenroom.app.errors.storage import BackendAway
from greenroom.app.rooms.conversations import Turn, whole
from greenroom.app.rooms.taking_up import Earlier, behind_all, newest_that_fit

SPEAKERS = ("user", "assistant")
HAS_NO_SUCH_CALL = frozenset(
    {404, 405, 501}
)  # statuses of a backend that was written for less than all calls
LAST_PLACE = 2**52  # Redis's scores and Lua's numbers are exact up to twice that


class BackendEarlier:
    """What it keeps of one user's conversations (`greenroom.app.rooms.taking_up.KeptEarlier`)."""

    def __init__(self, backend: Backend, user_id: str) -> None:
        self._backend = backend
        self._user_id = user_id

    def find(self, tenant: str, conversation_id: str) -> Earlier | None:
        """None for one that it knows to be new.  One of which it says nothing goes on behind all that it can have.

        Raises BackendAway also for an answer that cannot be read.
        """
        facts = {"tenant": tenant, "user_id": self._user_id, "conversation_id": conversation_id}
        told = self._ask(facts)
        if "turns" not in told:
            return Earlier("", (), behind_all())
        try:
            turns = sorted((_turn(each) for each in told["turns"]), key=lambda turn: turn.sequence)
        except (KeyError, TypeError, ValueError):
            raise BackendAway(because="its turns cannot be read") from None
        if not turns:
            return None
        said = [turn for turn in turns if turn.role in SPEAKERS and turn.content.strip()]
        owner = told.get("user_id")
        return Earlier(
            owner if isinstance(owner, str) else "", newest_that_fit(reversed(said)), turns[-1].sequence
        )

    def _ask(self, facts: Mapping[str, object]) -> Mapping[str, Any]:
        try:
            return self._backend.call("conversation", facts)
        except BackendAway as away:
            if away.facts.get("status") in HAS_NO_SUCH_CALL:
                return {}
            raise


def _turn(told: Mapping[str, Any]) -> Turn:
    """A turn as it was sent; what a tool was asked and said stays away, for one of both without the other is refused by
    models.  Raises KeyError, TypeError or ValueError for anything else."""
    its_id, role, content, sequence = (told[name] for name in ("id", "role", "content", "sequence"))
    if not all(isinstance(text, str) for text in (its_id, role, content)):
        raise TypeError
    if not isinstance(sequence, int) or not 0 < sequence <= LAST_PLACE:
        raise ValueError
    person, is_interrupted = told.get("person"), told.get("interrupted") is True
    return Turn(
        whole(its_id),
        role,
        whole(content),
        person=whole(person) if isinstance(person, str) else None,
        interrupted=is_interrupted,
        sequence=sequence,
    )
