"""One LiveKit server and one product for all tests here; each test has a room of its own."""

import pytest

from tests.rigs.livekit_server import livekit_server
from tests.rigs.product import product


@pytest.fixture(scope="package")
def server():
    with livekit_server() as running:
        yield running


@pytest.fixture(scope="package")
def greenroom(server):
    with product(SLOTS="3", **server.settings) as running:
        yield running


@pytest.fixture
def room(greenroom, server):
    """A room's URL; nobody is left there."""
    url = server.room()
    yield url
    greenroom.post("/leave", {"room_url": url})


@pytest.fixture
def another(greenroom, server):
    """A second room's URL; nobody is left there."""
    url = server.room()
    yield url
    greenroom.post("/leave", {"room_url": url})
