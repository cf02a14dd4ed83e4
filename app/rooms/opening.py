"""Opening a room that nobody has named: with the first provider that answers."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock

import structlog

from greenroom.app.errors.rooms import ProviderAway
from greenroom.app.rooms.naming import fresh_name
from greenroom.app.rooms.providers import Providers
from greenroom.app.rooms.room import Room

PASSED_OVER_FOR = timedelta(
    seconds=5
)  # each caller would otherwise wait as long as a dead server is waited for

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Opened:
    """A room that is ready, and the providers before its own that did not answer."""

    room: Room
    fell_back_from: tuple[str, ...] = ()


class Opening:
    """Opens rooms, and passes over a provider that has just failed to answer."""

    def __init__(self, providers: Providers, clock: Callable[[], float] = time.monotonic) -> None:
        self._providers = providers
        self._clock = clock
        self._asked_again_at: dict[str, float] = {}
        self._lock = Lock()

    def open(self, name: str | None = None, *, recording: bool = False) -> Opened:
        """Open a room of that name, or a fresh one.  Raises ProviderAway if none answers."""
        away: list[str] = []
        failure = ProviderAway()
        for provider in self._providers.for_fresh_rooms:
            room = Room(provider.name, name or fresh_name(), provider.server)
            if self._may_ask(provider.name):
                try:
                    provider.open(room, recording=recording)
                except ProviderAway as error:
                    failure = error
                    self._pass_over(provider.name)
                else:
                    self._asked_again_at.pop(provider.name, None)
                    if away:
                        log.warning("fallback_room_opened", room=str(room), away=away)
                    return Opened(room, tuple(away))
            away.append(provider.name)
        raise failure

    def _may_ask(self, name: str) -> bool:
        """Whether a provider is asked now: one that was away is tried by one caller, and passed over by the others."""
        with self._lock:
            again_at = self._asked_again_at.get(name)
            if again_at is None:
                return True
            if self._clock() < again_at:
                return False
            self._asked_again_at[name] = self._clock() + PASSED_OVER_FOR.total_seconds()
            return True

    def _pass_over(self, name: str) -> None:
        with self._lock:
            self._asked_again_at[name] = self._clock() + PASSED_OVER_FOR.total_seconds()
