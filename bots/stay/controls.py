"""How a bot in a room is changed and made to say something, in pipecat's own terms, so that any bot can follow."""

from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
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

from greenroom.app.rooms.brief import FACTS, Brief, Mode
from greenroom.app.rooms.precedence import decide
from greenroom.app.rooms.requests.changing import Configure
from greenroom.app.rooms.requests.directing import GUIDANCE, MUTED, STEALTH
from greenroom.app.rooms.sessions import Session
from greenroom.app.settings import Settings
from greenroom.app.speech.choosing import Choices
from greenroom.bots import speech
from greenroom.bots.personalities import Personality
from greenroom.bots.personalities import load as load_personality
from greenroom.bots.seam.settings import settings_of_voice
from greenroom.bots.speech.failover import PreferFrame
from greenroom.bots.speech.live import MODEL, SERVICES, Live, live
from greenroom.bots.stay.mute import Mute
from greenroom.bots.stay.silence import Silence
from greenroom.bots.transports.stage import Stage
from greenroom.bots.voices import lacks_of, ready_of

# What a bot's services change while it talks; a service is chosen before it learns a model and a voice
FOLLOWED = ("services", "model", "voice", "voice_parameters", "language", "prompt")
TOOLS = "tools"
EQUIPMENT = (
    MODEL,
    SERVICES,
    TOOLS,
    "app_events",
)  # what no brief has: a bot is told of it where it was changed
OF_ALL: dict[str, Any] = {"reach_inactive_services": True}  # a second choice may take over later
CHANGED = Configure.CHANGEABLE & FACTS  # what of the brief may be changed while the session lasts

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
        mute: Mute,
        say: Say,
        is_ours: bool = True,
    ) -> None:
        """A bot that is not ours has services and tools of its own making."""
        self._is_ours = is_ours
        self._session = session
        self._settings = settings
        self._stage = stage
        self._silence = silence
        self._mute = mute
        self._say = say
        self._config: Mapping[str, Any] = {}  # what was changed since the session began
        self._made: Choices | None = None  # the services that its bot has; None: they are still to be made

    @property
    def session(self) -> Session:
        """The session as it is with what was changed since it began: what the bot of this room is told of it."""
        brief = self._session.brief
        decided = decide(config=_facts(self._config), call=brief.facts())
        return replace(
            self._session, brief=brief.with_facts({name: decided[name] for name in CHANGED & decided.keys()})
        )

    async def prepare(self, config: Mapping[str, Any]) -> None:
        """Take the settings of the session's join, with the changes that were made to the bot before this one."""
        await self.become(config)
        self._made = ready_of(self._settings, self._wanted)
        await self._show()

    async def change(self, changes: Mapping[str, Any]) -> None:
        """Change how the bot speaks and thinks.

        What is set to null goes back to what the session was joined with, else to what its personality has.  What was
        set by itself stays when the personality changes: the same as a bot that takes the session over makes of it.
        """
        await self.become({**self._config, **changes})

    async def become(self, config: Mapping[str, Any]) -> None:
        """Be as the session was joined with, but for this."""
        await self._be(self._session, config)

    async def take(self, brief: Brief) -> None:
        """Be as this brief says from now on, but for what was changed since the session began."""
        await self._be(replace(self._session, brief=brief), self._config)

    async def _be(self, session: Session, config: Mapping[str, Any]) -> None:
        was, looked = self._decided(), self._looks
        self._session, self._config = session, config
        self._mute.become(is_muted=config.get(MUTED) is True, is_stealthy=config.get(STEALTH) is True)
        now = self._decided()
        await self._say(*_settings_frames(was, now))
        if self._looks != looked:
            await self._show()

    def _decided(self) -> Mapping[str, Any]:
        """How its services are to be, by the names of FOLLOWED."""
        personality, services = self._personality, self._live
        decided = decide(
            config={name: self._config.get(name) for name in FOLLOWED},
            call={"voice": self._session.brief.voice},
            personality={
                "language": personality.language,
                "prompt": personality.prompt,
                "voice_parameters": personality.voice_parameters,
            },
            installation={"voice": speech.voice_for(self._settings, self._own_personality)},
        )
        decided[SERVICES] = {part: choice.named for part, choice in services.first.items()}
        decided[MODEL] = services.model
        if guidance := self._config.get(GUIDANCE):
            decided["prompt"] = f"{decided['prompt']}\n\n{guidance}"
        return decided

    @property
    def _own_personality(self) -> Personality:
        """The personality before anybody has asked anything of it, with the services that do its parts now."""
        first = {str(part): (choice.named,) for part, choice in self._live.first.items()}
        return speech.as_spoken(replace(self._wanted, asked_services=first), self._settings)

    @property
    def _wanted(self) -> Personality:
        """The personality with what it is to work with, of which some may come with the next bot."""
        named = self._config.get("personality") or self._session.brief.personality
        return load_personality(named).equipped(self._config)

    @property
    def _live(self) -> Live:
        """How its services are to be, as far as they are there."""
        wanted = ready_of(self._settings, self._wanted)
        return live(self._made or wanted, wanted)

    @property
    def with_next_bot(self) -> Sequence[str]:
        """What it was changed in, and is only once the session has another bot."""
        if not self._is_ours:
            return sorted({SERVICES, TOOLS} & self.equipment.keys())
        return sorted(self._live.later)

    @property
    def not_ready(self) -> Sequence[str]:
        """What the services that it was given lack here: others do their part."""
        return lacks_of(self._settings, self._wanted)

    @property
    def equipment(self) -> Mapping[str, Any]:
        """What the bot of this room is told of its session besides the brief."""
        return {name: self._config[name] for name in EQUIPMENT if self._config.get(name) is not None}

    @property
    def _personality(self) -> Personality:
        return self._own_personality.as_asked(self.session.brief.facts())

    @property
    def tools(self) -> Sequence[str] | None:
        """Which its model may call, as it is now; None: all."""
        return self._wanted.tools

    @property
    def _looks(self) -> str | None:
        """The name under its picture; None where it has none."""
        if self._mute.is_stealthy:
            return None
        session = self.session
        return self._personality.name if session.brief.mode == Mode.FORUM else None

    @property
    def is_guided(self) -> bool:
        """Whether its model is told an instruction behind its prompt."""
        return bool(self._config.get(GUIDANCE))

    async def say(self, text: str, *, interrupt: bool) -> None:
        """Say this as it is: at once, or once the bot has said what it is saying."""
        await self._say(*([InterruptionFrame()] if interrupt else []), TTSSpeakFrame(text))

    async def greet(self) -> None:
        """Say who is there now, if anybody hears it."""
        await self._say_if_heard(TTSSpeakFrame(self._personality.greeting))

    async def warn_of_end(self) -> None:
        """Say that the session's time is nearly over, if anybody hears it."""
        await self._say_if_heard(TTSSpeakFrame(self._personality.ending_soon))

    @property
    def silence(self) -> timedelta:
        """How long nobody may say anything while people are there; 0: for ever."""
        named = self.session.brief.silence
        decided = self._wanted.silence if named is None else named
        return self._settings.silence if decided is None else decided

    @property
    def app_events(self) -> Collection[str]:
        """Of what people do in their app, the types that the model is told of."""
        own = self._wanted.app_events
        return self._settings.app_events if own is None else own

    async def ask_whether_anybody_is_there(self) -> None:
        """Ask people who have not said anything for long."""
        await self._say_if_heard(TTSSpeakFrame(self._personality.still_there))

    async def apologise(self) -> None:
        """Say that something went wrong, to people who would hear nothing else."""
        await self._say_if_heard(TTSSpeakFrame(self._personality.sorry, append_to_context=False))

    async def say_goodbye(self) -> bool:
        """Say goodbye and end; False, and nothing is said, if nobody hears it.

        What the bot says now is interrupted: a goodbye behind a long answer would come too late to be heard.
        """
        return await self._say_if_heard(
            InterruptionFrame(), TTSSpeakFrame(self._personality.goodbye), EndFrame()
        )

    async def say_that_it_goes_away(self) -> bool:
        """Say that the bot is gone for a moment; False, and nothing is said, if nobody hears it."""
        sentence = TTSSpeakFrame(self._personality.away, append_to_context=False)
        return await self._say_if_heard(InterruptionFrame(), sentence)

    async def say_that_it_moves(self) -> bool:
        """Tell those who are left behind that the bot goes to another room; False where it may not speak."""
        if not self._may_speak:
            return False
        await self._say(TTSSpeakFrame(self._personality.moving, append_to_context=False))
        return True

    @property
    def _may_speak(self) -> bool:
        return not self._silence.is_on and not self._mute.is_on

    async def _say_if_heard(self, *frames: Frame) -> bool:
        """Put these into the bot's pipeline, if somebody is there and it may speak; whether that is so."""
        is_heard = bool(self._stage.people) and self._may_speak
        if is_heard:
            await self._say(*frames)
        return is_heard

    async def _show(self) -> None:
        """Turn the picture on or off, as the mode says."""
        await self._stage.show(self._looks)


