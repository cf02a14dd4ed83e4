"""How long a session may last, and when its people are told of its end."""

from datetime import timedelta

import pytest

from greenroom.app.errors.sessions import DurationRefused, NoSuchSession, SessionEnded
from greenroom.app.rooms.extending import (
    LONGEST_SESSION,
    WARNED_BEFORE_END,
    Extending,
    time_limits,
)
from greenroom.app.rooms.session_events import Happened, ReadEvents
from greenroom.app.rooms.sessions import ReadSession, Reason
from tests.rigs.makers import a_session, an_order

AT_ONCE = timedelta(0)


def test_a_session_ends_when_its_time_is_over_however_many_bots_it_had():
    session = a_session(max_duration=timedelta(minutes=10))

    limits = time_limits(session, age=timedelta(minutes=4))

    assert limits.ends_in == timedelta(minutes=6)
    assert limits.warns_in == timedelta(minutes=6) - WARNED_BEFORE_END
    assert limits.tells_in == (
        (timedelta(minutes=5, seconds=30), timedelta(seconds=30)),
        (timedelta(minutes=5, seconds=50), timedelta(seconds=10)),
    )


def test_what_was_extended_counts_and_not_what_was_asked_for_at_first():
    session = a_session(max_duration=timedelta(minutes=10), lasts=timedelta(minutes=20))

    assert time_limits(session, age=timedelta(minutes=4)).ends_in == timedelta(minutes=16)


def test_nobody_is_warned_in_words_of_an_end_that_is_near_already_but_told_by_an_event():
    session = a_session(max_duration=2 * WARNED_BEFORE_END)
    short = a_session(max_duration=AT_ONCE)

    assert time_limits(session, age=AT_ONCE).warns_in is None
    assert [left.seconds for _, left in time_limits(session, age=timedelta(seconds=45)).tells_in] == [10]
    assert time_limits(short, age=timedelta(minutes=1)).ends_in == AT_ONCE
    assert time_limits(short, age=timedelta(minutes=1)).tells_in == ()


@pytest.fixture
def extending(ledger):
    return Extending(ledger)


@pytest.fixture
def joined(joining):
    return joining.join(an_order(max_duration=timedelta(hours=1)))


@pytest.fixture
def bot(joined, puppet, ledger):
    it = puppet().go_live()
    ledger.meanwhile.append(it.obey)
    return it


def test_a_session_is_extended_and_its_bot_told_to_look_at_the_record(extending, ledger, joined, bot):
    by = extending.extend(joined.session_id, more=timedelta(minutes=5))
    in_all = extending.extend(joined.session_id, lasts=timedelta(hours=2))

    assert (by.max_duration, in_all.max_duration) == (timedelta(minutes=65), timedelta(hours=2))
    assert ledger.run(ReadSession(joined.session_id)).max_duration == timedelta(hours=2)
    assert [kind for kind, _ in bot.heard] == ["heed_record", "heed_record"]
    events = ledger.run(ReadEvents(joined.session_id))
    assert [each.detail for each in events if each.event == Happened.EXTENDED] == ["3900 s", "7200 s"]


def test_twice_the_same_length_is_once(extending, ledger, joined, bot):
    extending.extend(joined.session_id, lasts=timedelta(hours=2))
    extending.extend(joined.session_id, lasts=timedelta(hours=2))

    events = ledger.run(ReadEvents(joined.session_id))
    assert [each.event for each in events].count(Happened.EXTENDED) == 1


def test_a_session_that_waits_for_its_bot_is_extended_without_asking_anybody(extending, ledger, joined):
    assert extending.extend(joined.session_id, more=timedelta(minutes=5)).max_duration == timedelta(
        minutes=65
    )


@pytest.mark.parametrize(
    "wanted", [{"more": LONGEST_SESSION}, {"lasts": timedelta(seconds=20)}], ids=["too long", "over already"]
)
def test_a_length_that_cannot_be_is_refused_and_nothing_changes(extending, ledger, joined, wanted):
    ledger.pass_time(timedelta(seconds=30))

    with pytest.raises(DurationRefused):
        extending.extend(joined.session_id, **wanted)
    assert ledger.run(ReadSession(joined.session_id)).lasts is None


def test_a_session_that_is_over_or_unknown_is_not_extended(extending, joined, bot):
    bot.leave(Reason.LEFT)

    with pytest.raises(SessionEnded):
        extending.extend(joined.session_id, more=timedelta(minutes=5))
    with pytest.raises(NoSuchSession):
        extending.extend("nobody", more=timedelta(minutes=5))
