"""Joining: exactly one bot in a room, whoever asks and however often."""

import threading
from datetime import timedelta

import pytest

from app.errors import LaunchFailed, RedisAway
from app.rooms.room import Room
from app.rooms.sessions import Reason, State
from app.rooms.steps import (
    PENDING_FOR,
    STALE_AFTER,
    Adoption,
    Beaten,
    Note,
    ReadEvents,
    ReadRoom,
    ReadSession,
)
from tests.makers import CELLAR, STAGE, an_order

pytestmark = pytest.mark.usefixtures("staffed")

A_MOMENT = timedelta(milliseconds=20)


def test_a_join_of_a_free_room_launches_a_bot(joining, launches, ledger):
    joined = joining.join(an_order(persona="A pirate.", voice="deep", mode="forum", metadata={"a": 1}))

    assert (joined.reused, joined.status, joined.room, joined.mode) == (False, "pending", STAGE, "forum")
    [(session, claim)] = launches.asked
    assert session.id == joined.session_id
    kept = ledger.run(ReadSession(joined.session_id))
    assert (kept.persona, kept.voice, kept.mode, kept.metadata) == ("A pirate.", "deep", "forum", {"a": 1})
    assert kept.epoch == session.epoch == ledger.run(ReadRoom(STAGE)).lease.epoch
    assert claim == ledger.run(ReadRoom(STAGE)).lease.token


def test_a_join_of_a_room_whose_bot_is_starting_finds_it(joining, launches):
    first = joining.join(an_order())

    second = joining.join(an_order(user_id="bob", bot="another", personality="gruff", mode="forum"))

    assert (second.session_id, second.reused, second.status) == (first.session_id, True, "pending")
    assert (second.bot, second.personality, second.mode) == ("assistant", "host", "voice")  # what is there
    assert launches.session_ids == [first.session_id]


@pytest.mark.parametrize("state", [State.LIVE, State.WAITING])
def test_a_join_of_a_room_whose_bot_is_there_finds_it(joining, launches, puppet, state):
    first = joining.join(an_order())
    puppet().go_live().beat(state)

    second = joining.join(an_order())

    assert (second.session_id, second.reused, second.status) == (first.session_id, True, state)
    assert len(launches.asked) == 1


def test_each_room_has_its_own_bot(joining, launches):
    joining.join(an_order(STAGE))
    joining.join(an_order(CELLAR))

    assert len(set(launches.session_ids)) == 2


def test_a_dead_bot_of_another_user_is_taken_over_and_its_session_ends_as_superseded(
    joining, launches, ledger, puppet
):
    first = joining.join(an_order())
    dead = puppet().go_live()
    ledger.pass_time(STALE_AFTER + A_MOMENT)

    second = joining.join(an_order(user_id="bob"))

    assert second.reused is False
    assert second.session_id != first.session_id
    assert launches.asked[1][0].epoch > launches.asked[0][0].epoch
    ended = ledger.run(ReadSession(first.session_id))
    assert (ended.state, ended.reason) == (State.ENDED, Reason.SUPERSEDED)
    assert [event.event for event in ledger.run(ReadEvents(first.session_id))][-2:] == ["lost", "ended"]
    assert dead.beat() is Beaten.SUPERSEDED


def test_a_room_whose_launch_was_never_adopted_is_free_again(joining, launches, ledger, puppet):
    joining.join(an_order())
    late = puppet()
    ledger.pass_time(PENDING_FOR)

    assert joining.join(an_order()).reused is False
    assert late.adopt() is Adoption.LAPSED


def test_a_thousand_callers_at_once_get_one_session(joining, launches):
    joined, barrier = [], threading.Barrier(20)

    def call():
        barrier.wait()
        joined.extend(joining.join(an_order()) for _ in range(50))

    callers = [threading.Thread(target=call) for _ in range(20)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert len(joined) == 1000
    assert {each.session_id for each in joined} == set(launches.session_ids)
    assert sorted(each.reused for each in joined).count(False) == len(launches.asked) == 1


def test_a_room_whose_bot_could_not_be_launched_is_free_within_a_minute(joining, launches, ledger):
    launches.is_away = True
    with pytest.raises(RedisAway):
        joining.join(an_order())
    launches.is_away = False
    ledger.pass_time(PENDING_FOR)

    assert joining.join(an_order()).reused is False


def test_nothing_is_promised_while_redis_is_away(joining, launches, ledger):
    with ledger.away(), pytest.raises(RedisAway):
        joining.join(an_order())

    assert launches.asked == []
    assert joining.join(an_order()).reused is False


# Waiting


def test_waiting_ends_when_the_bot_is_in_the_room(joining, ledger, puppet):
    joined = joining.join(an_order())
    bot = puppet()
    ledger.meanwhile.append(lambda: bot.go_live() if bot.adopt() is Adoption.ADOPTED else None)

    assert joining.wait(joined.session_id, timedelta(seconds=30)) is State.LIVE


def test_waiting_for_a_bot_that_is_there_ends_at_once(joining, puppet):
    joined = joining.join(an_order())
    puppet().go_live().enter(State.WAITING)

    assert joining.wait(joined.session_id, timedelta(seconds=30)) is State.WAITING


def test_waiting_ends_with_patience(joining, puppet):
    joined = joining.join(an_order())
    puppet().enter(State.JOINING)

    assert joining.wait(joined.session_id, A_MOMENT) is State.JOINING


def test_waiting_for_a_bot_that_ends_instead_says_why(joining, puppet):
    joined = joining.join(an_order())
    bot = puppet()
    bot.adopt()
    bot.leave(Reason.LAUNCH_FAILED)

    with pytest.raises(LaunchFailed) as failed:
        joining.wait(joined.session_id, timedelta(seconds=30))
    assert failed.value.facts == {"session_id": joined.session_id, "reason": "launch_failed"}


def test_a_bot_that_leaves_while_its_room_is_joined_is_followed_by_a_new_one(
    joining, launches, ledger, puppet
):
    joining.join(an_order())
    leaver = puppet()
    leaver.go_live().enter(State.LEAVING)

    def leave_and_follow():
        if leaver.session.id == launches.asked[-1][0].id:
            leaver.leave()
        else:
            bot = puppet()
            if bot.adopt() is Adoption.ADOPTED:
                bot.enter(State.JOINING)
                bot.enter(State.LIVE)

    ledger.meanwhile.append(leave_and_follow)

    joined = joining.join_and_wait(an_order(), timedelta(seconds=30))

    assert (joined.reused, joined.status) == (False, State.LIVE)
    assert launches.session_ids == [leaver.session.id, joined.session_id]


def test_a_new_bot_that_does_not_start_is_not_followed_by_another(joining, launches, ledger, puppet):
    def fail():
        bot = puppet()
        if bot.adopt() is Adoption.ADOPTED:
            bot.leave(Reason.LAUNCH_FAILED)

    ledger.meanwhile.append(fail)

    with pytest.raises(LaunchFailed):
        joining.join_and_wait(an_order(), timedelta(seconds=30))
    assert len(launches.asked) == 1


def test_notes_do_not_count_as_states(joining, ledger, puppet):
    joined = joining.join(an_order())
    ledger.run(Note(joined.session_id, "person_arrived", 1))

    assert joining.wait(joined.session_id, A_MOMENT) is State.PENDING


def test_a_fresh_room_is_joined_like_any_other(joining):
    assert joining.join(an_order(Room.fresh())).reused is False
