"""What a worker's parent has ready for each bot: what is imported there is no bot's to wait for."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.heavy

HERE = {
    "LIVEKIT_URL": "ws://livekit",
    "LIVEKIT_API_KEY": "key",
    "LIVEKIT_API_SECRET": "secret",
    "DAILY_DOMAIN": "acme",
    "DAILY_API_KEY": "key",
}
BACKEND = {"BACKEND_URL": "https://backend", "BACKEND_SECRET": "8d1f6a0c93b7e25a4d0f91c6be37a2d8"}


def preloaded(environ):
    code = f"""
import sys
from greenroom.app.settings import read
from greenroom.bots import preparing
preparing.ears.load = preparing.speech.preload = lambda *_: None
preparing.preload(read({environ!r}))
print(*sys.modules)
"""
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    ).stdout.split()


def test_the_stages_and_the_memory_are_there_before_a_bot_is():
    modules = preloaded(HERE)

    assert {f"greenroom.bots.transports.{name}" for name in ("local", "livekit", "daily")} <= set(modules)
    assert "greenroom.app.conversations.memory" in modules


def test_with_a_backend_it_is_the_backend_s_memory():
    modules = preloaded(BACKEND)

    assert {"greenroom.app.backend.memory", "httpx"} <= set(modules)
    assert "greenroom.app.conversations.memory" not in modules
