"""Assistants in real processes: made by one web process, kept in a real database, and heard from a bot."""

import pytest

from tests.fakes.person import Person

pytestmark = pytest.mark.anyio


async def test_a_join_with_an_assistant_is_greeted_in_its_words_and_under_its_name(greenroom):
    status, told = greenroom.process("web").exec_run("greenroom migrate")
    assert status == 0, told
    pearl = {"name": "pearl", "bot": "assistant", "personality": "critic", "persona": "Pearl"}
    greenroom.post(
        "/assistants", {**pearl, "prompts": {"goodbye": "Ciao."}, "voice_parameters": {"speed": 1.5}}
    )
    joined = greenroom.post(
        "/join?wait=20", {"room_url": "local:pearl", "user_id": "ann-pearl", "assistant": "pearl"}
    )

    async with Person(greenroom.url, joined["connect"]) as person:
        await person.until(lambda person: "Pearl, critic." in person.transcript)
        greenroom.post("/leave", {"room_url": "local:pearl"})
        await person.until(lambda person: "Ciao." in person.transcript)

    assert "Beatrice" not in person.transcript
