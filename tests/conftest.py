"""Fixtures of more than one folder."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

from tests.mutants import sound
from tests.rigs import beside, light
from tests.rigs.redis_world import client, flush, redis_server

if TYPE_CHECKING:
    import redis

    from tests.rigs.product import Product  # and what it imports takes half a second, in every test process

# Files go to the test processes whole and in this order: what takes longest begins first, so that no process is left
# alone with it at the end.
LONGEST_FIRST = (
    *beside.OF_PRODUCTS,
    "model",
    "openapi",
    "redis",
    "sql",
    "unit",
    "contracts",
)

TREE = pytest.StashKey[str]()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays: looking whether it does took a third of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _rank(item.path))


def pytest_sessionstart(session: pytest.Session) -> None:
    if _runs_all(session.config):
        session.config.stash[TREE] = sound.tree_of(session.config.rootpath)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Planting faults begins at once in a tree whose tests have all passed."""
    if exitstatus == pytest.ExitCode.OK and TREE in session.config.stash:
        sound.note(session.config.rootpath, session.config.stash[TREE], [sound.ALL])


def _runs_all(config: pytest.Config) -> bool:
    option = config.option
    chosen = option.keyword or option.markexpr or option.deselect or option.ignore or option.ignore_glob
    fewer = chosen or option.collectonly or getattr(option, "lf", False)
    in_a_clone = (config.rootpath / ".git").exists()
    return config.args == [sound.ALL] and not fewer and in_a_clone and not hasattr(config, "workerinput")


def _rank(path: Path) -> int:
    folder = path.relative_to(Path(__file__).parent).parts[0]
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)


def pytest_configure(config: pytest.Config) -> None:
    """Here, since hooks of this file are not asked about what a whole session of tests shares."""
    config.pluginmanager.register(light)
    config.pluginmanager.register(beside)
    log_in_plain_text()


def log_in_plain_text() -> None:
    """A test's log is read when it fails; tracebacks in frames and colours take longer than most tests."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


@pytest.fixture
def anyio_backend() -> str:
    """What runs the tests that are marked `anyio`."""
    return "asyncio"


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The Redis of this test process: each test that uses it empties it first."""
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    with client(redis_url) as it:
        yield it


@pytest.fixture
def server(redis_client: redis.Redis) -> redis.Redis:
    """The Redis of this test process, emptied: for looking behind the ledger."""
    flush(redis_client)
    return redis_client


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SQLite's, with all tables: to be copied, since making it takes longer than most tests."""
    from greenroom.app.conversations.migrating import migrate

    path = tmp_path_factory.mktemp("migrated") / "greenroom.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_file(migrated_file: Path, tmp_path: Path) -> Path:
    """A database of the test's own, whose tables are empty."""
    return shutil.copy(migrated_file, tmp_path / "greenroom.db")


@pytest.fixture(scope="session")
def greenroom() -> Iterator[Product]:
    """The product, running; for tests that leave it as they found it."""
    from tests.rigs.product import product

    with product(("redis", "web", "bots", "control", "beat", "events"), SLOTS="4") as running:
        yield running


@pytest.fixture
def own_greenroom() -> Iterator[Product]:
    """A product of the test's own, to be killed."""
    from tests.rigs.product import product

    with product() as running:
        yield running
