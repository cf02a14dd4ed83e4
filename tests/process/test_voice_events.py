"""A call with the demo bot: the person's client is told who speaks, how loudly and what; servers, that it was."""

import json
from pathlib import Path

import pytest

from greenroom.app.rooms.told import Place, ReadTold
from greenroom.app.storage.ledger import RedisLedger
from tests.fakes.person import Person
from tests.rigs.product import product

pytestmark = pytest.mark.anyio
VOICES = Path(__file__).parents[1] / "voices"


@pytest.fixture(scope="module")
def running():
    with product(SLOTS="1") as it:
        yield it


def told(person):
    said = [each["data"] for each in person.messages if each.get("type") == "server-message"]
    return [each for each in said if str(each.get("event")).startswith(("voice.", "session."))]


def of_type(person, event):
    return [each for each in told(person) if each["event"] == event]


async def test_a_client_is_told_what_is_heard_and_servers_that_it_was(running):
    joined = running.join("local:heard", bot="assistant", user_id="ann")
    async with Person(running.url, joined["connect"]) as ann:
        await ann.until(lambda person: person.of_type("bot-stopped-speaking"))
        ann.microphone.say(VOICES / "name.wav")
        await ann.until(
            lambda person: [each for each in of_type(person, "voice.transcript") if each["role"] == "user"]
        )
        running.post("/leave", {"room_url": "local:heard"})
        await ann.until(lambda person: of_type(person, "voice.session.end"))

        assert [each["speaking"] for each in of_type(ann, "voice.bot.speaking")][:2] == [True, False]
        levels = of_type(ann, "voice.audio.level")
        assert {each.get("person", "the bot") for each in levels if each["level"] > 0} == {"the bot", "ann"}
        assert of_type(ann, "voice.speech.start")[0]["person"] == "ann"
        assert {each["role"] for each in of_type(ann, "voice.transcript")} == {"user", "assistant"}

    ledger = RedisLedger(running.environ["REDIS_URL"])
    entries = ledger.run(ReadTold(Place(), limit=10_000))
    ledger.close()
    types = {each.fields["type"] for each in entries}
    assert types >= {
        "voice.session.start",
        "voice.session.end",
        "voice.speech.start",
        "voice.bot.speaking",
        "voice.audio.level",
        "voice.transcript",
        "conversation.turn",
        "participant.joined",
    }
    words = {each["text"] for each in of_type(ann, "voice.transcript")}
    assert not [text for text in words if text in json.dumps([dict(each.fields) for each in entries])]
    heard = [each for each in entries if each.is_heard and each.fields["type"] == "voice.audio.level"]
    assert len(heard) <= len(levels)
