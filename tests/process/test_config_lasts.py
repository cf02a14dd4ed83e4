"""What /config has changed of a bot is so of each bot after it: after a crash, and after a deploy."""

import asyncio
import os
import signal

import pytest

from tests.fakes import openai_server
from tests.fakes.person import Person
from tests.rigs.eventually import eventually
from tests.rigs.product import product

pytestmark = pytest.mark.anyio

ELSEWHERE = "bots@elsewhere"
AS_CONFIGURED, AS_JOINED = "The heron has landed.", "There is no bird here."


def answered(request):
    """What a model says that does as it is told by the changed instructions, in the changed persona."""
    told = str(request["messages"])
    return AS_CONFIGURED if "Watch the heron" in told and "Pearl" in told else AS_JOINED


def thinks(model):
    """Which model was asked last, and what it was offered."""
    request = model.asked("/chat/completions")[-1]
    return request["model"], [each["function"]["name"] for each in request.get("tools", [])]


async def hears(running, joined, line, answer):
    async with Person(running.url, joined["connect"]) as person:
        await person.until(lambda person: person.of_type("bot-ready"))
        person.type(line)
        await person.until(lambda person: answer in person.transcript)


async def test_a_bot_that_follows_one_that_was_changed_is_as_that_one_was():
    with openai_server.running() as model:
        model.answer = answered
        speech = {"SPEECH": "openai", "OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "a-key"}
        with product(SLOTS="1", **speech) as running:
            joined = running.join("local:changed", bot="assistant", user_id="ann", memory=False)
            session = joined["session_id"]
            changes = {
                "persona": "Pearl",
                "instructions": "Watch the heron.",
                "voice_parameters": {"speed": 1.5},
                "model": "gpt-small",
                "tools": ["open_applet"],
                "silence": 600,
            }
            await hears(running, joined, "Is there a bird?", AS_JOINED)

            answer = running.post("/config", {"room_url": "local:changed", **changes})
            assert (answer["config"], answer["with_next_bot"], answer["not_ready"]) == (changes, [], [])
            await hears(running, joined, "And now?", AS_CONFIGURED)
            assert thinks(model) == ("gpt-small", ["open_applet"])

            os.kill(int(running.owner("local:changed").rsplit("/", 1)[1]), signal.SIGKILL)
            eventually(lambda: running.events(session).count("live") == 2, within=30)
            await hears(running, joined, "After a crash?", AS_CONFIGURED)
            assert thinks(model) == ("gpt-small", ["open_applet"])

            await asyncio.to_thread(running.start, ELSEWHERE)
            eventually(lambda: running.redis.hget("hosts:free", ELSEWHERE) == "1", within=60)
            os.kill(running.process("bots").pid, signal.SIGTERM)
            eventually(lambda: "handed_over" in running.events(session), within=40)
            assert running.process("bots").wait(30) == 0
            await hears(running, joined, "After a deploy?", AS_CONFIGURED)
            assert thinks(model) == ("gpt-small", ["open_applet"])

            told = running.session(session)
            assert (told["host"], told["crashes"], told["config"]) == (ELSEWHERE, 1, changes)
            assert model.asked("/audio/speech")[-1]["speed"] == 1.5
