"""The environment, and all that may be wrong with it."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from greenroom.app import settings
from greenroom.app.settings import KEYS, IceServer, Settings, SettingsError, ignored, load, read, table
from greenroom.app.settings.disagreements import OPENAI_VOICES
from greenroom.app.settings.places import LONGEST_SOCKET_PATH


@pytest.fixture
def kept(tmp_path):
    """An environment that keeps what it keeps in a folder of the test's own."""
    return {"VAR_DIR": str(tmp_path / "var")}


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A working directory of the test's own, and an environment without our settings in it."""
    monkeypatch.chdir(tmp_path)
    for name, *_ in table({}):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def problems(**environ):
    with pytest.raises(SettingsError) as refusal:
        read(environ)
    return refusal.value.problems


def test_an_empty_environment_works():
    found = read({})

    assert (found.host, found.port, found.slots) == ("127.0.0.1", 7077, 4)
    assert found.bots == {"assistant": "greenroom.bots.assistant.bot:bot"}
    assert found.max_duration == timedelta(hours=1)
    assert found == Settings()


def test_an_empty_value_is_as_good_as_none():
    assert read({"PORT": "", "REDIS_URL": " ", "BOTS": ""}) == read({})


def test_all_that_is_wrong_is_said_at_once():
    said = problems(PORT="seventy", SLOTS="0", REDIS_URL="http://redis", LOG_LEVEL="LOUD", FLOWER_PORT="8080")

    assert [problem.split()[0] for problem in said] == ["PORT", "SLOTS", "REDIS_URL", "LOG_LEVEL"]
    assert "PORT is 'seventy'; it must be a whole number from 1 to 65535." in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOST", "http://localhost"),
        ("HOST", "local host"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "7_077"),
        ("PORT", "٧٠٧٧"),
        ("SLOTS", "many"),
        ("SLOTS", "1e3"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis://host:port"),
        ("REDIS_URL", "unix://relative"),
        ("REDIS_URL", "localhost:6379"),
        ("DATABASE_URL", "mysql://host/greenroom"),
        ("DATABASE_URL", "postgresql://host"),
        ("DATABASE_URL", "postgresql:///"),
        ("DATABASE_URL", "sqlite:///relative.db"),
        ("DATABASE_URL", "sqlite://"),
        ("BACKEND_URL", "backend.example.com"),
        ("BACKEND_SECRET", "8d1f6a0c93b7e25a"),
        ("API_KEY", "short"),
        ("API_KEY", "with a space, and a comma"),
        ("BOTS", "greeter"),
        ("BOTS", "greeter=greeter"),
        ("BOTS", "greeter=no_such_module:bot"),
        ("BOTS", "greeter=app.no_such_module:bot"),
        ("BOTS", "greeter=greenroom.app.settings.no_such_module:bot"),
        ("BOTS", "greeter=json:loads; other=json:loads"),
        ("SPEECH", "sign language"),
        ("OPENAI_BASE_URL", "api.example.com"),
        ("OPENAI_BASE_URL", "ftp://api.example.com"),
        ("OPENAI_MODEL", "two\nlines"),
        ("SESSION_PERSISTENCE", "-1"),
        ("SESSION_PERSISTENCE", "5m"),
        ("MAX_DURATION", "0"),
        ("ICE_SERVERS", "http://stun.example.com"),
        ("ICE_SERVERS", "turn:user:secret@example.com"),
        ("ICE_SERVERS", "[1]"),
        ("ICE_SERVERS", '[{"urls": "stun:host", "password": "?"}]'),
        ("DAILY_WEBHOOK_SECRET", "not base64!"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "5"),
        ("WEB_WORKERS", "0"),
        ("WEB_THREADS", "0"),
        ("FLOWER_PORT", "flower"),
        ("EVENTS_PORT", "0"),
        ("EVENTS_HOST", "http://here"),
        ("EVENTS_URL", "here:7079"),
        ("VAR_DIR", __file__),
        ("DEFAULT_BOT", "nobody"),
        ("DEFAULT_PERSONALITY", "clown"),
        ("OPENAI_VOICE", "gandalf"),
        ("FLOWER_CONTROL", "perhaps"),
        ("LIVEKIT", "maybe"),
        ("LIVEKIT_PORT", "65534"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(name, value):
    (problem,) = problems(**{name: value})

    assert problem.startswith(f"{name} is ")


def test_ports_must_differ():
    assert problems(PORT="9000", FLOWER_PORT="9000") == [
        "PORT and FLOWER_PORT are both 9000; they must differ."
    ]
    assert problems(FLOWER_PORT="9000", EVENTS_PORT="9000") == [
        "FLOWER_PORT and EVENTS_PORT are both 9000; they must differ."
    ]


def test_openai_speech_needs_a_server_or_a_key():
    assert len(problems(SPEECH="openai")) == 1
    assert read({"SPEECH": "openai", "OPENAI_BASE_URL": "http://localhost:11434/v1"}).thinks_with_openai


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"OPENAI_API_KEY": "sk-1"}, True),
        ({"OPENAI_BASE_URL": "http://localhost:11434/v1"}, True),
        ({"OPENAI_API_KEY": "sk-1", "SPEECH": "demo"}, False),
    ],
)
def test_auto_speech_takes_the_server_that_is_there(environ, expected):
    assert read(environ).thinks_with_openai is expected


