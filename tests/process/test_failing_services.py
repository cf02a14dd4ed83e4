"""A speech service that fails in a call: the next choice answers, or the bot apologises, and the history tells it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from greenroom.bots import personalities
from tests.fakes import openai_server
from tests.fakes.person import Person
from tests.rigs.eventually import eventually
from tests.rigs.product import Product, product

pytestmark = pytest.mark.anyio


@contextmanager
def thinking_with(services: str, *, fails: str | int) -> Iterator[Product]:
    """A product that hears and speaks as the demo, and whose server for models fails in this way."""
    with openai_server.running() as vendor:
        vendor.fails["/chat/completions"] = fails
        server = {"OPENAI_BASE_URL": vendor.url, "OPENAI_API_KEY": "a-key"}
        with product(SLOTS="1", SPEECH="demo", THINKING=services, **server) as running:
            yield running


async def hears(running: Product, room: str, heard: Callable[[Person], bool]) -> None:
    """Somebody is told so by the bot, and the history tells that a service failed."""
    joined = running.join(room, bot="assistant", user_id="ann", memory=False)
    async with Person(running.url, joined["connect"]) as person:
        await person.until(heard, within=60)

    eventually(lambda: "service_failed" in running.events(joined["session_id"]), within=60)


async def test_the_second_choice_answers_where_the_first_breaks_off():
    with thinking_with("openai,demo", fails="breaks") as running:
        await hears(running, "local:breaks", lambda person: "Robin" in person.transcript)


async def test_where_nobody_is_left_the_bot_apologises():
    with thinking_with("openai", fails=500) as running:
        await hears(
            running, "local:fails", lambda person: personalities.load("host").sorry in person.transcript
        )
