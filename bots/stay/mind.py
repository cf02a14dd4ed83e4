"""What a stay's bot says of its mind with each beat (`app/rooms/minds.py`)."""

import time
from collections.abc import Callable

import structlog

from greenroom.app.rooms.memory import CHARACTERS_A_TOKEN
from greenroom.app.rooms.minds import Mind, ServiceFailure, short, size_of
from greenroom.bots.memories import Memories
from greenroom.bots.turns.contexts import Contexts

log = structlog.get_logger(__name__)


class MindOfBot:
    """The mind of one stay's bot."""

    def __init__(
        self,
        memories: Memories,
        contexts: Callable[[], Contexts],
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`contexts` are what its model reads where the bot is."""
        self._memories = memories
        self._contexts = contexts
        self._now = now
        self._failed: tuple[str, str, float] | None = None  # which service, how, and when

    def failed(self, service: str, category: str) -> None:
        """Also where another took over.  An error's own words may quote what was said: its category has to do."""
        self._failed = short(service), short(category), self._now()

    def read(self) -> Mind:
        """How it does now; a beat that cannot say so is better than none."""
        try:
            return self._read()
        except Exception:
            log.exception("mind_read_failed")
            return Mind(memory=self._memories.health)

    def _read(self) -> Mind:
        lengths = [(len(messages), sum(map(size_of, messages))) for messages in self._contexts().messages]
        messages, characters = max(lengths, key=lambda it: it[1], default=(None, 0))
        failure = None
        if self._failed is not None:
            service, category, at = self._failed
            failure = ServiceFailure(service, category, round(self._now() - at, 1))
        tokens = None if messages is None else characters // CHARACTERS_A_TOKEN
        return Mind(self._memories.health, messages, tokens, failure)
