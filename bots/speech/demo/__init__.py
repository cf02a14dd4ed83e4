"""The demo speech: Moonshine hears, a script thinks, Hibari speaks.  No key, no network, no download."""

import numpy as np

from greenroom.app.settings import Settings
from greenroom.bots.demo_script import script
from greenroom.bots.personalities import Personality
from greenroom.bots.speech import Speech
from greenroom.bots.speech.demo import hearing, speaking
from greenroom.bots.speech.demo.hearing import MoonshineSTT
from greenroom.bots.speech.demo.moonshine import SAMPLE_RATE
from greenroom.bots.speech.demo.speaking import HibariTTS
from greenroom.bots.speech.demo.thinking import ScriptedMind


def load() -> None:
    """Read the script, load both models and run neither; starts no thread.  Raises ScriptError."""
    script()
    hearing.expected()
    speaking.model()


def warm() -> None:
    """Run each model once, in the process that will use it; loads them if nobody has."""
    hearing.model().hear(np.zeros(SAMPLE_RATE, np.float32)).as_one_of(hearing.expected())
    speaking.model()("Hello.")


def build(personality: Personality, settings: Settings) -> Speech:
    return Speech(hearing=MoonshineSTT, llm=ScriptedMind(personality), tts=HibariTTS(personality))
