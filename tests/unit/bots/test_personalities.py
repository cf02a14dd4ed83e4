"""Personalities: what each file must hold, and who may read them."""

import subprocess
import sys

import pytest

from greenroom.app.errors.bots import UnknownPersonality
from greenroom.bots import personalities
from greenroom.bots.voices import personality_of_voice

OF_A_LANGUAGE = {"en": ("Goodbye", "what is your name?"), "de": ("Auf Wiedersehen", "wie heißt du?")}


@pytest.mark.parametrize("name", personalities.names())
def test_every_personality_is_complete_and_asks_for_a_name(name):
    somebody = personalities.load(name)

    goodbye, question = OF_A_LANGUAGE[somebody.language]
    assert somebody.id == name and somebody.about
    assert question in somebody.greeting.lower()
    assert somebody.ending_soon and somebody.ending_soon != somebody.goodbye
    assert somebody.still_there.endswith(("?", ".")) and "?" in somebody.still_there
    assert somebody.goodbye.startswith(goodbye) and len(somebody.prompt) > 500
    assert personality_of_voice(somebody.demo_voice.name) is somebody


def test_the_host_is_one_of_several_who_sound_differently():
    voices = {personalities.load(name).demo_voice for name in personalities.names()}

    assert "host" in personalities.names()
    assert len(voices) == len(personalities.names()) >= 4


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(UnknownPersonality, match=r"'nobody'.*critic, host, souffleuse, stage-manager"):
        personalities.load("nobody")


def test_a_name_is_no_way_out_of_the_folder():
    with pytest.raises(UnknownPersonality):
        personalities.load("../personalities/host")


def test_changes_make_another_and_leave_the_first_as_it_was():
    host = personalities.load("host")

    changed = host.as_asked({"voice": "tenor", "instructions": "You collect stamps."})

    assert changed.voice == "tenor" and changed.prompt.endswith("You collect stamps.")
    assert personalities.load("host") == host == host.as_asked({})


def test_a_persona_is_what_it_calls_itself_wherever_it_does():
    host = personalities.load("host")

    pearl = host.as_asked({"persona": "Pearl"})

    assert pearl.name == "Pearl" and host.name == "Robin"
    assert "I am Pearl, your host" in pearl.greeting and "You are Pearl," in pearl.prompt
    assert "Robin" not in pearl.greeting + pearl.prompt


def test_words_of_a_session_s_own_take_the_place_of_the_personality_s_and_no_others_do():
    critic = personalities.load("critic")
    prompts = {"system": "You are a clerk named Beatrice.", "greeting": "Next, please.", "goodbye": "Done."}

    clerk = critic.as_asked({"prompts": prompts, "instructions": "Be quick.", "persona": "Ida"})

    assert (clerk.greeting, clerk.goodbye, clerk.away) == ("Next, please.", "Done.", critic.away)
    assert clerk.prompt.split("\n\n") == [
        "You are a clerk named Beatrice.",  # whoever writes words of their own has written the name
        "If the conversation is empty, begin with these words: Next, please.",
        "Be quick.",
    ]


def test_a_model_is_told_to_speak_another_language_than_the_personality_s():
    host = personalities.load("host")

    assert host.as_asked({"language": "en"}) == host
    german = host.as_asked({"language": "de"})
    assert german.language == "de" and "Speak the language de" in german.prompt


@pytest.mark.heavy
def test_the_web_process_can_read_them_without_pipecat():
    check = """
import sys
from greenroom.bots import personalities
personalities.load("host")
print("pipecat" in sys.modules)
"""

    ran = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "False"
