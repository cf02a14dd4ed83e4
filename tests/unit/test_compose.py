"""docker-compose.yml: each container gets the settings that its process needs, and no secret of another's."""

from pathlib import Path

import pytest
import yaml

from greenroom.app.local.procfile import read as read_procfile
from greenroom.app.local.surroundings import NEEDED_BY, SETTINGS, environment_of
from greenroom.app.settings import read

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OF_OTHERS = {"redis", "postgres"}  # programs that are not ours
SERVICES = {name: service for name, service in COMPOSE["services"].items() if name not in OF_OTHERS}
OF_THE_IMAGE = {
    "HOST",
    "PORT",
    "FLOWER_HOST",
    "FLOWER_PORT",
    "EVENTS_HOST",
    "EVENTS_PORT",
    "LOG_FORMAT",
    "VAR_DIR",
}
NOT_IN_CONTAINERS = {"LIVEKIT", "LIVEKIT_PORT"}  # a server of our own; there it is a container of one's own
OF_ONE_PROCESS = {
    "ALLOWED_HOSTS": {"web", "events"},
    "ALLOWED_ORIGINS": {"web", "events"},
    "EVENTS_URL": {"web"},
    "WEBHOOK_PRIVATE": {"events"},
    "WEB_THREADS": {"web"},
    "WEB_WORKERS": {"web"},
    "FLOWER_CONTROL": {"flower"},
    "KEEP_DAYS": {"control"},
}


def passed_to(name):
    """A list under `<<` is merged as well."""
    return set(SERVICES[name]["environment"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_gets_every_setting_that_its_process_would_get(name):
    """LiveKit and Daily could not be set, so that joins of their rooms answered `not-our-room`."""
    given = environment_of(name, dict.fromkeys(SETTINGS - OF_THE_IMAGE - NOT_IN_CONTAINERS, "given"))
    needed = {setting for setting, value in given.items() if value}
    of_others = {setting for setting, names in OF_ONE_PROCESS.items() if name not in names}

    # A setting that is asked of few, and says nothing to others, may be there or not.
    assert needed - of_others - passed_to(name) <= {"DAILY_API_URL"}
    assert passed_to(name) <= needed - of_others


@pytest.mark.parametrize("part", ["THINKING", "SPEAKING"])
def test_web_takes_a_server_of_ones_own_for_who_thinks_and_speaks_as_it_does_a_key(part):
    """With OPENAI_BASE_URL alone a join with a voice of that server was refused as unknown to the demo."""
    given = SERVICES["web"]["environment"][part]

    assert "${OPENAI_API_KEY:+openai}" in given
    assert "${OPENAI_BASE_URL:+openai}" in given
    assert read({part: ","}) == read({}), "which it is with neither"


def test_every_process_of_the_procfile_has_a_container():
    names = {entry.name for entry in read_procfile(ROOT / "Procfile")}

    assert {*SERVICES, "redis", "livekit"} == names


def test_redis_answers_nobody_without_its_password():
    assert "requirepass ${REDIS_PASSWORD}" in COMPOSE["configs"]["redis"]["content"]
    assert "PASSWORD" not in COMPOSE["services"]["redis"]["command"]
    for name in SERVICES:
        assert SERVICES[name]["environment"]["REDIS_URL"].startswith("redis://:${REDIS_PASSWORD")


def test_the_folder_of_the_keys_is_shared_by_the_two_that_ask_for_them():
    kept = {
        name: {volume.partition(":")[0] for volume in service.get("volumes", ())}
        for name, service in SERVICES.items()
    }

    keeps = {name: folders for name, folders in kept.items() if folders}
    assert keeps == {"web": {"web"}, "events": {"web"}, "flower": {"flower"}}


def test_nothing_starts_before_the_database_is_migrated():
    """A container that did would find no table, or an old one, and say so to callers."""
    for name in SERVICES.keys() - {"migrate"}:
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert SERVICES["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


def test_the_database_is_known_to_those_who_need_it_alone():
    assert {name for name in SERVICES if "DATABASE_URL" in passed_to(name)} == {
        "migrate",
        "web",
        "control",
        "bots",
    }


def test_what_opens_the_house_is_passed_to_those_who_let_people_in_alone():
    for name in SERVICES.keys() - {"web", "events"}:
        assert passed_to(name) & {"API_KEY", "SIGNING_SECRET"} == set()
    for name in SERVICES.keys() - {"web"}:
        assert "DAILY_WEBHOOK_SECRET" not in passed_to(name)
    assert NEEDED_BY["API_KEY|SIGNING_SECRET"] == {"web", "events"}
    assert NEEDED_BY["DAILY_WEBHOOK_SECRET"] == {"web"}
