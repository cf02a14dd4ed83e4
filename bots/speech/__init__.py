"""The services with which our bot hears, thinks and speaks: the kinds there are, and which one a session gets."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipecat.processors.frame_processor import FrameProcessor

from greenroom.app.settings import Settings
from greenroom.bots.personalities import Personality
from greenroom.bots.voices import kind_for as kind_for

KINDS = {
    "demo": "greenroom.bots.speech.demo",
    "openai": "greenroom.bots.speech.openai",
}  # modules with build() and warm()
EXTRAS = {"pocketsphinx": "demo", "espeakng_loader": "demo"}  # the extra that brings a module


@dataclass(frozen=True)
class Speech:
    """One session's services, in the order in which a voice passes them."""

    hearing: Callable[[], FrameProcessor]  # makes a recogniser; each person needs one of their own
    llm: FrameProcessor
    tts: FrameProcessor


class SpeechNotInstalled(RuntimeError):
    """This kind of speech needs packages that are not installed."""


def build(personality: Personality, settings: Settings, *, kind: str | None = None) -> Speech:
    """Make the services of a session; raises SpeechNotInstalled."""
    speech: Speech = _module(kind or kind_for(settings, personality)).build(personality, settings)
    return speech


def voice_for(settings: Settings, personality: Personality) -> str:
    """The name of a personality's voice, as the speech of its sessions understands it."""
    if kind_for(settings, personality) == "demo":
        return personality.demo_voice.name
    return personality.voice or settings.openai_voice


def preload(kind: str) -> None:
    """Imports what a kind needs and loads no model, so that it may be done before a fork."""
    _module(kind)


def warm(kind: str) -> None:
    """Loads the models of a kind, once a process; after a fork, never before it."""
    _module(kind).warm()


def _module(kind: str) -> Any:
    try:
        return importlib.import_module(KINDS[kind])
    except ModuleNotFoundError as missing:
        extra = EXTRAS.get((missing.name or "").partition(".")[0])
        if extra is None:
            raise
        raise SpeechNotInstalled(
            f"The {kind} speech needs {missing.name}, which is not installed: pip install 'greenroom[{extra}]'."
        ) from missing
