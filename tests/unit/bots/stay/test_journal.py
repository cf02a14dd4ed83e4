"""What is written of a session, in which order, and what becomes of it while Redis is away."""

import asyncio
from dataclasses import replace

import pytest

from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.procedures import Underway
from greenroom.app.rooms.session_events import Note
from greenroom.app.rooms.session_lists import Forget
from greenroom.app.rooms.sessions import Reason, State, Transition
from greenroom.bots.stay import journal as module
from greenroom.bots.stay.journal import Journal
from tests.fakes.async_ledgers import Away, ComesBack, Refusing, Told
from tests.rigs.makers import CELLAR, a_session

pytestmark = pytest.mark.anyio


class Keeps(Told):
    """A ledger that has what was said."""

    async def run_all(self, steps):
        await super().run_all(steps)
        return [None, ["what Redis kept"]]


def a_journal(ledger, *, on_over=lambda: None, **facts):
    return Journal(ledger, a_session(**facts), host="here", has_room=True, on_over=on_over)


async def test_a_state_is_known_at_once_and_written():
    ledger = Told()
    journal = a_journal(ledger)

    assert await journal.enter(State.LIVE) is True
    assert journal.state is State.LIVE
    assert ledger.told == [Transition("a-session", State.LIVE, 7)]


async def test_each_unwritten_step_is_sent_once_although_one_of_them_is_refused():
    """A note that was owed beside a refused move stood four times in the history."""
    ledger = Refusing(State.WAITING)
    journal = a_journal(ledger)
    steps = [
        Transition("a-session", State.WAITING, 7),
        Note("a-session", "person_arrived", 7),
        Transition("a-session", State.LIVE, 7),
    ]

    assert await journal.write(*steps) is True
    assert ledger.told == steps
    assert journal.unwritten == ()


async def test_what_happens_while_redis_is_away_is_written_in_its_order_when_it_is_back():
    ledger = ComesBack(away_for=2)
    journal = a_journal(ledger)

    assert await journal.enter(State.WAITING) is False
    assert await journal.note("person_left") is False
    assert (journal.state, journal.may_be_lost) == (State.WAITING, True)
    assert await journal.enter(State.LIVE) is True

    assert [getattr(step, "to", None) or step.event for step in ledger.told] == [
        "waiting",
        "person_left",
        "live",
    ]
    assert journal.unwritten == ()


async def test_what_happens_while_a_move_is_written_down_is_of_the_other_room():
    """It came to Redis behind the move, under the epoch of the old room, was refused, and was lost."""
    ledger = Told()
    journal = a_journal(ledger)
    async with journal.in_order:
        happens = [journal.enter(State.WAITING), journal.note("person_left")]
        writing = [asyncio.create_task(each) for each in happens]
        await asyncio.sleep(0)
        assert ledger.told == []
        journal.move(replace(journal.session, room=CELLAR, epoch=9))

    assert [await each for each in writing] == [True, True]
    assert [step.epoch for step in ledger.told] == [9, 9]
    assert journal.unwritten == ()


async def test_a_person_is_the_session_s_for_a_record_that_is_written_again():
    journal = a_journal(Away())

    await journal.note("person_arrived", person="ann")

    assert journal.session.person == "ann"


@pytest.mark.parametrize(
    ("found", "to", "is_over"),
    [
        (State.ENDED, State.LIVE, True),
        (State.LEAVING, State.JOINING, True),
        (State.JOINING, State.LIVE, False),
        (State.ENDED, State.ENDED, False),
    ],
)
async def test_a_session_that_was_over_before_its_bot_came_is_an_end(found, to, is_over):
    over = []
    journal = a_journal(Refusing(to, found=found), on_over=lambda: over.append(True))

    await journal.enter(to)

    assert bool(over) is is_over


@pytest.mark.parametrize("is_refused", [True, False])
async def test_a_session_that_goes_on_with_another_bot_stays_on_the_list(is_refused):
    ledger = Refusing(State.ENDED if is_refused else None, found=State.LIVE)
    journal = a_journal(ledger)

    await journal.enter(State.ENDED, reason=Reason.LEFT)

    assert (Forget("a-session", "ada") in ledger.told) is not is_refused


async def test_a_record_that_may_be_lost_is_written_again_until_redis_hears_it():
    journal = a_journal(Away())
    assert await journal.write_again() is None
    assert journal.may_be_lost

    journal = a_journal(Keeps())
    journal.doubt()
    assert await journal.write_again() == ["what Redis kept"]
    assert not journal.may_be_lost


async def test_a_record_that_is_written_again_is_in_no_procedure_that_was_lost_with_it():
    """Its session had claimed another room before its bot started: it was on its way there for good."""
    ledger = Keeps()
    journal = a_journal(ledger, procedure=Underway("move", "claimed"))

    await journal.write_again()

    assert ledger.told[0] == Create(replace(journal.session, procedure=None))


async def test_a_step_that_somebody_waits_for_is_tried_until_redis_is_back(monkeypatch):
    monkeypatch.setattr(module, "RETRY_AFTER", module.RETRY_AFTER * 0)
    ledger = ComesBack(away_for=module.RETRIES)

    await a_journal(ledger).retry(Forget("a-session"))

    assert ledger.told == [Forget("a-session")]


async def test_the_session_of_the_bot_before_is_this_one_s_under_its_own_epoch():
    journal = a_journal(Told(), epoch=8)

    journal.take_over(a_session(epoch=7, state=State.WAITING, host="there", person="ann"))

    session = journal.session
    assert (session.epoch, session.host, session.state, session.person) == (8, "here", State.WAITING, "ann")
