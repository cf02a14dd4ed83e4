"""The bot that its user had elsewhere leaves when its successor is on stage, and not before."""

from datetime import timedelta

import pytest

from greenroom.app.rooms.procedures import follow
from greenroom.app.rooms.replacing import have_it_leave
from greenroom.app.rooms.requests.leaving import Leave
from greenroom.app.rooms.sessions import ReadSession, Reason, State
from tests.rigs.makers import CELLAR, an_order

pytestmark = pytest.mark.usefixtures("staffed")


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(Leave, "within", timedelta(milliseconds=100))


@pytest.fixture
def bot(joining, puppet):
    """Ada's bot, on stage."""
    joining.join(an_order())
    return puppet().go_live()


@pytest.fixture
def successor(joining, ledger, bot):
    joined = joining.join(an_order(CELLAR, bot="another", named=frozenset({"bot"})))
    return ledger.run(ReadSession(joined.session_id))


def test_the_bot_that_is_there_stays_while_its_successor_starts(launches, ledger, bot, successor):
    assert launches.session_ids[-1] == successor.id
    assert (successor.conversation_id, successor.came_from) == (
        bot.session.conversation_id,
        (bot.session.room,),
    )
    assert successor.instead_of == bot.session.id
    assert ledger.run(ReadSession(bot.session.id)).state is State.LIVE
    assert launches.moves == []


def test_it_leaves_when_it_is_asked_for_its_successor(ledger, bot, successor):
    ledger.meanwhile.append(lambda: bot.obey())

    assert follow(ledger, have_it_leave(bot.session.id, successor))
    left = ledger.run(ReadSession(bot.session.id))
    assert (left.state, left.reason) == (State.ENDED, Reason.MOVED_OUT)
    assert bot.heard == [("leave", {"reason": "moved_out", "by": "ada"})]
    assert follow(ledger, have_it_leave(bot.session.id, successor))


def test_one_that_does_not_answer_is_to_be_asked_again(ledger, bot, successor):
    assert not follow(ledger, have_it_leave(bot.session.id, successor))
    assert ledger.run(ReadSession(bot.session.id)).state is State.LIVE


def test_one_that_is_with_others_by_now_keeps_its_room(ledger, bot, successor):
    bot.people = frozenset({"ada", "eve"})
    ledger.meanwhile.append(lambda: bot.obey())

    assert follow(ledger, have_it_leave(bot.session.id, successor))
    assert ledger.run(ReadSession(bot.session.id)).state is State.LIVE


def test_one_whose_record_is_gone_is_not_asked(ledger, successor):
    assert follow(ledger, have_it_leave("forgotten", successor))
