"""Voices that a caller may name: those of the demo's speech are known, and others are refused with what there is."""

import subprocess
import sys
from dataclasses import replace

import pytest

from greenroom.app.errors.bots import UnknownVoice
from greenroom.app.settings import Settings
from greenroom.bots import voices
from greenroom.bots.speech.demo.speaking import voice_named, voice_of
from tests.rigs.api import problem

ROOM = "local:stage"
DEMO = Settings(speech="demo")


def check(voice, bot="assistant", personality="host", settings=DEMO):
    voices.check_voice(voice, bot=bot, personality=personality, settings=settings)


@pytest.mark.parametrize("voice", ["heart", "alto", "tenor", "fable", "onyx"])
def test_a_voice_that_is_taken_is_one_that_is_heard(voice):
    check(voice)

    known = voices.personality_of_voice(voice)
    assert known is not None and voice_named(voice) == voice_of(known)


@pytest.mark.parametrize("voice", ["deep", "en-us+f2", "../heart", "Heart"])
def test_a_voice_that_the_demo_would_ignore_is_refused(voice):
    with pytest.raises(UnknownVoice):
        check(voice)


def test_the_refusal_names_those_there_are():
    with pytest.raises(UnknownVoice, match=r"alto, heart, mezzo, tenor; and answers to coral, fable, onyx"):
        check("deep")


def test_bots_and_servers_of_others_may_know_any_voice():
    check("deep", bot="mine", settings=Settings(speech="demo", bots={"mine": "mine:bot"}))
    check("deep", settings=Settings(speech="demo", bots={"assistant": "mine:bot"}))
    check("deep", settings=Settings(openai_api_key="k"))
    with pytest.raises(UnknownVoice):
        check("deep", settings=Settings(speech="auto"))


def test_what_a_personality_lacks_is_told_by_our_own_bot_and_its_name(monkeypatch):
    monkeypatch.delenv("DEEPGRAM_API_KEY", raising=False)
    settings = Settings(
        speech="demo", hearing=("deepgram",), bots={"assistant": "mine:bot", "mine": "mine:bot"}
    )
    assert voices.unready(settings) == {}

    told = voices.unready(replace(settings, bots=Settings().bots))
    assert told["assistant/host"] == "deepgram (hearing): set DEEPGRAM_API_KEY"
    assert voices.unready(replace(settings, bots=Settings().bots, hearing=("deepgram", "demo"))) == {}

    monkeypatch.setenv("DEEPGRAM_API_KEY", "a-key")
    assert voices.unready(replace(settings, bots=Settings().bots)) == {}


@pytest.mark.heavy
def test_web_reads_the_list_without_pipecat():
    script = "import sys, greenroom.bots.voices; print('pipecat' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == "False"


@pytest.fixture
def knows_voices(app, caller):
    """An installation that is asked as `create_app` builds it."""
    services = app.extensions["greenroom"]
    app.extensions["greenroom"] = replace(
        services, check_voice=lambda voice, **of: voices.check_voice(voice, **{**of, "personality": "host"})
    )
    return caller


@pytest.mark.usefixtures("staffed")
def test_a_join_with_an_unknown_voice_is_refused_and_starts_nothing(knows_voices, launches):
    refused = problem(knows_voices.post("/join", {"room_url": ROOM, "voice": "deep"}), 422, "unknown-voice")

    assert "heart" in refused["detail"]
    assert launches.asked == []
    assert knows_voices.post("/join", {"room_url": ROOM, "voice": "heart"}).status_code == 202


@pytest.mark.usefixtures("staffed")
def test_a_live_bot_keeps_its_voice_when_asked_for_one_that_it_has_not_got(knows_voices, puppet, ledger):
    knows_voices.post("/join", {"room_url": ROOM, "user_id": "ada"})
    bot = puppet().go_live()
    ledger.meanwhile.append(bot.obey)

    problem(knows_voices.post("/config", {"room_url": ROOM, "voice": "deep"}), 422, "unknown-voice")
    assert bot.heard == []  # and what is asked next of the room, its bot is asked whom it sees
    assert knows_voices.get(f"/rooms/{ROOM}").json["config"] == {}
    assert knows_voices.post("/config", {"room_url": ROOM, "voice": "fable"}).status_code == 200
