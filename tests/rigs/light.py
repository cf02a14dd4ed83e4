"""What `make test-fast` runs: every test of these folders that is not marked `heavy`.

A test is heavy that starts a process, or has a model listen to seconds of sound: each costs more than hundreds of
others do.  Whoever starts a process without the mark fails and is told of it, so that the quick part stays quick.
The Redis of a test process is nobody's in particular: it is started once, in a tenth of a second.  PostgreSQL takes
seconds, so whoever uses it is heavy, and its quick neighbour on SQLite is not.
"""

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
FOLDERS = ("unit", "contracts", "redis", "sql")  # the Makefile's FAST
STARTS_A_PROCESS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"})

_watched = False


def is_light(item: pytest.Item) -> bool:
    return item.path.relative_to(TESTS).parts[0] in FOLDERS and item.get_closest_marker("heavy") is None


@contextmanager
def watched(whether: bool) -> Iterator[None]:
    """Whether nothing heavy may be done inside."""
    global _watched
    before, _watched = _watched, whether
    try:
        yield
    finally:
        _watched = before


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    with watched(is_light(item)):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    with watched(is_light(item)):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> Generator[None, object, object]:
    with watched(_watched and fixturedef.argname != "redis_url"):
        return (yield)


def _watch(event: str, arguments: object) -> None:
    if _watched and event in STARTS_A_PROCESS:
        raise AssertionError(
            "A test that starts a process is marked `heavy`: `make test-fast` goes without it."
        )


sys.addaudithook(_watch)
