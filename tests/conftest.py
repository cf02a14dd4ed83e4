"""Fixtures of more than one folder."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.rigs.redis_world import client, flush, redis_server

if TYPE_CHECKING:
    import redis

    from tests.rigs.product import Product  # and what it imports takes half a second, in every test process

# Files go to the test processes whole and in this order: what takes longest begins first, so that no process is left
# alone with it at the end.
LONGEST_FIRST = (
    "model",
    "browser",
    "process",
    "chaos",
    "livekit",
    "openapi",
    "redis",
    "sql",
    "unit",
    "contracts",
)


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


def _rank(path: Path) -> int:
    folder = path.relative_to(Path(__file__).parent).parts[0]
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)


@pytest.fixture
def anyio_backend() -> str:
    """What runs the tests that are marked `anyio`."""
    return "asyncio"


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The Redis of this test process: each test that uses it empties it first."""
    with redis_server() as url:
        yield url


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    """The Redis of this test process, emptied: for looking behind the ledger."""
    with client(redis_url) as it:
        flush(it)
        yield it


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