def test_a_problem_never_tells_a_secret():
    said = " ".join(
        problems(
            API_KEY="hunter2",
            OPENAI_API_KEY="hunter2\t",
            REDIS_URL="redis://me:hunter2@host:x",
            ICE_SERVERS="[hunter2",
        )
    )

    assert "hunter2" not in said


def test_the_table_masks_secrets_and_tells_where_a_value_is_from(elsewhere, monkeypatch):
    (elsewhere / ".env").write_text("SLOTS=3\nPORT=9000\nOPENAI_API_KEY=hunter2\n")
    monkeypatch.setenv("PORT", "9001")
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@redis.example.com/0")
    rows = {name: (value, origin) for name, value, origin, _ in table()}

    assert rows["SLOTS"] == ("3", ".env")
    assert rows["PORT"] == ("9001", "environment")
    assert rows["HOST"] == ("127.0.0.1", "default")
    assert rows["OPENAI_API_KEY"] == ("********", ".env")
    assert rows["REDIS_URL"] == ("redis://********@redis.example.com/0", "environment")


def test_the_table_lists_every_setting_with_a_meaning():
    rows = table({})

    assert {name.lower() for name, *_ in rows} == set(Settings.__dataclass_fields__)
    assert all(meaning for *_, meaning in rows)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SLOT", "SLOTS"),
        ("SLOTSS", "SLOTS"),
        ("SLTOS", "SLOTS"),
        ("slots", "SLOTS"),
        ("GREENROOM_SLOTS", "SLOTS"),
        ("GREENROOM_PORT", "PORT"),
        ("REDIS_URI", "REDIS_URL"),
        ("SESSION_PERSISTANCE", "SESSION_PERSISTENCE"),
        ("SESION_PERSISTANCE", "SESSION_PERSISTENCE"),
        ("MAXDURATION", "MAX_DURATION"),
        ("OPENAI_APIKEY", "OPENAI_API_KEY"),
        ("DEFAULT-BOT", "DEFAULT_BOT"),
        ("ICE_SERVER", "ICE_SERVERS"),
        ("SINGING_SECRET", "SIGNING_SECRET"),
    ],
)
def test_a_name_that_is_nearly_ours_is_refused_with_ours(name, meant):
    (problem,) = problems(**{name: "hunter2"})

    assert problem == f"{name} is no setting; {meant} is: was that meant?"


@pytest.mark.parametrize(
    "name",
    ["HOSTNAME", "HOSTS", "PORTS", "BOT", "LOGNAME", "OPENAI_API_BASE", "OPENAI_ORG_ID", "DAILY_ROOM_URL",
     "DAILY_SAMPLE_ROOM_URL", "CARTESIA_API_KEY", "ELEVENLABS_API_KEY", "XAI_API_KEY", "LIVEKIT_TOKEN", "DEBUG"],
)  # fmt: skip
def test_names_of_others_are_nobody_s_mistake(name):
    assert read({name: "1"}) == Settings()


