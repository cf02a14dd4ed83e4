"""A backend, and the client that calls it."""

import pytest

from greenroom.app.backend.calls import Backend
from tests.fakes.backend_server import SECRET, a_backend


@pytest.fixture
def fake():
    with a_backend() as it:
        yield it


@pytest.fixture
def backend(fake):
    it = Backend(fake.url, SECRET, now=lambda: 1_800_000_000.9)
    yield it
    it.close()
