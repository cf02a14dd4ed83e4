"""The pages' way out: to this server, and to that of LiveKit's rooms where there are such."""

import hashlib
import json
import re
from typing import ClassVar

import pytest
from flask import Flask

from greenroom.app.console import VENDOR, bp
from greenroom.app.providers.livekit import LiveKit
from greenroom.app.providers.local import Local
from greenroom.app.rooms.providers import Providers
from greenroom.app.settings import Settings


class OfProviders:
    names: ClassVar[dict[str, str]] = {"host": "Robin"}

    def __init__(self, *providers, **settings):
        self.providers = Providers.of(providers)
        self.settings = Settings(**settings)


def pages(*providers):
    app = Flask("pages", static_folder=None)
    app.register_blueprint(bp)
    if providers:
        app.extensions["greenroom"] = OfProviders(*providers)
    return app.test_client()


def ways_out(client):
    policy = client.get("/talk").headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'; ")
    return re.search(r"connect-src ([^;]*);", policy)[1].split()


def test_without_livekit_the_pages_ask_nobody_else():
    assert ways_out(pages()) == ways_out(pages(Local())) == ["'self'"]


@pytest.mark.parametrize(
    ("server", "allowed"),
    [
        ("ws://127.0.0.1:7880", ["ws://127.0.0.1:7880", "http://127.0.0.1:7880"]),
        ("wss://rooms.example.com", ["wss://rooms.example.com", "https://rooms.example.com"]),
        (
            "wss://acme.livekit.cloud",
            [
                "wss://acme.livekit.cloud",
                "https://acme.livekit.cloud",
                "wss://*.livekit.cloud",
                "https://*.livekit.cloud",
            ],
        ),
    ],
)
def test_with_livekit_they_may_ask_its_server_as_well(server, allowed):
    assert ways_out(pages(LiveKit(server, "key", "secret"), Local())) == ["'self'", *allowed]


def fresh(client):
    """What the page is told before it asks for a bot."""
    answer = client.get("/talk/fresh.js")
    assert answer.mimetype == "text/javascript"
    return dict(re.findall(r"^export (?:const )?(\w+) ?=? (.*);$", answer.text, re.MULTILINE))


def test_they_know_whose_a_fresh_room_is():
    livekit = LiveKit("ws://127.0.0.1:7880", "key", "secret")

    assert fresh(pages())["default"] == '"local"'
    assert fresh(pages(livekit, Local()))["default"] == '"livekit"'


def test_they_know_of_a_room_for_several_people_where_there_can_be_one():
    livekit = LiveKit("ws://127.0.0.1:7880", "key", "secret")

    assert fresh(pages())["forum"] == "null"
    assert fresh(pages(Local(), livekit))["forum"] == '"ws://127.0.0.1:7880/forum"'


def test_they_know_what_bots_call_themselves_and_what_the_demo_follows():
    told = fresh(pages(Local()))
    assert json.loads(told["names"]) == {"host": "Robin"}
    assert "What time is it?" in json.loads(told["tries"])

    for settings in ({"openai_api_key": "a-key"}, {"thinking": ("anthropic", "demo")}):
        thinking = Flask("pages", static_folder=None)
        thinking.register_blueprint(bp)
        thinking.extensions["greenroom"] = OfProviders(Local(), **settings)
        assert json.loads(fresh(thinking.test_client())["tries"]) == []


def test_livekits_client_is_the_one_that_was_published():
    told = (VENDOR / "livekit-client.txt").read_text()
    content = (VENDOR / "livekit-client.umd.js").read_bytes()

    assert hashlib.sha256(content).hexdigest() in told
    assert pages().get("/vendor/livekit-client.umd.js").data == content
    assert "Apache License" in (VENDOR / "livekit-client.LICENSE").read_text()
