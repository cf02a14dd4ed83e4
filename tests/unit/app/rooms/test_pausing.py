"""Pausing: a bot is silent because somebody asked for it, or because its user is in another room's call."""

from dataclasses import replace
from datetime import timedelta

import pytest

from greenroom.app.errors.sessions import NoSuchSession, SessionEnded
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.pausing import Paused, PauseUpkeep, Pausing, SetPause, follow_call
from greenroom.app.rooms.procedures import follow
from greenroom.app.rooms.session_events import Happened, Note, ReadEvents
from greenroom.app.rooms.sessions import Call, Pause, ReadSession, Reason, State
from greenroom.app.storage import keys
from tests.rigs.makers import CELLAR, an_order

ADA, BEN = "ada", "ben"


@pytest.fixture
def pausing(ledger):
    return Pausing(ledger)


@pytest.fixture
def upkeep(ledger):
    return PauseUpkeep(ledger)


@pytest.fixture
def own(joining, puppet, ledger):
    """The bot of ada's own session."""
    joining.join(an_order(user_id=ADA))
    it = puppet().go_live()
    ledger.meanwhile.append(it.obey)
    return it


@pytest.fixture
def other(joining, puppet, own):
    """The bot of ben's session, in another room."""
    joining.join(an_order(room=CELLAR, user_id=BEN))
    return puppet().go_live()


def record(ledger, bot):
    return ledger.run(ReadSession(bot.session.id))


def history(ledger, bot):
    return [(each.event, each.detail) for each in ledger.run(ReadEvents(bot.session.id))]


def comes(ledger, person, bot):
    ledger.run(Note(bot.session.id, Happened.PERSON_ARRIVED, bot.session.epoch, person=person))
    return follow(ledger, follow_call(person, bot.session, is_there=True))


def goes(ledger, person, bot, *, is_told=True):
    ledger.run(Note(bot.session.id, Happened.PERSON_LEFT, bot.session.epoch, person=person))
    return is_told and follow(ledger, follow_call(person, bot.session, is_there=False))


def call_of(bot):
    return Call(bot.session.id, bot.session.room)


def test_a_paused_session_is_paused_when_the_answer_comes_and_its_history_says_who_asked(
    pausing, ledger, own
):
    assert pausing.pause(own.session.id, by="ada asked").state is State.PAUSED
    assert record(ledger, own).pause == Pause()
    assert pausing.resume(own.session.id, by="the holder of the key asked").state is State.LIVE

    assert record(ledger, own).pause is None
    assert history(ledger, own)[-4:] == [
        ("pause_asked", "ada asked"),
        ("paused", None),
        ("resume_asked", "the holder of the key asked"),
        ("live", None),
    ]


def test_pausing_twice_is_once(pausing, ledger, own):
    pausing.pause(own.session.id, by="ada asked")
    pausing.pause(own.session.id, by="ada asked")

    assert [event for event, _ in history(ledger, own)].count("pause_asked") == 1


def test_a_session_whose_bot_has_not_started_is_paused_in_its_record_and_nobody_is_waited_for(
    pausing, ledger, joining, puppet
):
    joined = joining.join(an_order(user_id=ADA))

    assert pausing.pause(joined.session_id, by="ada asked").state is State.PENDING
    bot = puppet().go_live()
    bot.obey()
    assert bot.heard == [("heed_record", {})]
    assert record(ledger, bot).state is State.PAUSED


def test_a_session_that_is_over_or_unknown_is_not_paused(pausing, own):
    own.leave()

    with pytest.raises(SessionEnded):
        pausing.pause(own.session.id, by="ada asked")
    with pytest.raises(NoSuchSession):
        pausing.resume("nobody", by="ada asked")


def test_a_pause_outlives_a_record_that_redis_lost(pausing, ledger, own):
    pausing.pause(own.session.id, by="ada asked")
    kept = record(ledger, own)
    ledger.wipe()
    ledger.run_all([Create(kept), SetPause(kept.id, is_paused=True, is_known=True)])

    assert record(ledger, own).pause == Pause()
    assert [session_id for session_id, _ in ledger.run(Paused())] == [kept.id]


@pytest.mark.parametrize("by_call", [False, True])
def test_a_bot_that_has_not_heard_of_a_resume_does_not_pause_again(ledger, own, other, by_call):
    """After each reply that Redis owes it, it writes again what it knows; nothing had been lost."""
    pause = SetPause(own.session.id, is_paused=True, call=call_of(other) if by_call else None)
    known = ledger.run(pause)
    ledger.run(SetPause(own.session.id, is_paused=False))
    ledger.run_all([Create(known), replace(pause, is_known=True)])

    assert record(ledger, own).pause is None
    assert [event for event, _ in history(ledger, own)].count("pause_asked") == 1


