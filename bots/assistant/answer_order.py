"""When a person is answered: once the others have finished speaking, and one person after the other."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

OTHERS_SPEAK_FOR = 5.0  # seconds that an answer waits for others to finish; then the bot talks over them

Q = TypeVar("Q")  # what a person has asked


class AnswerOrder(Generic[Q]):
    """Who speaks, and whose questions wait for an answer."""

    def __init__(
        self,
        answer: Callable[[str, Q], Awaitable[None]],
        begin: Callable[[Coroutine[Any, Any, None], str], Any],
    ) -> None:
        """`answer` answers a person's question; `begin` makes a task, by its name, that its owner awaits or cancels."""
        self._answer = answer
        self._begin = begin
        self._speaking: set[str] = set()
        self._waiting: deque[tuple[str, Q]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def started_speaking(self, person: str) -> None:
        self._speaking.add(person)

    async def stopped_speaking(self, person: str) -> None:
        self._speaking.discard(person)
        if not self._speaking:
            await self._answer_all()

    async def asked(self, person: str, question: Q) -> None:
        """Answer a person once the others have finished, or after OTHERS_SPEAK_FOR."""
        self._waiting.append((person, question))
        if not self._speaking - {person}:
            await self._answer_all()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(OTHERS_SPEAK_FOR, self._waited_long_enough)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _waited_long_enough(self) -> None:
        self._timer = None
        self._begin(self._answer_all(), "answers")

    async def _answer_all(self) -> None:
        self.stop()
        while self._waiting:
            await self._answer(*self._waiting.popleft())