def test_a_name_beside_the_one_that_it_is_near_is_another_s():
    """A platform that gives both REDIS_URL and REDIS_URI kept every process from starting."""
    both = {"REDIS_URL": "redis://here:6379/0", "REDIS_URI": "redis://here:6379/0"}

    assert read(both) == Settings(redis_url=both["REDIS_URL"])


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("VAR", "VAR_DIR"),
        ("DATABASE", "DATABASE_URL"),
        ("GREENROOM_SLOTS_COUNT", "SLOTS"),
        ("LIVEKIT_API", "LIVEKIT_API_KEY"),
    ],
)
def test_a_name_that_does_nothing_is_said_with_ours(name, meant, monkeypatch):
    """`VAR=elsewhere greenroom up` kept everything in ./var, and said nothing."""
    monkeypatch.delenv("VAR_DIR", raising=False)
    monkeypatch.setenv(name, "elsewhere")

    assert ignored() == [f"{name} is no setting and does nothing; {meant} is: was that meant?"]
    monkeypatch.setenv(meant, "x")  # as `make up VAR=elsewhere` has both
    assert ignored() == []


def test_of_names_of_others_nothing_is_said(monkeypatch):
    for name in ("HOSTNAME", "BOT", "OPENAI_ORG_ID", "DAILY_ROOM_URL", "PATH", "V", "VAR_LIB"):
        monkeypatch.setenv(name, "1")

    assert ignored() == []


def test_in_dotenv_a_short_name_is_looked_at_as_well(elsewhere):
    (elsewhere / ".env").write_text("PORTS=9000\nDEEPGRAM_API_KEY=for-a-bot\n")
    with pytest.raises(SettingsError) as refusal:
        read()

    assert refusal.value.problems == ["PORTS in .env is no setting; PORT is: was that meant?"]


def test_a_voice_may_be_any_where_the_server_is_one_s_own():
    assert read({"OPENAI_VOICE": "gandalf", "OPENAI_BASE_URL": "http://localhost:8000/v1"})


def test_the_voices_of_openai_are_those_that_pipecat_knows():
    from pipecat.services.openai.tts import VALID_VOICES

    assert set(VALID_VOICES) <= set(OPENAI_VOICES)


def test_the_personalities_that_may_be_the_default_are_those_there_are():
    from greenroom.bots import personalities

    assert [read({"DEFAULT_PERSONALITY": name}) for name in personalities.names()]
    assert ", ".join(personalities.names()) in problems(DEFAULT_PERSONALITY="clown")[0]


def test_dotenv_is_read_and_the_environment_wins(elsewhere, monkeypatch):
    (elsewhere / ".env").write_text("PORT=9000\nSLOTS=2\nDEEPGRAM_API_KEY=for-a-bot\n")
    monkeypatch.setenv("PORT", "9001")
    found = read()

    assert (found.port, found.slots) == (9001, 2)
    assert settings.environment()["DEEPGRAM_API_KEY"] == "for-a-bot"


def test_no_secret_is_in_what_is_printed_of_the_settings():
    secret = "a-key-that-nobody-should-see"
    printed = repr(
        read(
            {
                "API_KEY": secret,
                "OPENAI_API_KEY": secret,
                "REDIS_URL": f"redis://:{secret}@host",
                "ICE_SERVERS": "",
            }
        )
    )

    assert secret not in printed


def test_a_bot_is_found_without_being_imported(elsewhere):
    package = elsewhere / "shop"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (package / "greeter.py").write_text("raise SystemExit('imported')")

    assert read({"BOTS": "greeter = shop.greeter:bot, "}).bots["greeter"] == "shop.greeter:bot"


def test_bots_may_replace_the_assistant():
    assert read({"BOTS": "assistant=json:loads"}).bots == {"assistant": "json:loads"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("stun:host:3478", (IceServer(("stun:host:3478",)),)),
        (
            "stun:one, turns:two:443?transport=tcp",
            (IceServer(("stun:one",)), IceServer(("turns:two:443?transport=tcp",))),
        ),
        (
            '[{"urls": ["turn:host"], "username": "me", "credential": "secret"}]',
            (IceServer(("turn:host",), "me", "secret"),),
        ),
    ],
)
def test_ice_servers_are_urls_or_what_a_browser_takes(value, expected):
    assert read({"ICE_SERVERS": value}).ice_servers == expected


def test_without_redis_url_the_socket_is_in_var_dir(kept):
    found = read(kept)
    socket = Path(kept["VAR_DIR"]) / "redis" / "redis.sock"

    assert found.redis_is_embedded
    assert found.redis_url == f"unix://{socket}"
    assert found.broker_url == f"redis+socket://{socket}?virtual_host=0"


