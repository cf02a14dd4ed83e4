"""A conversation goes on after Redis has forgotten it: the bot knows it, and it reads as one."""

import pytest

from tests.fakes.person import Person
from tests.rigs.eventually import eventually

pytestmark = pytest.mark.anyio

TALK = "a-talk-of-last-week"


async def say(greenroom, room, line, answer):
    """Join with the conversation, say something, wait for the answer, and leave; then all of it is kept for good."""
    joined = greenroom.join(room, bot="assistant", user_id="ann-of-last-week", conversation_id=TALK)
    async with Person(greenroom.url, joined["connect"]) as person:
        await person.until(lambda person: person.of_type("bot-ready"))
        person.type(line)
        await person.until(lambda person: answer in person.transcript)
    greenroom.post("/leave", {"room_url": room})
    greenroom.ended(joined["session_id"])
    eventually(lambda: not greenroom.redis.exists(f"conversation:{{{TALK}}}:outbox"), within=30)
    return joined


def told(greenroom):
    return greenroom.get(f"/conversations/{TALK}")["turns"]


async def test_what_was_said_last_week_stands_in_front_of_what_is_said_now(greenroom):
    await say(greenroom, "local:last-week", "I like tea.", "tea")
    before = told(greenroom)
    greenroom.redis.delete(f"conversation:{{{TALK}}}", f"conversation:{{{TALK}}}:turns")

    await say(greenroom, "local:this-week", "I like coffee.", "coffee")

    after = told(greenroom)
    places = [turn["sequence"] for turn in after]
    assert places == sorted(set(places))
    assert after[: len(before)] == before
    assert any("coffee" in turn["content"] for turn in after[len(before) :])
    in_redis = greenroom.redis.zrange(f"conversation:{{{TALK}}}:turns", 0, -1)
    assert "I like tea" in "".join(
        in_redis
    )  # as the bot was told it, and the next one of this session would be
