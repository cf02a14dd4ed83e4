"""Fixtures of more than one folder."""

from collections.abc import Iterator

import pytest

from tests.product import Product, product


@pytest.fixture
def anyio_backend() -> str:
    """What runs the tests that are marked `anyio`."""
    return "asyncio"


@pytest.fixture(scope="session")
def greenroom() -> Iterator[Product]:
    """The product, running; for tests that leave it as they found it."""
    with product(SLOTS="4") as running:
        yield running


@pytest.fixture
def own_greenroom() -> Iterator[Product]:
    """A product of the test's own, to be killed."""
    with product() as running:
        yield running
