"""Services that are made from the table: pipecat's own classes, with this installation's keys."""

import sys
from dataclasses import replace

import pytest
from pipecat.services.assemblyai.stt import AssemblyAISTTService
from pipecat.services.azure.llm import AzureLLMService
from pipecat.services.cartesia.stt import CartesiaSTTService
from pipecat.services.cartesia.tts import CartesiaTTSService
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.deepgram.tts import DeepgramTTSService
from pipecat.services.elevenlabs.stt import ElevenLabsRealtimeSTTService
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
from pipecat.services.groq.llm import GroqLLMService
from pipecat.services.groq.stt import GroqSTTService
from pipecat.services.ollama.llm import OLLamaLLMService
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.transcriptions.language import Language

from greenroom.app.settings import Settings
from greenroom.app.speech import Choice, Part, table
from greenroom.bots import personalities, speech
from greenroom.bots.speech import SpeechNotInstalled, openai
from greenroom.bots.speech.making import Making

HOST = personalities.load("host")
KEYS = {variable: "a-key" for service in table().values() for variable in service.keys.values()}
INSTALLED = {
    ("assemblyai", Part.HEARING): AssemblyAISTTService,
    ("azure", Part.THINKING): AzureLLMService,
    ("cartesia", Part.HEARING): CartesiaSTTService,
    ("cartesia", Part.SPEAKING): CartesiaTTSService,
    ("deepgram", Part.HEARING): DeepgramSTTService,
    ("deepgram", Part.SPEAKING): DeepgramTTSService,
    ("elevenlabs", Part.HEARING): ElevenLabsRealtimeSTTService,
    ("elevenlabs", Part.SPEAKING): ElevenLabsTTSService,
    ("groq", Part.HEARING): GroqSTTService,
    ("groq", Part.THINKING): GroqLLMService,
    ("ollama", Part.THINKING): OLLamaLLMService,
    ("openai-realtime", Part.TALKING): OpenAIRealtimeLLMService,
}


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    for variable, key in {**KEYS, "AZURE_CHATGPT_ENDPOINT": "https://azure.example.com"}.items():
        monkeypatch.setenv(variable, key)


def made(named, part, personality=HOST, settings=None):
    return Making(personality, settings or Settings(openai_api_key="a-key")).make(Choice.read(named, part))


@pytest.mark.parametrize(("name", "part"), INSTALLED)
def test_what_needs_no_package_is_really_made(name, part):
    assert type(made(name, part)) is INSTALLED[name, part]


def test_a_service_gets_the_model_that_its_choice_names_and_the_language_of_its_personality():
    german = replace(HOST, language="de")

    ears = made("deepgram/nova-2", Part.HEARING, german)

    assert (ears._settings.model, ears._settings.language) == ("nova-2", "de")


def test_a_mind_gets_the_prompt_and_its_usual_model():
    mind = made("ollama", Part.THINKING)

    assert mind._settings.model == "llama3.2"
    assert mind._settings.system_instruction == HOST.prompt


@pytest.mark.parametrize(
    ("personality", "voice"),
    [
        (HOST, table()["elevenlabs", Part.SPEAKING].voice),
        (replace(HOST, voices={"elevenlabs": "its-own"}), "its-own"),
        (replace(HOST, voices={"elevenlabs": "its-own"}).as_asked({"voice": "asked"}), "asked"),
    ],
)
def test_the_call_names_the_voice_then_the_personality_then_the_table(personality, voice):
    assert made("elevenlabs", Part.SPEAKING, personality)._settings.voice == voice
    settings = Settings(speaking=("elevenlabs",))
    if not personality.asked_voice:
        assert speech.voice_for(settings, personality) == voice


def test_of_the_parameters_of_a_voice_a_service_gets_those_that_it_has():
    asked = HOST.as_asked({"voice_parameters": {"stability": 0.3, "warmth": 1}})

    assert made("elevenlabs", Part.SPEAKING, asked)._settings.stability == 0.3
    assert made("deepgram", Part.SPEAKING, asked)


def test_a_language_that_pipecat_calls_a_list_is_one():
    google = table()["google", Part.HEARING]
    settings = Making(replace(HOST, language="de"), Settings())._settings_of(Choice(google))

    assert settings["languages"] == [Language.DE]


def test_what_is_not_installed_is_one_sentence_that_helps():
    with pytest.raises(SpeechNotInstalled, match=r"kokoro.*pip install 'pipecat-ai\[kokoro\]'"):
        made("kokoro", Part.SPEAKING)


def test_each_part_may_be_of_another_service():
    settings = Settings(hearing=("deepgram",), thinking=("openai/small",), speaking=("elevenlabs",))

    parts = speech.build(HOST, settings)

    assert type(parts.hearing()) is DeepgramSTTService
    assert (type(parts.llm), parts.llm._settings.model) == (openai.Mind, "small")
    assert type(parts.tts) is ElevenLabsTTSService


def test_a_personality_names_its_own_services():
    hears = replace(HOST, services={"hearing": ("deepgram",)})

    parts = speech.build(hears, Settings(openai_api_key="a-key"))

    assert type(parts.hearing()) is DeepgramSTTService
    assert type(parts.tts) is openai.Voice


def test_a_first_choice_that_lacks_its_key_is_passed_over(monkeypatch):
    monkeypatch.delenv("DEEPGRAM_API_KEY")

    parts = speech.build(HOST, Settings(hearing=("deepgram", "elevenlabs"), openai_api_key="a-key"))

    assert type(parts.hearing()) is ElevenLabsRealtimeSTTService


def test_a_second_choice_of_ours_that_is_not_installed_keeps_no_process_from_starting(monkeypatch):
    """A worker without the extra of the demo did not start, though its bots speak with another service."""
    monkeypatch.setitem(sys.modules, "hibari", None)
    loaded = []
    monkeypatch.setattr(
        speech, "module_of", lambda name: type("M", (), {"load": lambda: loaded.append(name)})
    )
    everything = {"hearing": ("deepgram",), "thinking": ("ollama",)}

    speech.preload(Settings(**everything, speaking=("elevenlabs", "demo")))
    assert loaded == []

    speech.preload(Settings(**everything, speaking=("demo",)))
    assert loaded == ["demo"]  # which says what to install


def test_a_process_loads_the_models_of_what_its_sessions_may_use_and_no_others(monkeypatch):
    loaded = []
    monkeypatch.setattr(
        speech, "module_of", lambda name: type("M", (), {"warm": lambda: loaded.append(name)})
    )

    speech.warm(Settings(hearing=("deepgram",), thinking=("openai",), speaking=("elevenlabs",)))
    assert loaded == ["openai"]

    speech.warm(Settings(speaking=("openai", "demo"), openai_api_key="a-key"))
    assert loaded == ["openai", "demo", "openai"]
