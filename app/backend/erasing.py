"""Tells somebody's own backend that a person is erased: it alone can erase what it keeps of them."""

from greenroom.app.backend.calls import Backend
from greenroom.app.errors.storage import BackendAway, BackendRefused


class BackendErasure:
    """The other place in which something of people is kept (`greenroom.app.rooms.erasing.Elsewhere`)."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def erase(self, tenant: str, user_id: str, at_ms: int) -> None:
        facts = {"id": f"{tenant}/{user_id}/{at_ms}", "tenant": tenant, "user_id": user_id, "at_ms": at_ms}
        try:
            self._backend.call("erase", facts)
        except BackendRefused as error:  # whoever asks for the erasure must hear that it is not done
            raise BackendAway(because=error.facts["because"]) from error


def erasure_at(url: str, secret: str) -> BackendErasure | None:
    """None where there is no backend."""
    return BackendErasure(Backend(url, secret)) if url else None
