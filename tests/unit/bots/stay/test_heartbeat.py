"""That a bot beats, and what it learns by that."""

import asyncio
from datetime import timedelta

import pytest

from greenroom.app.errors.storage import RedisAway
from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.inbox import Message
from greenroom.app.rooms.leases import DOUBT_LASTS, Beat, Beaten
from greenroom.app.rooms.session_events import Note
from greenroom.bots.stay import heartbeat
from greenroom.bots.stay.ending import REPLACED
from greenroom.bots.stay.heartbeat import BEAT_WITHIN, seconds_to_next_beat
from greenroom.bots.stay.moves import Moves
from tests.fakes.async_ledgers import Told
from tests.fakes.stays import parts_of_a_stay

pytestmark = pytest.mark.anyio


class Answering(Told):
    """Answers beats so."""

    def __init__(self, *beaten, messages=()):
        super().__init__()
        self._beaten, self._messages = list(beaten), list(messages)

    async def run(self, step):
        if not isinstance(step, Beat):
            return await super().run(step)
        answer = self._beaten.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer, self._messages

    async def run_all(self, steps):
        results = await super().run_all(steps)
        return [None, []] if any(isinstance(step, Create) for step in steps) else results

    @property
    def times_written_again(self):
        return sum(isinstance(step, Create) for step in self.told)


def test_a_bot_that_was_not_heard_beats_well_within_a_doubt():
    """It beat as seldom as ever, and had 0.7 s to be in time where Redis had just come back."""
    latest = max(seconds_to_next_beat(False) for _ in range(1000))
    may_be_late = timedelta(seconds=1.5)

    assert timedelta(seconds=latest) + may_be_late < DOUBT_LASTS
    assert BEAT_WITHIN + may_be_late < DOUBT_LASTS  # where it waits for an answer that does not come


async def test_what_a_beat_brings_is_read():
    message = Message("1-1", "do", {}, epoch=7)
    parts = parts_of_a_stay(ledger=Answering(Beaten.KEPT, messages=[message]))

    assert await parts.heartbeat.beat() is Beaten.KEPT
    assert not parts.inbox.is_empty
    assert parts.heartbeat.next_beat().after == "1-1"


async def test_a_bot_whose_room_is_another_s_is_heard_no_more_and_ends():
    parts = parts_of_a_stay(ledger=Answering(Beaten.SUPERSEDED))

    assert await parts.heartbeat.beat() is Beaten.SUPERSEDED
    assert parts.stage.done == ["hushed"]
    assert parts.end.ending is REPLACED


async def test_a_bot_whose_own_move_may_have_taken_its_room_waits_to_be_told_where_it_is(monkeypatch):
    """It left, though the other room was its own by then: its session had no bot for half a minute."""
    monkeypatch.setattr(Moves, "are_in_doubt", True)
    parts = parts_of_a_stay(ledger=Answering(Beaten.SUPERSEDED))

    assert await parts.heartbeat.beat() is Beaten.KEPT
    assert parts.stage.done == []
    assert not parts.end.has_begun


@pytest.mark.parametrize(
    ("beaten", "is_doubted", "times"),
    [(Beaten.KEPT, False, 0), (Beaten.REGISTERED, False, 1), (Beaten.KEPT, True, 1)],
)
async def test_what_redis_has_lost_or_may_have_lost_is_written_again(beaten, is_doubted, times):
    ledger = Answering(beaten)
    parts = parts_of_a_stay(ledger=ledger)
    if is_doubted:
        parts.journal.doubt()

    await parts.heartbeat.beat()
    await parts.chores.done()

    assert ledger.times_written_again == times


async def test_the_history_says_how_much_of_the_conversation_redis_had_lost():
    ledger = Answering(Beaten.REGISTERED)
    said = tuple(Turn(f"t-{at}", "user", "a secret", sequence=at) for at in (3, 4))
    parts = parts_of_a_stay(ledger=ledger, conversation_id="here", adopted={"conversation": said})

    await parts.heartbeat.beat()
    await parts.chores.done()

    (note,) = [step for step in ledger.told if isinstance(step, Note)]
    assert (note.event, note.detail, note.conversation_id, note.sequence) == (
        "turns_restored",
        "2",
        "here",
        4,
    )


async def test_a_beat_whose_answer_was_lost_is_followed_soon_and_makes_good_what_was_lost(monkeypatch):
    for often in ("BEAT_EVERY", "BEAT_AGAIN_AFTER"):
        monkeypatch.setattr(heartbeat, often, timedelta(milliseconds=10))
    ledger = Answering(RedisAway(), Beaten.KEPT, Beaten.SUPERSEDED)
    parts = parts_of_a_stay(ledger=ledger)

    async with asyncio.timeout(20):
        await parts.heartbeat.run()
    await parts.chores.done()

    assert ledger.times_written_again == 1
