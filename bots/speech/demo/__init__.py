"""The demo speech: pocketsphinx hears, a script thinks, espeak-ng speaks.  No key, no network, no download."""

from greenroom.app.settings import Settings
from greenroom.bots.personalities import Personality
from greenroom.bots.speech import Speech
from greenroom.bots.speech.demo import espeak
from greenroom.bots.speech.demo.hearing import PocketsphinxSTT, listener, listeners
from greenroom.bots.speech.demo.speaking import EspeakTTS
from greenroom.bots.speech.demo.thinking import ScriptedMind


def warm() -> None:
    """Loads both models: a quarter of a second and 12 MB.  After a fork, never before it."""
    listener()
    espeak.warm()


def build(personality: Personality, settings: Settings) -> Speech:
    """Make the services of a session.  The first recogniser is the process's own: it has one session at a time."""
    ears = listeners()
    return Speech(
        hearing=lambda: PocketsphinxSTT(next(ears)), llm=ScriptedMind(personality), tts=EspeakTTS(personality)
    )
