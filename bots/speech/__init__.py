"""The services with which our bot hears, thinks and speaks: which ones a session gets."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipecat.processors.frame_processor import FrameProcessor

from greenroom.app.rooms.brief import WORDS
from greenroom.app.settings import Settings
from greenroom.app.speech import Part, Service
from greenroom.app.speech.choosing import choices, environment_of, ready
from greenroom.bots import personalities
from greenroom.bots.personalities import Personality
from greenroom.bots.speech.failover import Ears, Minds, Voices, one_of
from greenroom.bots.speech.making import Making, module_of, voice_of
from greenroom.bots.speech.making import SpeechNotInstalled as SpeechNotInstalled
from greenroom.bots.voices import named_by, ready_of

LANGUAGES = {
    "da": "Danish", "de": "German", "es": "Spanish", "fi": "Finnish", "fr": "French", "it": "Italian",
    "ja": "Japanese", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "sv": "Swedish",
    "tr": "Turkish", "uk": "Ukrainian", "zh": "Chinese",
}  # fmt: skip


@dataclass(frozen=True)
class Speech:
    """One session's services, in the order in which a voice passes them."""

    hearing: Callable[[], FrameProcessor]  # makes a recogniser; each person needs one of their own
    llm: Any
    tts: FrameProcessor


STAND_INS: Mapping[Part, type[Ears | Minds | Voices]] = {
    Part.HEARING: Ears,
    Part.THINKING: Minds,
    Part.SPEAKING: Voices,
}  # what several services for a part are put into


def build(personality: Personality, settings: Settings) -> Speech:
    """Make the services of a session; raises SpeechNotInstalled."""
    chosen = ready_of(settings, personality)
    making = Making(personality, settings)

    def make(part: Part) -> FrameProcessor:
        return one_of(STAND_INS[part], [making.make(choice) for choice in chosen[part]])

    return Speech(hearing=lambda: make(Part.HEARING), llm=make(Part.THINKING), tts=make(Part.SPEAKING))


def as_spoken(personality: Personality, settings: Settings) -> Personality:
    """A personality as the speech of its sessions can say it: the demo's knows English alone.

    One of another language says so in the demo, in the sentences of the one that comes first here.
    """
    language = personality.language.partition("-")[0]
    if language == "en" or _who_speaks(settings, personality).name != "demo":
        return personality
    english = personalities.load("host")
    sentences = {word: getattr(english, word) for word in WORDS if word not in ("system", "greeting")}
    return replace(
        personality,
        language=english.language,
        prompt=f"{personality.prompt}\n\nSpeak English, whatever language you are told things in.",
        greeting=f"Hello, I am {personality.name}. My language is {LANGUAGES.get(language, 'another one')}, "
        "and this demo hears and speaks nothing but English: with speech services of your own I do better. "
        "What is your name?",
        **sentences,
    )


def voice_for(settings: Settings, personality: Personality) -> str:
    """The name of a personality's voice, as the speech of its sessions understands it."""
    service = _who_speaks(settings, personality)
    if service.name == "demo":
        return personality.demo_voice.name
    if service.name == "openai":
        return personality.voice or settings.openai_voice
    return voice_of(service, personality)


def _who_speaks(settings: Settings, personality: Personality) -> Service:
    """The first choice of those that can speak on this machine, as `build` takes it."""
    return ready_of(settings, personality)[Part.SPEAKING][0].service


def preload(settings: Settings) -> None:
    """Load what our own services need and may have before a fork; runs no model."""
    for name in _of_ours(settings):
        module_of(name).load()


def warm(settings: Settings) -> None:
    """Make our own services ready to be used, once a process; after a fork, never before it."""
    for name in _of_ours(settings):
        module_of(name).warm()


def _of_ours(settings: Settings) -> Iterator[str]:
    """Those services that sessions here may get by what is set, or by their personality, and that we make ourselves."""
    environ, everybody = environment_of(settings), [None, *personalities.everybody().values()]
    named = {
        choice.service.name
        for personality in everybody
        for chosen in choices(settings, named_by(personality)).values()
        for choice in ready(chosen, environ)
        if choice.service.made_by
    }
    yield from sorted(named)
