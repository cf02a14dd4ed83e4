"""A speech service that fails in a call: the next choice answers, or the bot apologises, and the history tells it."""

import pytest

from greenroom.bots import personalities
from tests.fakes import openai_server
from tests.fakes.person import Person
from tests.rigs.eventually import eventually
from tests.rigs.product import product

pytestmark = pytest.mark.anyio


async def test_the_second_choice_answers_where_the_first_breaks_off():
    with openai_server.running() as vendor:
        vendor.fails["/chat/completions"] = "breaks"
        speech = {
            "SPEECH": "demo",
            "THINKING": "openai,demo",
            "OPENAI_BASE_URL": vendor.url,
            "OPENAI_API_KEY": "a-key",
        }
        with product(SLOTS="1", **speech) as running:
            joined = running.join("local:breaks", bot="assistant", user_id="ann", memory=False)
            async with Person(running.url, joined["connect"]) as person:
                await person.until(lambda person: "Robin" in person.transcript, within=60)

            eventually(lambda: "service_failed" in running.events(joined["session_id"]), within=60)


async def test_where_nobody_is_left_the_bot_apologises():
    with openai_server.running() as vendor:
        vendor.fails["/chat/completions"] = 500
        speech = {
            "SPEECH": "demo",
            "THINKING": "openai",
            "OPENAI_BASE_URL": vendor.url,
            "OPENAI_API_KEY": "a-key",
        }
        with product(SLOTS="1", **speech) as running:
            joined = running.join("local:fails", bot="assistant", user_id="ann", memory=False)
            async with Person(running.url, joined["connect"]) as person:
                await person.until(
                    lambda person: personalities.load("host").sorry in person.transcript, within=60
                )

            eventually(lambda: "service_failed" in running.events(joined["session_id"]), within=60)