def test_a_path_too_long_for_a_socket_is_replaced_by_one_of_its_own(tmp_path):
    long, other = (read({"VAR_DIR": str(tmp_path / (letter * 120))}) for letter in "ab")

    assert len(os.fsencode(long.redis_socket)) <= LONGEST_SOCKET_PATH
    assert long.redis_socket != other.redis_socket
    assert long.redis_is_embedded


@pytest.mark.parametrize(
    ("redis_url", "broker_url"),
    [
        ("redis://host:6379/3", "redis://host:6379/3"),
        ("rediss://me:secret@host/0", "rediss://me:secret@host/0"),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock?virtual_host=0"),
        ("unix:///run/redis.sock?db=2", "redis+socket:///run/redis.sock?virtual_host=2"),
        ("unix://me:secret@/run/redis.sock", "redis+socket://me:secret@/run/redis.sock?virtual_host=0"),
        ("unix:///run/redis.sock?password=s/t", "redis+socket://:s%2Ft@/run/redis.sock?virtual_host=0"),
    ],
)
def test_celery_is_told_of_the_same_redis_in_its_own_spelling(redis_url, broker_url):
    found = read({"REDIS_URL": redis_url})

    assert (found.redis_url, found.broker_url) == (redis_url, broker_url)
    assert not found.redis_is_embedded


def test_reading_makes_nothing(kept):
    read(kept)

    assert not Path(kept["VAR_DIR"]).exists()


@pytest.mark.parametrize("name", KEYS)
def test_a_key_is_made_once_and_kept_for_its_owner_only(kept, name):
    key = getattr(load(kept, keys=[name]), name)
    file = Path(kept["VAR_DIR"]) / name.replace("_", "-")

    assert len(key) >= 40
    assert getattr(load(kept, keys=KEYS), name) == key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_every_key_is_another(kept):
    found = load(kept, keys=KEYS)

    assert len({getattr(found, name) for name in KEYS}) == len(KEYS)


def test_a_key_that_is_given_is_not_kept(kept):
    given = {**kept, "API_KEY": "given-by-the-operator"}

    assert load(given, keys=["api_key"]).api_key == "given-by-the-operator"
    assert not Path(kept["VAR_DIR"]).exists()


def test_a_process_gets_the_keys_that_it_asks_for_and_no_other(kept):
    load(kept, keys=KEYS)
    given = {**kept, "API_KEY": "given-by-the-operator"}
    found = load(given, keys=["flower_password"])

    assert found.flower_password
    assert (found.api_key, found.signing_secret) == ("", "")


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("changeme-changeme", "repeats itself"),
        ("Xk3vXk3vXk3vXk3vXk3v", "only"),
        ("Xk39-vTq7_Xk39-vTq7", "repeats itself"),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", "only 1"),
        ("abcdefghijklmnopqrstuvwxyz", "counts"),
        ("0123456789abcdef", "counts"),
        ("1234567890123456", "counts"),
        ("greenroom-secret-api-key", "words that are tried first"),
        ("Password-Password1-secret", "words that are tried first"),
    ],
)
def test_a_key_that_can_be_guessed_is_refused_with_the_reason(kept, key, why):
    (problem,) = problems(API_KEY=key)

    assert why in problem and "openssl rand -hex 32" in problem
    assert key not in problem
    assert len(problems(FLOWER_PASSWORD=key)) == len(problems(SIGNING_SECRET=key)) == 1


def test_keys_that_are_made_by_machines_are_taken():
    for key in (
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "zXb0Vq3kU5oVw1Ju9sYdKfG2hT7mRcNe",
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "fjord-mimic-taxi-plumb-oboe",
    ):
        assert read({"API_KEY": key}).api_key == key


def test_what_signs_is_longer_than_a_key_since_it_is_guessed_elsewhere():
    assert len(problems(SIGNING_SECRET="fjord-mimic-taxi-plumb")) == 1
    assert read({"SIGNING_SECRET": "fjord-mimic-taxi-plumb-oboe-under-jazz"})


def test_no_key_may_stand_for_another():
    same = "fjord-mimic-taxi-plumb-oboe-under-jazz"
    (problem,) = problems(API_KEY=same, SIGNING_SECRET=same)

    assert problem.startswith("API_KEY and SIGNING_SECRET are the same")


