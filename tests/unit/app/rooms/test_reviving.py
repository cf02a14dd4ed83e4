"""Reviving: a session whose bot is gone gets another one, until its bots die too often."""

from dataclasses import replace
from datetime import timedelta

import pytest

from greenroom.app.queue_names import LAUNCHES
from greenroom.app.rooms.conversations import ReadTurns, Record, Turn
from greenroom.app.rooms.deadlines import OverdueRooms
from greenroom.app.rooms.failures import BotFailure, FailureKind
from greenroom.app.rooms.leases import Adoption, Beaten, Found, ReadRoom
from greenroom.app.rooms.line import FindPlace
from greenroom.app.rooms.reviving import CRASHES_AT_MOST, Reviving
from greenroom.app.rooms.session_events import ReadEvents
from greenroom.app.rooms.session_lists import LiveSessions
from greenroom.app.rooms.sessions import CRASHES_COUNT_FOR, STARTS_WITHIN, ReadSession, Reason, State
from tests.rigs.makers import CELLAR, DIED, STAGE, a_report, an_order

pytestmark = pytest.mark.usefixtures("staffed")

A_SECOND = timedelta(seconds=1)


@pytest.fixture
def reviving(ledger, launches):
    return Reviving(ledger, launches)


@pytest.fixture
def bot(joining, puppet):
    joining.join(an_order())
    return puppet().go_live()


def session_of(ledger, bot):
    return ledger.run(ReadSession(bot.session.id))


def seen(ledger):
    """The room as its lease has it; how long ago its bot was heard goes on by itself."""
    return replace(ledger.run(ReadRoom(STAGE)), age=None)


def last_event(ledger, bot):
    return ledger.run(ReadEvents(bot.session.id))[-1]


def crash(reviving, bot, failure=DIED):
    """The bot's process dies, and its parent sees it."""
    finding, _ = reviving.revive(STAGE, failure, owner=bot.owner)
    assert finding is Found.SUPERSEDED


# After a crash


def test_the_same_session_goes_on_under_a_later_epoch(reviving, launches, ledger, puppet, bot):
    crash(reviving, bot)

    successor = puppet().go_live()
    assert successor.session.id == bot.session.id
    assert successor.session.epoch > bot.session.epoch
    assert session_of(ledger, bot).state is State.LIVE
    assert [event.event for event in ledger.run(ReadEvents(bot.session.id))] == [
        "pending",
        "joining",
        "live",
        "lost",
        "pending",
        "joining",
        "live",
    ]
    assert bot.beat() is Beaten.SUPERSEDED
    assert successor.beat() is Beaten.KEPT


def test_a_session_that_goes_on_keeps_its_person_its_configuration_and_what_was_said(
    reviving, joining, launches, ledger, puppet
):
    joining.join(an_order(persona="A pirate.", voice="deep", metadata={"a": 1}))
    first = puppet().go_live()
    session, words = first.session, Turn("a-turn", "user", "words")
    ledger.run(Record(session.id, session.conversation_id, session.epoch, words))
    before = session_of(ledger, first)
    crash(reviving, first)

    after = launches.asked[-1][0]
    for name in ("brief", "person", "created_ms"):
        assert getattr(after, name) == getattr(before, name)
    assert [said.id for said in ledger.run(ReadTurns(after.conversation_id))] == ["a-turn"]


def test_who_goes_on_is_served_before_those_who_wait(reviving, joining, launches, ledger, bot):
    ledger.run(a_report(free=0))
    joining.join(an_order(CELLAR))
    crash(reviving, bot)

    assert ledger.run(FindPlace(bot.session.id)).ahead == 0
    assert ledger.queue(LAUNCHES)[0] == launches.asked[-1][1]


def test_the_room_is_looked_at_again_in_case_nobody_starts_the_next_bot(reviving, ledger, bot):
    crash(reviving, bot)
    assert ledger.run(OverdueRooms()) == []
    ledger.pass_time(STARTS_WITHIN)

    assert ledger.run(OverdueRooms()) == [STAGE]


