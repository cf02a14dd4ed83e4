"""Memory at somebody's own backend: what it knows of a user, in its own words."""

from datetime import timedelta

from greenroom.app.backend.calls import Backend
from greenroom.app.rooms.conversations import whole
from greenroom.app.rooms.memory import in_others_words

RECALLS_WITHIN = timedelta(
    seconds=1
)  # a bot that begins does not wait for as long, but somebody who comes later may


class BackendMemory:
    """What is known of people (`greenroom.app.rooms.memory.Memory`)."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def recall(self, tenant: str, user_id: str, *, besides: str) -> str:
        facts = {"tenant": tenant, "user_id": user_id, "conversation_id": besides}
        told = self._backend.call("recall", facts, within=RECALLS_WITHIN).get("text")
        return in_others_words(whole(told)) if isinstance(told, str) else ""
