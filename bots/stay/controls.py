"""How a bot in a room is changed and made to say something, in pipecat's own terms, so that any bot can follow."""

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import structlog
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InterruptionFrame,
    LLMUpdateSettingsFrame,
    STTUpdateSettingsFrame,
    TTSSpeakFrame,
    TTSUpdateSettingsFrame,
)
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings

from greenroom.app.rooms.brief import Brief, Mode
from greenroom.app.rooms.precedence import decide
from greenroom.app.rooms.sessions import Session
from greenroom.app.settings import Settings
from greenroom.bots import speech
from greenroom.bots.personalities import Personality
from greenroom.bots.personalities import load as load_personality
from greenroom.bots.stay.silence import Silence
from greenroom.bots.transports.stage import Stage

FOLLOWED = frozenset({"voice", "language", "prompt"})  # what a bot's services change while it talks

log = structlog.get_logger(__name__)


class Say(Protocol):
    """Puts frames into a bot's pipeline."""

    def __call__(self, *frames: Frame) -> Awaitable[None]: ...


class Controls:
    """How one bot is changed, and made to say something."""

    def __init__(
        self,
        session: Session,
        settings: Settings,
        *,
        stage: Stage,
        silence: Silence,
        say: Say,
    ) -> None:
        self._session = session
        self._settings = settings
        self._stage = stage
        self._silence = silence
        self._say = say
        self._config: Mapping[str, Any] = {}  # what was changed since the session began
        self._personality: Personality | None = None

    @property
    def mode(self) -> str:
        return str(self._config.get("mode") or self._session.brief.mode)

    async def prepare(self, config: Mapping[str, Any]) -> None:
        """Take the settings of the session's join, with the changes that were made to the bot before this one."""
        await self.change(config)
        await self._show()

    async def change(self, changes: Mapping[str, Any]) -> None:
        """Change how the bot speaks and thinks.

        What is set to null goes back to what the session was joined with, else to what its personality has.  What was
        set by itself stays when the personality changes: the same as a bot that takes the session over makes of it.
        """
        self._config = {**self._config, **changes}
        brief = self._session.brief
        personality = load_personality(self._config.get("personality") or brief.personality)
        self._personality = personality.as_asked(brief.facts())
        decided = decide(
            config=self._config,
            call={"voice": brief.voice},
            personality={"language": self._personality.language, "prompt": self._personality.prompt},
            installation={"voice": speech.voice_for(self._settings, personality)},
        )
        affected = FOLLOWED if "personality" in changes else FOLLOWED & changes.keys()
        await self._say(*_settings_frames({name: decided[name] for name in affected}))
        if {"mode", "personality"} & changes.keys():
            await self._show()

    async def take(self, brief: Brief) -> None:
        """Be as this brief says from now on, but for what was changed since the session began."""
        self._session = replace(self._session, brief=brief)
        await self.change({"personality": self._config.get("personality")})

    async def warn_of_end(self) -> None:
        """Say that the session's time is nearly over, if anybody hears it."""
        if self._is_heard and self._personality is not None:
            await self._say(TTSSpeakFrame(self._personality.ending_soon))

    async def say_goodbye(self) -> bool:
        """Say goodbye and end; False, and nothing is said, if nobody hears it.

        What the bot says now is interrupted: a goodbye behind a long answer would come too late to be heard.
        """
        if not self._is_heard or self._personality is None:
            return False
        await self._say(InterruptionFrame(), TTSSpeakFrame(self._personality.goodbye), EndFrame())
        return True

    async def say_that_it_goes_away(self) -> bool:
        """Say that the bot is gone for a moment; False, and nothing is said, if nobody hears it."""
        if not self._is_heard or self._personality is None:
            return False
        await self._say(InterruptionFrame(), TTSSpeakFrame(self._personality.away, append_to_context=False))
        return True

    async def say_that_it_moves(self) -> bool:
        """Tell those who are left behind that the bot goes to another room; False where it has no words for it."""
        if self._personality is None or self._silence.is_on:
            return False
        await self._say(TTSSpeakFrame(self._personality.moving, append_to_context=False))
        return True

    @property
    def _is_heard(self) -> bool:
        return bool(self._stage.people) and not self._silence.is_on

    async def _show(self) -> None:
        """Turn the picture on or off, as the mode says."""
        personality = self._personality
        await self._stage.show(personality.name if personality and self.mode == Mode.FORUM else None)


def _settings_frames(changes: Mapping[str, str]) -> list[Frame]:
    frames: list[Frame] = []
    if voice := changes.get("voice"):
        frames.append(TTSUpdateSettingsFrame(delta=TTSSettings(voice=voice)))
    if language := changes.get("language"):
        frames.append(TTSUpdateSettingsFrame(delta=TTSSettings(language=language)))
        frames.append(STTUpdateSettingsFrame(delta=STTSettings(language=language)))
    if prompt := changes.get("prompt"):
        frames.append(LLMUpdateSettingsFrame(delta=LLMSettings(system_instruction=prompt)))
    return frames
