"""Reaping that somebody asks for: what was found and done is told, and a bot that lives is left alone."""

from datetime import timedelta

import pytest

from greenroom.app.queue_names import CONTROL
from greenroom.app.rooms.asked_reaping import AskedReaping, Deed, Reaped, TellReaped, reap_as_asked
from greenroom.app.rooms.deadlines import OverdueRooms
from greenroom.app.rooms.leases import DOUBT_LASTS, PENDING_FOR, STALE_AFTER, Found
from greenroom.app.rooms.sessions import STARTS_WITHIN, ReadSession, State
from tests.rigs.makers import CELLAR, STAGE, an_order

pytestmark = pytest.mark.usefixtures("staffed")
NO_TIME = timedelta(milliseconds=10)


@pytest.fixture
def asked(ledger, launches):
    return AskedReaping(ledger, launches)


@pytest.fixture
def reap(ledger, reaper):
    """What is told of the stage, or of all rooms that are overdue."""
    return lambda room=STAGE: reap_as_asked(ledger, reaper, room)


def test_a_room_that_nobody_has(reap):
    assert reap() == [Reaped(str(STAGE), Found.FREE, Deed.NOTHING)]


def test_a_bot_that_lives_is_left_alone(reap, joining, puppet):
    joined = joining.join(an_order())
    puppet().go_live()

    assert reap() == [Reaped(str(STAGE), Found.ALIVE, Deed.NOTHING, joined.session_id, State.LIVE)]


def test_a_dead_bots_session_goes_on_with_another(reap, joining, puppet, ledger, launches):
    joined = joining.join(an_order())
    puppet().go_live()
    ledger.pass_time(STALE_AFTER)
    (doubted,) = reap()
    ledger.pass_time(DOUBT_LASTS)

    assert (doubted.found, doubted.done) == (Found.DOUBTED, Deed.WAITS)
    assert reap() == [Reaped(str(STAGE), Found.SUPERSEDED, Deed.RELAUNCHED, joined.session_id, State.PENDING)]
    assert launches.session_ids == [joined.session_id] * 2


def test_a_launch_that_got_lost_is_queued_again(reap, joining, ledger):
    joining.join(an_order())
    ledger.pass_time(STARTS_WITHIN)
    reap()
    ledger.pass_time(STARTS_WITHIN)

    (told,) = reap()

    assert (told.found, told.done) == (Found.PENDING, Deed.LAUNCH_REPEATED)


def test_the_lock_of_a_launch_that_nobody_took_is_cleared_and_its_session_ends(reap, joining, ledger):
    joined = joining.join(an_order())
    ledger.pass_time(PENDING_FOR)

    (told,) = reap()

    assert (told.found, told.done, told.state) == (Found.FREE, Deed.ENDED, State.ENDED)
    assert told.reason == ledger.run(ReadSession(joined.session_id)).reason
    assert ledger.run(OverdueRooms()) == []


def test_asked_for_all_those_that_are_overdue_are_looked_after(reap, joining, puppet, ledger):
    joining.join(an_order())
    puppet().go_live()
    ledger.pass_time(STALE_AFTER)
    joining.join(an_order(CELLAR, user_id="bob"))

    assert [(each.room_url, each.found) for each in reap(None)] == [(str(STAGE), Found.DOUBTED)]


def test_whoever_asks_is_told(asked, ledger, launches, reaper):
    request_id = asked.ask(STAGE)
    assert launches.reapings == [(request_id, STAGE)]
    assert ledger.server.llen(CONTROL) == 1
    assert asked.wait(request_id, NO_TIME) is None

    told = reap_as_asked(ledger, reaper, STAGE)
    ledger.run(TellReaped(request_id, told))

    assert asked.wait(request_id, NO_TIME) == told
    assert asked.wait(request_id, NO_TIME) == told  # whose connection was cut may ask again


def test_nobody_is_told_what_another_has_asked_for(asked, ledger):
    first, second = asked.ask(STAGE), asked.ask(STAGE)
    ledger.run(TellReaped(first, []))

    assert first != second
    assert asked.wait(first, NO_TIME) == []
    assert asked.wait(second, NO_TIME) is None