def _facts(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of a changed configuration is a fact of the brief; a `prompt` stands in the place of all of them."""
    return {name: fact for name, fact in config.items() if name in CHANGED}


def _settings_frames(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[Frame]:
    """What tells the bot's services how they are to be, as far as they are not."""
    changes = {name: now[name] for name in FOLLOWED if now[name] != was[name]}
    frames: list[Frame] = []
    if services := changes.get(SERVICES):
        others = {part: named for part, named in services.items() if named != was[SERVICES][part]}
        frames.append(PreferFrame(others))
    if model := changes.get(MODEL):
        frames.append(LLMUpdateSettingsFrame(delta=LLMSettings(model=model)))
    if "voice_parameters" in changes:
        gone = dict.fromkeys(was["voice_parameters"])
        frames.append(
            TTSUpdateSettingsFrame(delta=settings_of_voice({**gone, **changes["voice_parameters"]}))
        )
    if voice := changes.get("voice"):
        frames.append(TTSUpdateSettingsFrame(delta=TTSSettings(voice=voice)))
    if language := changes.get("language"):
        frames.append(TTSUpdateSettingsFrame(delta=TTSSettings(language=language), **OF_ALL))
        frames.append(STTUpdateSettingsFrame(delta=STTSettings(language=language), **OF_ALL))
    if prompt := changes.get("prompt"):
        frames.append(LLMUpdateSettingsFrame(delta=LLMSettings(system_instruction=prompt), **OF_ALL))
    return frames
