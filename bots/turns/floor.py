"""Who speaks in a call, and whether somebody waits for an answer."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

ASSISTANT = "assistant"
USER = "user"


class OnSpeech(Protocol):
    """Told that a person begins, or stops, to speak."""

    def __call__(self, person: str | None, *, begins: bool) -> None: ...


class Floor:
    """The floor of one call: a bot gives its room up, or lets go of a conversation, when nobody has it."""

    def __init__(self) -> None:
        self._speaking: set[tuple[str, str | None]] = set()
        self._somebody_waits = False
        self.on_answer: Callable[[], object] | None = None  # called when the bot begins to answer
        self.on_speech: OnSpeech | None = None  # called when a person begins or stops

    def begins(self, speaker: str, person: str | None = None) -> None:
        """The bot, or a person, begins to speak."""
        if speaker == USER and (speaker, person) not in self._speaking and self.on_speech is not None:
            self.on_speech(person, begins=True)
        self._speaking.add((speaker, person))
        if speaker == ASSISTANT and self.on_answer is not None:
            self.on_answer()

    def stops(self, speaker: str, person: str | None = None) -> None:
        if speaker == USER and (speaker, person) in self._speaking and self.on_speech is not None:
            self.on_speech(person, begins=False)
        self._speaking.discard((speaker, person))

    def is_asked(self) -> None:
        """The bot has been told something, and owes an answer."""
        self._somebody_waits = True

    def has_answered(self) -> None:
        self._somebody_waits = False

    @property
    def is_quiet(self) -> bool:
        """Nobody speaks, and nobody waits for an answer."""
        return not self._speaking and not self._somebody_waits

    @property
    def is_answering(self) -> bool:
        """The bot speaks, or thinks of what to say."""
        return any(speaker == ASSISTANT for speaker, _ in self._speaking)

    @property
    def people_speak(self) -> bool:
        """Whether a person is speaking."""
        return any(speaker == USER for speaker, _ in self._speaking)

    def is_left(self) -> None:
        """Nobody is there any more: whoever spoke has gone, and nobody waits for an answer."""
        self._speaking = {(speaker, person) for speaker, person in self._speaking if speaker == ASSISTANT}
        self._somebody_waits = False

    async def silence(self, within: timedelta) -> None:
        """Wait until nobody speaks."""
        deadline = asyncio.get_running_loop().time() + within.total_seconds()
        while self._speaking and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110  at rest
            await asyncio.sleep(0.02)
