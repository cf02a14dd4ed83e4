"""Whoever ends a session takes it from its user as well."""

import pytest

from greenroom.app.rooms.endings import end, end_lost
from greenroom.app.rooms.sessions import ReadSession, Reason
from greenroom.app.rooms.user_bots import ReadUserBot
from tests.rigs.makers import an_order

pytestmark = pytest.mark.usefixtures("staffed")


@pytest.fixture
def bot(joining, puppet):
    joining.join(an_order())
    return puppet().go_live()


def test_a_user_s_bot_is_the_one_that_was_joined(ledger, bot):
    assert ledger.run(ReadUserBot("ada")).session_id == bot.session.id


def test_a_bot_that_leaves_is_its_user_s_no_more(ledger, bot):
    bot.leave()

    assert ledger.run(ReadUserBot("ada")) is None


def test_a_session_that_others_end_is_its_user_s_no_more(ledger, bot):
    end(ledger, ledger.run(ReadSession(bot.session.id)), Reason.ERROR)

    assert ledger.run(ReadUserBot("ada")) is None


def test_a_session_whose_bot_is_dead_is_its_user_s_no_more(ledger, bot):
    end_lost(ledger, bot.session.id, Reason.ERROR, "its bot is dead")

    assert ledger.run(ReadUserBot("ada")) is None