def test_the_third_crash_within_ten_minutes_ends_the_session(reviving, launches, ledger, puppet, bot):
    last = bot
    for _ in range(CRASHES_AT_MOST - 1):
        crash(reviving, last)
        last = puppet().go_live()
        ledger.pass_time(timedelta(minutes=4))
    before = len(launches.asked)

    crash(reviving, last)

    session = session_of(ledger, bot)
    assert (session.state, session.reason) == (State.ENDED, Reason.CRASHED_TOO_OFTEN)
    said = last_event(ledger, bot).detail
    assert said == "its bot died 3 times in ten minutes; the last time died with its process"
    assert len(launches.asked) == before
    assert ledger.run(ReadRoom(STAGE)).lease is None
    assert ledger.run(LiveSessions()) == []
    assert last.beat() is Beaten.SUPERSEDED


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (BotFailure(FailureKind.NOT_LET_IN, "stayed outside"), Reason.ROOM_GONE),
        (BotFailure(FailureKind.RAISED, "could not get into the room"), Reason.CRASHED_TOO_OFTEN),
    ],
)
def test_the_kind_of_the_last_failure_decides_why_a_session_ends_and_not_its_words(
    reviving, ledger, puppet, bot, failure, reason
):
    last = bot
    for _ in range(CRASHES_AT_MOST - 1):
        crash(reviving, last)
        last = puppet().go_live()

    crash(reviving, last, failure)

    assert session_of(ledger, bot).reason is reason
    assert str(failure) in last_event(ledger, bot).detail
    lost = [event for event in ledger.run(ReadEvents(bot.session.id)) if event.event == State.LOST]
    assert lost[0].reason == FailureKind.PROCESS_DIED


def test_a_bot_that_crashes_at_boot_ends_its_session_as_well(reviving, ledger, puppet, bot):
    crash(reviving, bot)
    for _ in range(2):
        starting = puppet()
        assert starting.adopt() is Adoption.ADOPTED
        crash(reviving, starting)

    assert session_of(ledger, bot).reason is Reason.CRASHED_TOO_OFTEN


def test_crashes_that_are_far_apart_do_not_end_a_session(reviving, ledger, puppet, bot):
    for _ in range(6):
        crash(reviving, bot)
        bot = puppet().go_live()
        ledger.pass_time(CRASHES_COUNT_FOR / 2 + A_SECOND)

    assert session_of(ledger, bot).state is State.LIVE


def test_a_new_session_may_be_had_after_too_many_crashes(reviving, joining, ledger, puppet, bot):
    for _ in range(CRASHES_AT_MOST):
        crash(reviving, bot)
        if session_of(ledger, bot).state is not State.ENDED:
            bot = puppet().go_live()

    joined = joining.join(an_order())
    assert (joined.reused, joined.session_id == bot.session.id) == (False, False)


def test_a_bot_that_dies_while_it_leaves_has_left(reviving, launches, ledger, bot):
    bot.enter(State.LEAVING, Reason.IDLE)

    crash(reviving, bot)

    session = session_of(ledger, bot)
    assert (session.state, session.reason) == (State.ENDED, Reason.IDLE)
    assert ledger.run(ReadRoom(STAGE)).lease is None
    assert len(launches.asked) == 1


@pytest.mark.parametrize("condition", ["free", "another's", "pending"])
def test_a_room_that_is_not_the_dead_bot_s_is_left_alone(reviving, launches, ledger, puppet, bot, condition):
    if condition == "free":
        bot.leave()
    else:
        crash(reviving, bot)
    if condition == "another's":
        puppet().go_live()
    before, launched = seen(ledger), len(launches.asked)

    finding, _ = reviving.revive(STAGE, DIED, owner=bot.owner)

    assert finding is {"free": Found.FREE, "another's": Found.OTHER, "pending": Found.OTHER}[condition]
    assert seen(ledger) == before
    assert len(launches.asked) == launched


def test_a_session_that_redis_forgot_does_not_go_on_and_its_room_is_free(reviving, launches, ledger, bot):
    ledger.wipe()
    ledger.run(a_report())
    assert bot.beat() is Beaten.REGISTERED  # and dies before it has written its record again

    crash(reviving, bot)

    assert ledger.run(ReadRoom(STAGE)).lease is None
    assert len(launches.asked) == 1
