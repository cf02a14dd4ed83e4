"""Ending a session: who judges it by what they have read does not end one that has changed since."""

import pytest

from greenroom.app.rooms.endings import end, end_as_read, end_lost
from greenroom.app.rooms.session_events import ReadEvents
from greenroom.app.rooms.session_lists import LiveSessions
from greenroom.app.rooms.sessions import ReadSession, Reason, State
from tests.rigs.makers import an_order

pytestmark = pytest.mark.usefixtures("staffed")


@pytest.fixture
def bot(joining, puppet):
    joining.join(an_order())
    return puppet().go_live()


@pytest.mark.parametrize("ending", [end, end_as_read])
def test_a_session_that_has_changed_since_it_was_read_is_not_ended(ledger, bot, ending):
    read = ledger.run(ReadSession(bot.session.id))
    bot.enter(State.WAITING)

    ending(ledger, read, Reason.ERROR, "its room was not its own any more")

    assert ledger.run(ReadSession(bot.session.id)).state is State.WAITING
    assert ledger.run(ReadEvents(bot.session.id))[-1].event == "waiting"
    assert ledger.run(LiveSessions()) == [bot.session.id]


@pytest.mark.parametrize("ending", [end, end_as_read])
def test_one_that_has_not_changed_is_ended_once_and_is_on_no_list(ledger, bot, ending):
    read = ledger.run(ReadSession(bot.session.id))

    ending(ledger, read, Reason.ERROR, "the first time")
    ending(ledger, read, Reason.LEFT, "the second time")

    session = ledger.run(ReadSession(bot.session.id))
    assert (session.state, session.reason) == (State.ENDED, Reason.ERROR)
    assert ledger.run(LiveSessions()) == []


def test_whoever_finds_a_session_half_ended_ends_it(ledger, bot):
    bot.enter(State.LOST)

    end_lost(ledger, bot.session.id, Reason.ERROR, "its room was not its own any more")

    assert ledger.run(ReadSession(bot.session.id)).state is State.ENDED
