"""A long conversation is summed up while it goes on: pipecat's summariser, a scripted mind, and what comes of it."""

import asyncio

import pytest

from greenroom.app.rooms.conversations import SUMMARY, Record, Turn
from greenroom.app.rooms.memory import HEADING, as_message
from greenroom.app.rooms.resuming import SUMMED_UP, as_summary
from greenroom.bots.assistant.bounded_context import MESSAGES_AT_MOST, MESSAGES_KEPT, bounds
from greenroom.bots.turns import Turns
from tests.fakes.async_ledgers import Told
from tests.fakes.talk import talk
from tests.rigs.makers import a_session

pytestmark = pytest.mark.anyio
LONG = MESSAGES_AT_MOST + 10


class Placing(Told):
    """Gives each turn its place."""

    def __init__(self, first):
        super().__init__()
        self._last = first

    async def run(self, step):
        await super().run(step)
        if isinstance(step, Record):
            self._last += 1
            return self._last
        return None

    @property
    def turns(self):
        return [step.turn for step in self.told if isinstance(step, Record)]

    @property
    def summaries(self):
        return [turn for turn in self.turns if turn.role == SUMMARY]


def conversation(turns=LONG):
    """The person's and the bot's words in turn, as they lie in Redis."""
    return [
        Turn(
            f"3-{number}",
            "user" if number % 2 else "assistant",
            f"words {number}",
            epoch=3,
            sequence=number,
            started_ms=number * 10,
            ended_ms=number * 10 + 5,
        )
        for number in range(1, turns + 1)
    ]


@pytest.fixture
def ledger():
    return Placing(LONG)


@pytest.fixture
async def turns(ledger):
    turns = Turns(ledger, a_session(), conversation())
    writing = asyncio.create_task(turns.write())
    yield turns
    writing.cancel()


async def eventually(condition, within=10):
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def bounded(turns, messages=None):
    return talk(turns.hearing.follow, messages=messages or turns.before(), bounds=bounds)


async def exchange(it, words="and now?", answer="Now this."):
    it.mind.script.append([answer])
    await it.say(words)
    await eventually(lambda: answer in str(it.context.messages))


async def test_the_model_goes_on_with_a_summary_in_the_place_of_what_is_old(turns, ledger):
    async with bounded(turns, [as_message(f"{HEADING}\nA dog."), *turns.before()]) as it:
        await exchange(it)
        await eventually(lambda: ledger.summaries)
        await exchange(it, "and then?", "Then that.")
        memory, summary, *rest = it.mind.asked[-1]

    assert "words 1\n" in it.mind.summed_up[0]
    assert (memory, summary) == (as_message(f"{HEADING}\nA dog."), as_summary("They talked."))
    assert MESSAGES_KEPT <= len(rest) <= MESSAGES_KEPT + 4
    assert rest[-1] == {"role": "user", "content": "and then?"}


async def test_the_bot_that_comes_after_it_reads_the_summary_and_all_that_is_not_in_it(turns, ledger):
    async with bounded(turns) as it:
        await exchange(it)
        await eventually(lambda: ledger.summaries)
        await exchange(it, "and then?", "Then that.")
        await eventually(lambda: ledger.turns[-1].content == "Then that.")
        here = list(turns._transcript)

    summary, *rest = Turns(Told(), a_session(epoch=8), here).before()
    read = [message["content"] for message in rest]
    assert summary["content"] == f"{SUMMED_UP} They talked."
    assert len(read) < MESSAGES_KEPT + 10
    told = "".join(it.mind.summed_up)
    assert all(turn.content in read or turn.content in told for turn in here if turn.is_said)
    assert read[-4:] == ["and now?", "Now this.", "and then?", "Then that."]


async def test_a_summary_says_up_to_where_it_tells_and_who_wrote_it(turns, ledger):
    async with bounded(turns) as it:
        await exchange(it)
        await eventually(lambda: ledger.summaries)

    (summary,) = ledger.summaries
    assert summary.content == "They talked."
    assert summary.sums_up.model == "scripted"
    told_last = summary.sums_up.up_to
    assert f"words {told_last}\n" in it.mind.summed_up[0]
    assert (summary.started_ms, summary.ended_ms) == (10, told_last * 10 + 5)


async def test_a_summary_that_comes_when_another_conversation_has_begun_is_nobodys(turns, ledger):
    async with bounded(turns) as it:
        it.mind.may_sum_up.clear()
        await exchange(it)
        await eventually(lambda: it.mind.summed_up)
        turns.begin_another("bob")
        for number in range(2 * LONG):  # as many as the summary would be taken for
            it.context.add_message({"role": "user", "content": f"bob {number}"})
        it.mind.may_sum_up.set()
        await eventually(lambda: ledger.turns[-1].content == f"bob {2 * LONG - 1}")

        assert not ledger.summaries
        assert "They talked." not in str(it.context.messages)


async def test_a_model_that_fails_leaves_the_conversation_as_it_is(turns, ledger):
    async with bounded(turns) as it:
        it.mind.summary = ""
        await exchange(it)
        await eventually(lambda: it.mind.summed_up)
        it.mind.summary = "They talked on."
        await exchange(it, "and then?", "Then that.")
        await eventually(lambda: ledger.summaries)

    assert [summary.content for summary in ledger.summaries] == ["They talked on."]


async def test_nothing_is_summed_up_whose_place_is_not_known(ledger):
    """Redis is away: a bot that replaces this one must find either the words or a summary that says where they end."""
    unplaced = [Turn(turn.id, turn.role, turn.content) for turn in conversation()]
    turns = Turns(Told(), a_session(), unplaced)
    async with bounded(turns) as it:
        await exchange(it)
        await eventually(lambda: SUMMED_UP in str(it.context.messages))

    assert all(turn.is_said for turn in turns._transcript)
