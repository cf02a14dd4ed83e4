"""What is said with a bot, from its pipeline to the ledger, and from there to the bot that replaces it."""

import asyncio
from datetime import timedelta

import pytest

from greenroom.app.rooms.conversations import Record, ToolStatus
from greenroom.bots.turns import Turns
from tests.fakes.async_ledgers import Told
from tests.fakes.talk import Call, talk
from tests.rigs.makers import a_session

pytestmark = pytest.mark.anyio
A_WHILE = timedelta(seconds=10)


class Silent(Told):
    """Takes what it is asked, and never answers."""

    async def run(self, step):
        await super().run(step)
        await asyncio.Future()


async def eventually(condition, within=10):
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def said(ledger):
    return [step.turn for step in ledger.told if isinstance(step, Record)]


async def test_nobody_in_a_call_waits_for_a_ledger_that_does_not_answer():
    ledger = Silent()
    turns = Turns(ledger, a_session(), ())
    writing = asyncio.create_task(turns.write())
    async with talk(turns.hearing.follow) as it:
        for line, answer in (("hello", "Hi."), ("how are you?", "Well."), ("goodbye", "Goodbye.")):
            it.mind.script.append([answer])
            await it.say(line)
            await eventually(lambda answer=answer: answer in str(it.context.messages))
        assert not await turns.written(timedelta(milliseconds=10))
    writing.cancel()

    assert [turn.content for turn in said(ledger)] == ["hello"]  # the others wait for it


async def test_the_model_of_a_replacement_reads_what_was_said_and_once_where_it_was_cut_off():
    """Also of a replacement's replacement, and where a tool was running when the first one was lost."""

    async def look(_params):
        await asyncio.sleep(60)

    ledger, before = Told(), []
    for epoch in (7, 8, 9):
        turns = Turns(ledger, a_session(epoch=epoch), before)
        if before:
            turns.resume()
        writing = asyncio.create_task(turns.write())
        async with talk(turns.hearing.follow, messages=turns.before()) as it:
            it.mind.register_function("look", look)
            it.mind.script.append([Call("look", {})] if epoch == 7 else [f"Answer {epoch}."])
            await it.say(f"line {epoch}")
            await eventually(
                lambda epoch=epoch: epoch in [t.epoch for t in said(ledger) if t.role == "assistant"]
            )
        assert await turns.written(A_WHILE)
        writing.cancel()
        before = said(ledger)

    (asked,) = it.mind.asked
    assert [message["role"] for message in asked] == [
        *("user", "assistant", "tool"),  # which was cut off
        *("user", "assistant"),
        *("developer", "user"),
    ]
    assert [turn.tool_status for turn in before if turn.role == "tool"] == [ToolStatus.CUT_OFF]
