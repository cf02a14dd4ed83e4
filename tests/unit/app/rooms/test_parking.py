"""Parking: a session waits for a slot without a bot, whoever of its bot and the reaper comes to write that down."""

import asyncio
from datetime import timedelta

import pytest

from greenroom.app.rooms.leases import PARKED_FOR, Adoption, Beaten, LeaseStatus, ReadRoom
from greenroom.app.rooms.line import FindPlace
from greenroom.app.rooms.parking import park
from greenroom.app.rooms.procedures import follow, follow_awaited
from greenroom.app.rooms.reviving import CRASHES_AT_MOST, Reviving
from greenroom.app.rooms.session_events import ReadEvents
from greenroom.app.rooms.sessions import STARTS_WITHIN, ReadSession, Reason, State
from tests.rigs.makers import CELLAR, DIED, STAGE, a_report, an_order

pytestmark = pytest.mark.usefixtures("staffed")

A_SECOND = timedelta(seconds=1)


class Awaited:
    """A ledger for who awaits."""

    def __init__(self, ledger):
        self._ledger = ledger

    async def run(self, step):
        return self._ledger.run(step)


@pytest.fixture
def reviving(ledger, launches):
    return Reviving(ledger, launches)


@pytest.fixture
def bot(joining, puppet):
    joining.join(an_order())
    return puppet().go_live()


@pytest.fixture(params=["awaited", "waited for"])
def parked(request, ledger, launches):
    """Parks a session, as a bot does or as the reaper would; says whether it is parked."""

    def parked(session, owner):
        procedure = park(session, owner=owner, launches=launches)
        if request.param == "awaited":
            return asyncio.run(follow_awaited(Awaited(ledger), procedure))
        return follow(ledger, procedure)

    return parked


def session_of(ledger, bot):
    return ledger.run(ReadSession(bot.session.id))


def die_after(ledger, procedure, steps):
    """A process that dies so many steps into a procedure."""
    step = next(procedure)
    for _ in range(steps):
        step = procedure.send(ledger.run(step))


@pytest.mark.parametrize("is_told", [True, False], ids=["its parent tells", "nobody tells"])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
def test_whoever_dies_while_a_session_is_parked_leaves_the_rest_to_the_reaper(
    ledger, launches, reaper, puppet, bot, steps, is_told
):
    """A bot that died between two steps was counted as a crash, and its session as lost."""
    ledger.run(a_report(free=0))
    die_after(ledger, park(session_of(ledger, bot), owner=bot.owner, launches=launches), steps)

    if is_told:
        reaper.lost(bot.session.id, owner=bot.owner, failure=DIED)
    for _ in range(15):
        ledger.pass_time(3 * A_SECOND)
        reaper.reap()

    session = session_of(ledger, bot)
    assert (session.state, session.crashes, session.procedure) == (State.PENDING, (), None)
    assert [event.event for event in ledger.run(ReadEvents(bot.session.id))][-2:] == ["parked", "pending"]
    assert ledger.run(ReadRoom(STAGE)).lease.lasts == PARKED_FOR
    ledger.run(a_report(free=4))
    for _ in range(3):
        ledger.pass_time(STARTS_WITHIN + A_SECOND)
        reaper.reap()
    assert puppet().go_live().session.id == bot.session.id


@pytest.mark.parametrize("state", [State.LEAVING, State.ENDED])
def test_the_reaper_frees_the_room_of_a_session_that_ended_before_it_was_parked(
    ledger, launches, reaper, bot, state
):
    die_after(ledger, park(session_of(ledger, bot), owner=bot.owner, launches=launches), 2)
    bot.enter(state, Reason.LEFT)

    for _ in range(3):
        ledger.pass_time(STARTS_WITHIN + A_SECOND)
        reaper.reap()

    assert ledger.run(ReadRoom(STAGE)).lease is None
    assert session_of(ledger, bot).state is State.ENDED


