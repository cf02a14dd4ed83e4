"""What of the environment each process gets."""

import os
from pathlib import Path

import pytest

from greenroom.app.local.procfile import read as read_procfile
from greenroom.app.local.surroundings import BOTS, OURS, environment_of
from greenroom.app.settings import read
from greenroom.bots.voices import kind_for

SECRETS = {
    "API_KEY": "fjord-mimic-taxi-plumb-oboe",
    "SIGNING_SECRET": "fjord-mimic-taxi-plumb-oboe-under-jazz",
    "FLOWER_PASSWORD": "oboe-under-jazz-fjord",
    "DAILY_WEBHOOK_SECRET": "c2VjcmV0",
    "WEBHOOK_URLS": "https://me.example.com/events",
    "WEBHOOK_SECRET": "5b0e2a71d94fc83d6a17e0b2c4f985d3",
    "BACKEND_URL": "https://me.example.com/calls",
    "BACKEND_SECRET": "8d1f6a0c93b7e25a4d0f91c6be37a2d8",
    "DATABASE_URL": "postgresql://me:pw@db/greenroom",
    "DAILY_DOMAIN": "acme",
    "DAILY_API_KEY": "daily-key",
    "LIVEKIT_URL": "wss://livekit.example.com",
    "LIVEKIT_API_KEY": "k",
    "LIVEKIT_API_SECRET": "s",
    "SPEECH": "openai",
    "OPENAI_API_KEY": "sk-1",
    "OPENAI_BASE_URL": "https://me:secret@openai.example.com",
    "OPENAI_VOICE": "gandalf",
}
OTHERS = {"CARTESIA_API_KEY": "c", "AWS_SECRET_ACCESS_KEY": "a", "MY_BOT_MOOD": "good", "GITHUB_TOKEN": "g"}
MACHINE = {
    "PATH": "/bin", "HOME": "/nowhere", "LANG": "C.UTF-8", "LC_ALL": "C", "TZ": "UTC", "https_proxy": "http://p:1",
    "NO_PROXY": "localhost", "SSL_CERT_FILE": "/ca.pem", "PYTHONPATH": "/here", "PYTHONUNBUFFERED": "1",
}  # fmt: skip
PLAIN = {
    "PORT": "7611",
    "SLOTS": "2",
    "REDIS_URL": "redis://:pw@redis/0",
    "VAR_DIR": "/tmp/v",
    "LOG_FORMAT": "json",
}
WHOLE = {**SECRETS, **OTHERS, **MACHINE, **PLAIN}
ALL = sorted(OURS | {BOTS})


def told(name):
    return {variable: value for variable, value in environment_of(name, WHOLE).items() if value}


def secrets_of(name):
    return told(name).keys() & SECRETS.keys()


@pytest.mark.parametrize("name", ALL)
def test_every_process_gets_the_machine_and_the_plain_settings(name):
    assert {**MACHINE, **PLAIN}.items() <= environment_of(name, WHOLE).items()


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_is_nobody_s_business_of_ours_is_not_handed_on(name):
    assert environment_of(name, WHOLE).keys() & OTHERS.keys() == set()


@pytest.mark.parametrize("name", [BOTS, "a-line-that-somebody-added"])
def test_bots_get_what_bots_of_others_need_and_none_of_the_secrets_that_open_the_house(name):
    given = told(name)

    assert OTHERS.items() <= given.items()
    assert {"OPENAI_API_KEY", "DAILY_API_KEY", "LIVEKIT_API_SECRET"} <= given.keys()
    assert given.keys() & {"API_KEY", "SIGNING_SECRET", "FLOWER_PASSWORD", "DAILY_WEBHOOK_SECRET"} == set()


def test_each_of_ours_gets_its_own_secrets_and_no_other():
    rooms = {"LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "DAILY_DOMAIN", "DAILY_API_KEY"}

    ours = {"API_KEY", "SIGNING_SECRET", "DAILY_WEBHOOK_SECRET"}
    kept = {"DATABASE_URL", "BACKEND_URL", "BACKEND_SECRET"}
    assert secrets_of("web") == {*ours, *kept, *rooms}
    assert secrets_of("events") == {"API_KEY", "SIGNING_SECRET", "WEBHOOK_URLS", "WEBHOOK_SECRET"}
    assert secrets_of("flower") == {"FLOWER_PASSWORD"}
    model = {name for name in SECRETS if name == "SPEECH" or name.startswith("OPENAI_")}
    assert secrets_of("control") == {*kept, *rooms, *model}
    assert secrets_of("migrate") == {"DATABASE_URL"}
    assert secrets_of("beat") == secrets_of("redis") == set()
    assert secrets_of("livekit") == {name for name in rooms if name.startswith("LIVEKIT")}


@pytest.mark.parametrize(
    ("environ", "spoken"),
    [
        ({"OPENAI_API_KEY": "sk-1"}, "openai"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, "openai"),
        ({"SPEECH": "openai", "OPENAI_API_KEY": "sk-1"}, "openai"),
        ({"SPEECH": " OpenAI ", "OPENAI_API_KEY": "sk-1"}, "openai"),
        ({"SPEECH": "demo", "OPENAI_API_KEY": "sk-1"}, "demo"),
        ({"SPEAKING": "demo", "OPENAI_API_KEY": "sk-1"}, "demo"),
        ({}, "demo"),
    ],
)
def test_web_knows_who_speaks_and_so_which_voices_may_be_named(environ, spoken):
    """With a key, a join with one of OpenAI's voices was refused as unknown to the demo."""
    environ = environment_of("web", environ)

    assert kind_for(read(environ)) == spoken
    assert not environ.get("OPENAI_API_KEY")


@pytest.mark.parametrize(
    ("environ", "thinks"),
    [
        ({"OPENAI_API_KEY": "sk-1"}, ("openai",)),
        ({"THINKING": "anthropic,demo", "OPENAI_API_KEY": "sk-1"}, ("anthropic", "demo")),
        ({"SPEAKING": "openai"}, ("demo",)),
    ],
)
def test_web_knows_who_thinks_and_so_whether_a_script_follows_only_a_few_sentences(environ, thinks):
    """With a key, the talk page told people to say what the demo follows."""
    assert read(environment_of("web", environ)).thinking == thinks


@pytest.mark.parametrize("name", ALL)
def test_what_a_process_gets_are_settings_that_work(name):
    assert read(environment_of(name, WHOLE)).slots == 2


@pytest.mark.parametrize("name", ALL)
def test_half_of_the_settings_in_dotenv_is_no_trouble(name, tmp_path, monkeypatch):
    """Web found SPEECH=openai in .env, but not the key, which was in the environment and none of its business."""
    halves = {
        "SPEECH": "openai",
        "LIVEKIT_URL": "wss://livekit.example.com",
        "DAILY_DOMAIN": "acme",
        "API_KEY": "x",
    }
    (tmp_path / ".env").write_text("".join(f"{variable}={value}\n" for variable, value in halves.items()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", environment_of(name, WHOLE))

    assert read().slots == 2


def test_every_process_of_ours_is_known_here():
    procfile = read_procfile(Path(__file__).parents[4] / "Procfile")

    assert {entry.name for entry in procfile} == {*ALL}
