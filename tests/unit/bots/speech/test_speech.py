"""Which speech a session gets, and what is said when its packages are missing."""

import importlib.util
import sys
from dataclasses import replace

import pytest

from greenroom.app.settings import Settings
from greenroom.bots import personalities, speech
from greenroom.bots.speech import SpeechNotInstalled, making
from greenroom.bots.speech.demo.hearing import MoonshineSTT
from greenroom.bots.speech.demo.speaking import HibariTTS
from greenroom.bots.speech.demo.thinking import ScriptedMind
from greenroom.bots.voices import kind_for

HOST = personalities.load("host")
GRETA = personalities.load("souffleuse")
NOTHING_SET, WITH_A_KEY = Settings(), Settings(openai_api_key="a-key")
WITH_A_SERVER = Settings(openai_base_url="http://127.0.0.1:8000/v1")


@pytest.mark.parametrize(
    ("settings", "its_own", "kind"),
    [
        (NOTHING_SET, None, "demo"),
        (WITH_A_KEY, None, "openai"),
        (WITH_A_SERVER, None, "openai"),
        (replace(WITH_A_KEY, speech="demo"), None, "demo"),
        (replace(WITH_A_KEY, speech="openai"), None, "openai"),
        (WITH_A_KEY, "demo", "demo"),
        (NOTHING_SET, "openai", "openai"),
    ],
)
def test_the_personality_chooses_then_the_operator_then_what_there_is(settings, its_own, kind):
    assert kind_for(settings, replace(HOST, speech=its_own)) == kind
    assert its_own or kind_for(settings) == kind


def test_the_demo_is_built_without_a_key():
    built = speech.build(HOST, NOTHING_SET)

    assert [type(part) for part in (built.hearing(), built.llm, built.tts)] == [
        MoonshineSTT,
        ScriptedMind,
        HibariTTS,
    ]


def test_a_voice_is_named_as_its_speech_knows_it():
    critic = personalities.load("critic")

    assert speech.voice_for(NOTHING_SET, critic) == critic.demo_voice.name
    assert speech.voice_for(WITH_A_KEY, critic) == critic.voice
    assert speech.voice_for(replace(WITH_A_KEY, openai_voice="sage"), HOST) == "sage"


@pytest.mark.parametrize("package", ["moonshine_voice", "hibari"])
def test_a_missing_extra_is_one_sentence_that_helps(monkeypatch, package):
    for module in [name for name in sys.modules if name.startswith("greenroom.bots.speech.demo")]:
        monkeypatch.delitem(sys.modules, module)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else find(name))
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(SpeechNotInstalled) as refusal:
        speech.preload(NOTHING_SET)

    assert str(refusal.value) == (
        f"The demo speech needs {package}, which is not installed: pip install 'greenroom[demo]'. "
        "It takes Linux with glibc 2.34 on x86-64 or arm64, or macOS 15 on arm64; elsewhere set OPENAI_API_KEY."
    )


def test_any_other_missing_module_is_a_bug_and_not_an_extra(monkeypatch):
    monkeypatch.setitem(making.MODULES, "demo", "greenroom.bots.speech.nowhere")

    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        speech.warm(NOTHING_SET)


def test_a_german_says_in_the_demo_what_the_demo_cannot_and_says_all_else_in_english():
    """The demo's voice read German as if it were English."""
    greta = speech.as_spoken(GRETA, NOTHING_SET)

    assert greta.greeting.startswith(
        "Hello, I am Greta. My language is German, and this demo hears and speaks nothing but"
    )
    assert greta.greeting.endswith(" What is your name?")
    words = ("goodbye", "away", "moving", "ending_soon", "sorry", "still_there")
    assert [getattr(greta, word) for word in words] == [getattr(HOST, word) for word in words]
    assert (greta.name, greta.language, greta.demo_voice) == ("Greta", "en", GRETA.demo_voice)
    assert speech.as_spoken(HOST, NOTHING_SET) is HOST


def test_a_german_speaks_german_with_a_voice_that_can():
    assert speech.as_spoken(GRETA, WITH_A_KEY) is GRETA
    assert GRETA.away == "Einen Moment, bitte. Ich bin gleich wieder da."


def test_where_the_first_voice_lacks_its_key_it_is_the_demo_that_speaks(monkeypatch):
    """The demo's voice read German as if it were English where it was the second choice."""
    settings = Settings(speaking=("elevenlabs", "demo"))
    monkeypatch.delenv("ELEVENLABS_API_KEY", raising=False)

    assert speech.as_spoken(GRETA, settings).language == "en"
    assert speech.voice_for(settings, GRETA) == GRETA.demo_voice.name

    monkeypatch.setenv("ELEVENLABS_API_KEY", "a-key")

    assert speech.as_spoken(GRETA, settings) is GRETA
    assert speech.voice_for(settings, GRETA) != GRETA.demo_voice.name


def test_what_a_call_says_itself_in_the_demo_is_said_as_it_is():
    asked = {"prompts": {"greeting": "Hello from Greta."}, "persona": "Grete"}

    assert speech.as_spoken(GRETA, NOTHING_SET).as_asked(asked).greeting == "Hello from Greta."