def test_a_bot_that_dies_without_having_begun_to_park_has_crashed(ledger, reaper, bot):
    reaper.lost(bot.session.id, owner=bot.owner, failure=DIED)

    session = session_of(ledger, bot)
    assert (session.state, len(session.crashes)) == (State.PENDING, 1)
    assert "parked" not in [event.event for event in ledger.run(ReadEvents(bot.session.id))]


def test_a_parked_session_waits_in_front_of_all_others_until_a_slot_is_free(
    parked, joining, launches, ledger, puppet, bot
):
    ledger.run(a_report(free=0))
    joining.join(an_order(CELLAR, user_id="bob"))

    assert parked(session_of(ledger, bot), bot.owner) is True

    lease = ledger.run(ReadRoom(STAGE)).lease
    assert (lease.status, lease.session_id, lease.lasts) == (LeaseStatus.PENDING, bot.session.id, PARKED_FOR)
    assert ledger.run(FindPlace(bot.session.id)).position == 1
    assert [event.event for event in ledger.run(ReadEvents(bot.session.id))][-2:] == ["parked", "pending"]
    assert bot.beat() is Beaten.SUPERSEDED
    resumed = puppet().go_live()
    assert (resumed.session.id, session_of(ledger, bot).state) == (bot.session.id, State.LIVE)


def test_to_be_parked_is_no_crash(parked, ledger, puppet, bot):
    for _ in range(CRASHES_AT_MOST * 2):
        assert parked(session_of(ledger, bot), bot.owner) is True
        bot = puppet().go_live()

    assert session_of(ledger, bot).crashes == ()
    assert session_of(ledger, bot).state is State.LIVE


def test_only_who_has_the_room_parks_its_session(parked, reviving, launches, ledger, puppet, bot):
    before = session_of(ledger, bot)
    assert parked(before, "bots@stage/job/another") is False
    reviving.revive(STAGE, DIED, owner=bot.owner)
    successor = puppet().go_live()

    assert parked(before, bot.owner) is False
    assert successor.beat() is Beaten.KEPT
    assert len(launches.asked) == 2


@pytest.mark.parametrize("state", [State.LEAVING, State.ENDED])
def test_a_session_that_leaves_at_that_moment_is_not_parked_and_holds_no_room(
    parked, launches, ledger, bot, state
):
    before = session_of(ledger, bot)
    bot.enter(state, Reason.LEFT)

    assert parked(before, bot.owner) is False

    assert ledger.run(ReadRoom(STAGE)).lease is None
    assert len(launches.asked) == 1
    assert session_of(ledger, bot).state is state


def test_a_parked_session_waits_ten_minutes_for_a_slot_though_nobody_asks(parked, reaper, ledger, bot):
    ledger.run(a_report(free=0))
    parked(session_of(ledger, bot), bot.owner)
    for _ in range(570):
        ledger.pass_time(A_SECOND)
        reaper.reap()
    assert session_of(ledger, bot).state is State.PENDING
    for _ in range(60):
        ledger.pass_time(A_SECOND)
        reaper.reap()

    session = session_of(ledger, bot)
    assert (session.state, session.reason) == (State.ENDED, Reason.NO_SLOT)
    assert ledger.run(ReadRoom(STAGE)).lease is None


def test_a_parked_session_whose_person_leaves_starts_no_bot(parked, leaving, launches, ledger, puppet, bot):
    parked(session_of(ledger, bot), bot.owner)

    assert leaving.leave_session(bot.session.id).reason is Reason.LEFT
    assert puppet().adopt() is Adoption.LAPSED


def test_a_session_that_was_asked_to_move_is_parked_where_it_is(parked, asked_moves, ledger, bot):
    """Its bot took the move that it had not begun for a reason to go without a successor."""
    asked_moves.move(session_of(ledger, bot), CELLAR, {})

    assert parked(session_of(ledger, bot), bot.owner) is True
    assert ledger.run(ReadRoom(CELLAR)).lease is None
    session = session_of(ledger, bot)
    assert (session.room, session.state, session.procedure) == (STAGE, State.PENDING, None)
