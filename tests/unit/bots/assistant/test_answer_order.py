"""Who is answered when, of several people who speak at once."""

import asyncio

import pytest

from greenroom.bots.assistant import answer_order
from greenroom.bots.assistant.answer_order import AnswerOrder

pytestmark = pytest.mark.anyio


class Answered:
    """An order, and the answers that it has given."""

    def __init__(self):
        self.people = []
        self.questions = []
        self._tasks = []
        self.order = AnswerOrder(self._answer, self._begin)

    async def _answer(self, person, question):
        self.people.append(person)
        self.questions.append(question)

    async def has_answered(self, count):
        async with asyncio.timeout(10):
            while len(self.people) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def _begin(self, work, name):
        self._tasks.append(asyncio.create_task(work, name=name))


@pytest.fixture
async def here():
    answered = Answered()
    yield answered
    answered.order.stop()


async def test_where_nobody_speaks_an_answer_comes_at_once(here):
    await here.order.asked("ann", "Well?")

    assert (here.people, here.questions) == (["ann"], ["Well?"])


async def test_nobody_waits_for_themselves(here):
    here.order.started_speaking("ann")
    await here.order.asked("ann", "Well?")

    assert here.people == ["ann"]


async def test_answers_wait_until_the_last_one_has_finished_and_come_in_the_order_of_the_questions(here):
    for person in ("ben", "cleo"):
        here.order.started_speaking(person)
    await here.order.asked("ann", "Well?")
    await here.order.stopped_speaking("ben")
    await here.order.asked("ben", "And I?")
    assert here.people == []
    await here.order.stopped_speaking("cleo")

    assert here.people == ["ann", "ben"]


async def test_somebody_who_never_finishes_does_not_keep_the_others_from_their_answers(here, monkeypatch):
    monkeypatch.setattr(answer_order, "OTHERS_SPEAK_FOR", 0.05)
    here.order.started_speaking("ben")
    await here.order.asked("ann", "Well?")
    assert here.people == []

    await here.has_answered(1)
    assert here.people == ["ann"]


async def test_a_wait_that_is_over_cuts_no_later_one_short(here, monkeypatch):
    monkeypatch.setattr(answer_order, "OTHERS_SPEAK_FOR", 0.05)
    here.order.started_speaking("ben")
    await here.order.asked("ann", "Well?")
    await here.order.stopped_speaking("ben")
    monkeypatch.setattr(answer_order, "OTHERS_SPEAK_FOR", 600)
    here.order.started_speaking("ben")
    await here.order.asked("cleo", "Now?")
    await asyncio.sleep(0.1)  # the loop's timers end in their order: ann's would have by now

    assert here.people == ["ann"]
