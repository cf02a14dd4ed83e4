"""Makes the services of one session from the table: pipecat's own classes, with the keys of this installation."""

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary

from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transcriptions.language import Language

from greenroom.app.settings import Settings
from greenroom.app.speech import Choice, Part, Service, table
from greenroom.app.speech.choosing import environment_of
from greenroom.bots.personalities import Personality
from greenroom.bots.seam.requests import bound_client
from greenroom.bots.speech.patience import Patience

MODULES = {
    each.name: each.made_by for each in table().values() if each.made_by
}  # with build(), load() and warm()
EXTRAS = {"moonshine_voice": "demo", "hibari": "demo"}  # the extra of ours that brings a module
MODEL_SETTINGS = {
    Part.HEARING: "openai_stt_model",
    Part.THINKING: "openai_model",
    Part.SPEAKING: "openai_tts_model",
}  # in which a module of ours looks for the model of a part


_made: WeakKeyDictionary[FrameProcessor, Choice] = WeakKeyDictionary()  # what services were made for here


def name_of(processor: FrameProcessor) -> str:
    """What the table calls a service; what its class is called, of one that somebody else has made."""
    choice = _made.get(processor)
    return choice.service.name if choice else type(processor).__name__


def is_made_for(processor: FrameProcessor, named: str) -> bool:
    """Whether a service is the one that somebody names so, as `deepgram/nova-2`."""
    choice = _made.get(processor)
    return choice is not None and choice.named == named


class SpeechNotInstalled(RuntimeError):
    """This kind of speech needs packages that are not installed."""


class Making:
    """How the services of one session are made."""

    def __init__(self, personality: Personality, settings: Settings) -> None:
        self._personality = personality
        self._settings = settings
        self._environ = environment_of(settings)
        self._of_ours = cache(self._built_by_us)  # a module of ours makes all its parts at once

    def make(self, choice: Choice) -> FrameProcessor:
        """The service.  Raises SpeechNotInstalled."""
        made, service = self._made(choice), choice.service
        _made[made] = choice
        if service.name != "demo":  # it has nobody to wait for
            bound_client(made, service.answers_within)
            Patience(made, service.part, service.answers_within)
        return made

    def _made(self, choice: Choice) -> FrameProcessor:
        service = choice.service
        if service.made_by:
            return self._made_by_us(choice)
        if todo := service.lacks(self._environ):
            raise SpeechNotInstalled(f"{service.name} is not ready for {service.part}: {'; '.join(todo)}.")
        its_class = _class_of(service)
        has = _fields_of(its_class)
        given = {name: value for name, value in self._settings_of(choice).items() if name in has}
        made: FrameProcessor = its_class(**service.given(self._environ), settings=its_class.Settings(**given))
        return made

    def _settings_of(self, choice: Choice) -> Mapping[str, Any]:
        """How it is to be, in pipecat's words; what its class has no setting for is left out."""
        service, personality = choice.service, self._personality
        model = choice.model or service.model
        settings: dict[str, Any] = {"model": model} if model else {}
        if service.part is Part.THINKING:
            return {**settings, "system_instruction": personality.prompt}
        if service.part is Part.SPEAKING:
            settings |= personality.voice_parameters
            if voice := voice_of(service, personality):
                settings["voice"] = voice
        name, language = service.language_setting, _language(personality.language)
        return {**settings, name: [language] if name.endswith("s") else language}

    def _made_by_us(self, choice: Choice) -> FrameProcessor:
        part = choice.service.part
        built = self._of_ours(choice.service.name, MODEL_SETTINGS[part] if choice.model else "", choice.model)
        if part is Part.HEARING:
            made: FrameProcessor = built.hearing()
            return made
        return built.llm if part is Part.THINKING else built.tts  # type: ignore[no-any-return]

    def _built_by_us(self, name: str, setting: str, model: str) -> Any:
        changed: dict[str, Any] = {setting: model} if setting else {}
        settings = replace(self._settings, **changed)
        return module_of(name).build(replace(self._personality, model=None), settings)


def module_of(name: str) -> Any:
    """The module of ours that makes a service.  Raises SpeechNotInstalled."""
    try:
        return import_module(MODULES[name])
    except ModuleNotFoundError as missing:
        extra = EXTRAS.get((missing.name or "").partition(".")[0])
        if extra is None:
            raise
        raise SpeechNotInstalled(
            f"The {name} speech needs {missing.name}, which is not installed: pip install 'greenroom[{extra}]'. "
            "It takes Linux with glibc 2.34 on x86-64 or arm64, or macOS 15 on arm64; elsewhere set OPENAI_API_KEY."
        ) from missing


def voice_of(service: Service, personality: Personality) -> str:
    """The voice that a personality has with a service of pipecat's, by that service's own name for it."""
    return personality.asked_voice or personality.voices.get(service.name) or service.voice


def _class_of(service: Service) -> Any:
    module, _, name = service.target.partition(":")
    try:
        return getattr(import_module(module), name)
    except ImportError as missing:
        raise SpeechNotInstalled(
            f"{service.name} cannot be imported ({missing}): {service.install}."
        ) from missing


def _fields_of(its_class: Any) -> set[str]:
    return {each.name for each in fields(its_class.Settings)}


def _language(code: str) -> Language | str:
    try:
        return Language(code)
    except ValueError:  # pipecat does not know it; its vendor may
        return code
