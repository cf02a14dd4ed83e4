"""The Redis that we bring along: real servers, started and killed."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from greenroom.app.local.embedded_redis import UnsafeFolder, answers, prepare, temporary_redis
from greenroom.app.settings import Settings
from tests.rigs.eventually import eventually


@pytest.fixture
def run():
    """Start `greenroom redis` with this environment; what still runs is killed at the end."""
    started = []

    def start(**environ):
        process = subprocess.Popen(
            [sys.executable, "-m", "greenroom.app.cli", "redis"],
            env={"PATH": os.environ["PATH"], **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.heavy
def test_it_keeps_what_it_was_told_when_it_is_killed(run, tmp_path):
    settings = Settings(var_dir=tmp_path)
    first = run(VAR_DIR=str(tmp_path))
    eventually(lambda: answers(settings.redis_socket))
    with Redis.from_url(settings.redis_url) as redis:
        redis.set("kept", "yes")
        written = redis.info("persistence")["aof_current_size"]
    eventually(lambda: sum(file.stat().st_size for file in (tmp_path / "redis").glob("*.aof")) >= written > 0)
    first.kill()
    first.wait()
    run(VAR_DIR=str(tmp_path))
    eventually(lambda: answers(settings.redis_socket))

    with Redis.from_url(settings.redis_url) as redis:
        assert redis.get("kept") == b"yes"


@pytest.mark.heavy
def test_it_listens_on_no_port_and_drops_nothing():
    with temporary_redis() as settings, Redis.from_url(settings.redis_url) as redis:
        config = redis.config_get("*")

    assert config["port"] == "0"
    assert config["maxmemory-policy"] == "noeviction"
    assert (config["appendonly"], config["appendfsync"], config["save"]) == ("yes", "everysec", "")


@pytest.mark.heavy
def test_only_its_owner_can_open_its_socket():
    with temporary_redis() as settings:
        mode = stat.S_IMODE(settings.redis_socket.stat().st_mode)

    assert mode == 0o700


@pytest.mark.heavy
def test_a_stopped_one_leaves_neither_process_nor_folder():
    with temporary_redis() as settings:
        assert answers(settings.redis_socket)

    assert not answers(settings.redis_socket)
    assert not settings.var_dir.exists()


@pytest.mark.heavy
def test_a_second_one_on_the_same_folder_is_refused(run, tmp_path):
    run(VAR_DIR=str(tmp_path))
    eventually(lambda: answers(Settings(var_dir=tmp_path).redis_socket))
    second = run(VAR_DIR=str(tmp_path))
    said, _ = second.communicate(timeout=10)

    assert second.returncode == 1
    assert "already" in said and len(said.splitlines()) == 1
    assert answers(Settings(var_dir=tmp_path).redis_socket)


@pytest.mark.heavy
def test_with_redis_url_none_is_started(run, tmp_path):
    process = run(VAR_DIR=str(tmp_path), REDIS_URL="redis://redis.example.com")
    said, _ = process.communicate(timeout=10)

    assert process.returncode == 0
    assert said == "REDIS_URL is set: that Redis is used, and none is started.\n"
    assert not (tmp_path / "redis").exists()


@pytest.mark.heavy
def test_a_deep_folder_works_as_well(run, tmp_path):
    deep = tmp_path / ("d" * 120)
    settings = Settings(var_dir=deep)
    run(VAR_DIR=str(deep))
    eventually(lambda: answers(settings.redis_socket))

    assert stat.S_IMODE(settings.redis_socket.parent.stat().st_mode) == 0o700
    assert list((deep / "redis").glob("*.aof"))


def test_a_socket_folder_that_others_can_write_to_is_refused(tmp_path):
    settings = Settings(var_dir=tmp_path)
    settings.redis_socket.parent.mkdir()
    settings.redis_socket.parent.chmod(0o777)

    with pytest.raises(UnsafeFolder, match="only you"):
        prepare(settings)


def test_a_socket_folder_that_is_a_link_is_refused(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    settings = Settings(var_dir=tmp_path / "var")
    settings.var_dir.mkdir()
    Path(settings.redis_socket.parent).symlink_to(elsewhere)

    with pytest.raises(UnsafeFolder):
        prepare(settings)