def kept_key(kept, key="fjord-mimic-taxi-plumb-oboe\n", mode=0o600):
    file = Path(kept["VAR_DIR"]) / "api-key"
    file.parent.mkdir(exist_ok=True)
    file.write_text(key)
    file.chmod(mode)
    return file


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o666, 0o604])
def test_a_key_that_others_could_read_is_closed_and_said_so(kept, mode, caplog):
    file = kept_key(kept, mode=mode)

    assert load(kept, keys=["api_key"]).api_key == "fjord-mimic-taxi-plumb-oboe"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert f"{mode:04o}" in caplog.text and str(file) in caplog.text
    assert "fjord" not in caplog.text
    caplog.clear()
    load(kept, keys=["api_key"])
    assert caplog.text == ""


@pytest.mark.parametrize(("mode", "is_taken"), [(0o640, True), (0o400, True), (0o644, False), (0o660, False)])
def test_a_key_that_is_somebody_else_s_is_taken_unless_everybody_may_read_it(
    kept, mode, is_taken, monkeypatch
):
    file = kept_key(kept, mode=mode)
    somebody = file.stat().st_uid + 1
    monkeypatch.setattr(os, "geteuid", lambda: somebody)

    if is_taken:
        assert load(kept, keys=["api_key"]).api_key == "fjord-mimic-taxi-plumb-oboe"
    else:
        with pytest.raises(SettingsError, match="open to everybody"):
            load(kept, keys=["api_key"])
    assert stat.S_IMODE(file.stat().st_mode) == mode


def test_a_kept_key_that_can_be_guessed_is_refused_as_well(kept):
    file = kept_key(kept, "changeme-changeme\n")
    with pytest.raises(SettingsError, match="Remove that file") as refusal:
        load(kept, keys=["api_key"])

    assert str(file) in str(refusal.value) and "changeme" not in str(refusal.value)


def keys_of(environ):
    return load(environ, keys=KEYS)


@pytest.mark.heavy
def test_processes_that_start_together_agree_on_the_keys(kept):
    with ProcessPoolExecutor(8) as pool:
        found = [*pool.map(keys_of, [kept] * 40)]

    assert all(one == found[0] for one in found)


def test_a_livekit_server_of_our_own_needs_nothing_but_to_be_wanted(kept):
    found = load({**kept, "LIVEKIT": "1", "LIVEKIT_PORT": "9000"})
    file = Path(kept["VAR_DIR"]) / "livekit" / "secret"

    assert found.livekit_is_embedded
    assert found.livekit_url == "ws://127.0.0.1:9000"
    assert len(found.livekit_api_secret) >= 32 and found.livekit_api_key
    assert found.livekit_api_secret not in repr(found)
    assert load({**kept, "LIVEKIT": "1"}).livekit_api_secret == found.livekit_api_secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert settings.read_with_keys({**kept, "LIVEKIT": "1"}).livekit_api_secret == found.livekit_api_secret


def test_of_a_server_that_the_operator_names_none_of_our_own_is_made(kept):
    named = {"LIVEKIT_URL": "wss://livekit.example.com", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"}
    found = load({**kept, **named, "LIVEKIT": "1"})

    assert not found.livekit_is_embedded
    assert (found.livekit_url, found.livekit_api_secret) == ("wss://livekit.example.com", "s")
    assert not (Path(kept["VAR_DIR"]) / "livekit").exists()
    assert problems(LIVEKIT="1", LIVEKIT_URL="wss://livekit.example.com")


def test_its_three_ports_are_its_own():
    assert len(problems(LIVEKIT="1", LIVEKIT_PORT="7076")) == 2
    assert read({"LIVEKIT": "0", "LIVEKIT_PORT": "7076"})


def test_without_being_wanted_there_is_no_livekit_server():
    assert not read({"LIVEKIT": "0"}).livekit_is_embedded
    assert not read({}).livekit_url


def test_a_var_dir_that_cannot_be_made_is_a_problem_of_var_dir(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="VAR_DIR"):
        load({"VAR_DIR": str(tmp_path / "file" / "var")}, keys=KEYS)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:7077"),
        ("0.0.0.0", "http://127.0.0.1:7077"),
        ("::", "http://[::1]:7077"),
        ("talk.example.com", "http://talk.example.com:7077"),
    ],
)
def test_the_address_is_one_that_a_browser_here_can_open(host, address):
    assert read({"HOST": host}).address == address


@pytest.mark.heavy
def test_settings_are_cheap_to_import():
    script = """
import sys, greenroom.app.settings
print(*sorted({'flask', 'redis', 'celery', 'pipecat'} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.split() == []