def test_who_comes_into_another_room_s_call_has_their_own_session_paused_until_they_leave(ledger, own, other):
    assert comes(ledger, ADA, other)
    own.obey()
    assert (record(ledger, own).state, record(ledger, own).pause) == (State.PAUSED, Pause(call_of(other)))
    assert ("pause_asked", f"for the call in {CELLAR}") in history(ledger, own)

    assert goes(ledger, ADA, other)
    own.obey()
    assert (record(ledger, own).state, record(ledger, own).pause) == (State.LIVE, None)


def test_nobody_s_session_is_paused_for_a_call_with_its_own_bot_or_for_somebody_without_one(
    ledger, own, other
):
    assert not follow(ledger, follow_call(ADA, own.session, is_there=True))
    assert not follow(ledger, follow_call("eve", other.session, is_there=True))


def test_what_the_user_paused_stays_paused_after_the_call(pausing, ledger, own, other):
    pausing.pause(own.session.id, by="ada asked")
    assert not comes(ledger, ADA, other)
    assert not goes(ledger, ADA, other)

    assert record(ledger, own).pause == Pause()


def test_what_the_user_pauses_during_a_call_stays_paused_after_it(pausing, ledger, own, other):
    comes(ledger, ADA, other)
    pausing.pause(own.session.id, by="ada asked")
    goes(ledger, ADA, other)

    assert record(ledger, own).pause == Pause()


def test_the_end_of_one_call_does_not_end_the_pause_for_another(ledger, own, other):
    comes(ledger, ADA, other)
    before = Call("of-an-earlier-call", CELLAR)
    ledger.run(SetPause(own.session.id, is_paused=False, call=before))

    assert record(ledger, own).pause == Pause(call_of(other))


def test_whose_call_has_ended_is_resumed_though_its_bot_could_not_say_so(ledger, own, other, upkeep):
    comes(ledger, ADA, other)
    own.obey()
    assert upkeep.look() == 0
    assert record(ledger, own).state is State.PAUSED

    other.leave(Reason.ERROR)
    assert upkeep.look() == 1
    own.obey()
    assert (record(ledger, own).state, record(ledger, own).pause) == (State.LIVE, None)
    assert upkeep.look() == 0
    assert ledger.run(Paused()) == []


def test_who_has_left_a_call_is_resumed_though_its_bot_died_before_it_could(ledger, own, other, upkeep):
    comes(ledger, ADA, other)
    goes(ledger, ADA, other, is_told=False)

    assert upkeep.look() == 1
    assert record(ledger, own).pause is None


def test_the_forgotten_session_of_a_call_ends_the_pause_for_it(ledger, own, other, upkeep):
    comes(ledger, ADA, other)
    ledger.server.delete(f"session:{{{other.session.id}}}")

    assert upkeep.look() == 1
    assert record(ledger, own).pause is None


def test_a_bot_that_nobody_told_is_reminded_once(ledger, own, other, upkeep):
    """Who paused its session died before it could."""
    ledger.meanwhile.clear()
    ledger.run(Note(other.session.id, Happened.PERSON_ARRIVED, other.session.epoch, person=ADA))
    ledger.run(SetPause(own.session.id, is_paused=True, call=call_of(other)))

    upkeep.look()
    upkeep.look()
    own.obey()
    assert [kind for kind, _ in own.heard] == ["heed_record"]
    assert record(ledger, own).state is State.PAUSED


def test_a_bot_is_reminded_of_what_somebody_asked_for_and_is_then_let_alone(ledger, own, upkeep):
    ledger.meanwhile.clear()
    ledger.run(SetPause(own.session.id, is_paused=True, by="ada asked"))

    upkeep.look()
    own.obey()
    assert record(ledger, own).state is State.PAUSED
    assert ledger.run(Paused()) == []


def test_a_session_that_has_ended_is_looked_after_no_more(pausing, ledger, own, other, upkeep):
    comes(ledger, ADA, other)
    own.leave()

    upkeep.look()
    assert ledger.run(Paused()) == []


def test_a_long_history_without_its_beginning_does_not_end_a_pause(ledger, own, other, upkeep):
    comes(ledger, ADA, other)
    ledger.server.xtrim(f"session:{{{other.session.id}}}:events", maxlen=0, approximate=False)
    ledger.pass_time(timedelta(hours=1))

    assert upkeep.look() == 0
    assert record(ledger, own).pause == Pause(call_of(other))


def test_a_pause_ends_where_redis_has_lost_whether_its_user_is_in_the_call(ledger, own, other, upkeep):
    """They had left it, and their bot had not read so yet: it was silent for good."""
    comes(ledger, ADA, other)
    ledger.server.delete(keys.events(other.session.id), keys.user_call(ADA))

    assert upkeep.look() == 1
    assert record(ledger, own).pause is None


def test_a_call_that_is_over_ends_a_pause_although_its_history_is_cut(ledger, own, other, upkeep):
    comes(ledger, ADA, other)
    other.leave(Reason.ERROR)
    ledger.server.xtrim(f"session:{{{other.session.id}}}:events", maxlen=0, approximate=False)

    assert upkeep.look() == 1
    assert record(ledger, own).pause is None
