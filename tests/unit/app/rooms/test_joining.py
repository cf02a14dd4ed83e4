"""Joining: exactly one bot in a room, whoever asks and however often."""

from datetime import timedelta

import pytest

from greenroom.app.errors.limits import QueueFull, TooManyInLine, TooManySessions
from greenroom.app.errors.rooms import ProviderAway, RoomInDoubt
from greenroom.app.errors.sessions import LaunchFailed, ResumeTokenUsed
from greenroom.app.errors.storage import RedisAway
from greenroom.app.queue_names import LAUNCHES
from greenroom.app.rooms.brief import Mode
from greenroom.app.rooms.clock import Now
from greenroom.app.rooms.creating import Limits
from greenroom.app.rooms.endings import end
from greenroom.app.rooms.failures import BotFailure, FailureKind
from greenroom.app.rooms.joining import Joining
from greenroom.app.rooms.leases import (
    DOUBT_KEEPS_FOR,
    PENDING_FOR,
    SETTLES_WITHIN,
    STALE_AFTER,
    Adoption,
    Beaten,
    ReadRoom,
)
from greenroom.app.rooms.line import FindPlace, QueueLength
from greenroom.app.rooms.reviving import CRASHES_AT_MOST
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.serving import LIMITS
from greenroom.app.rooms.session_events import Note, ReadEvents
from greenroom.app.rooms.session_lists import LiveSessions
from greenroom.app.rooms.sessions import ReadSession, Reason, State
from tests.rigs.makers import CELLAR, STAGE, a_brief, a_report, an_order

pytestmark = pytest.mark.usefixtures("staffed")

A_MOMENT = timedelta(milliseconds=20)
A_MINUTE = timedelta(minutes=1)


def test_a_join_of_a_free_room_launches_a_bot(joining, launches, ledger):
    joined = joining.join(an_order(persona="A pirate.", voice="deep", mode=Mode.FORUM, metadata={"a": 1}))

    assert (joined.reused, joined.status, joined.room, joined.brief.mode) == (
        False,
        "pending",
        STAGE,
        "forum",
    )
    [(session, token)] = launches.asked
    assert session.id == joined.session_id
    kept = ledger.run(ReadSession(joined.session_id))
    assert kept.brief == a_brief(persona="A pirate.", voice="deep", mode=Mode.FORUM, metadata={"a": 1})
    assert kept.epoch == session.epoch == ledger.run(ReadRoom(STAGE)).lease.epoch
    assert token == ledger.run(ReadRoom(STAGE)).lease.token


def test_a_join_of_a_room_whose_bot_is_starting_finds_it(joining, launches):
    first = joining.join(an_order())

    second = joining.join(an_order(user_id="bob", bot="another", personality="gruff", mode=Mode.FORUM))

    assert (second.session_id, second.reused, second.status) == (first.session_id, True, "pending")
    assert second.brief == first.brief  # what is there
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
    joining.join(an_order(CELLAR, user_id="bob"))

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


def test_a_dead_bot_whose_room_nobody_else_gets_after_all_ends_as_superseded_too(
    joining, ledger, puppet, monkeypatch
):
    first = joining.join(an_order())
    puppet().go_live()
    ledger.pass_time(STALE_AFTER + A_MOMENT)
    monkeypatch.setattr("greenroom.app.rooms.serving.LIMITS", Limits(sessions=0))

    with pytest.raises(TooManySessions):
        joining.join(an_order(user_id="bob"))

    ended = ledger.run(ReadSession(first.session_id))
    assert (ended.state, ended.reason) == (State.ENDED, Reason.SUPERSEDED)
    assert ledger.run(ReadRoom(STAGE)).lease is None


def test_a_room_whose_launch_was_never_adopted_is_free_again(joining, launches, ledger, puppet):
    joining.join(an_order())
    late = puppet()
    ledger.pass_time(PENDING_FOR)

    assert joining.join(an_order()).reused is False
    assert late.adopt() is Adoption.LAPSED


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


# A dead bot's room


def test_the_user_of_a_dead_bot_gets_the_same_session_with_another_bot(joining, launches, ledger, puppet):
    first = joining.join(an_order())
    dead = puppet().go_live()
    ledger.pass_time(STALE_AFTER + A_MOMENT)

    second = joining.join(an_order(personality="gruff", mode=Mode.FORUM))

    assert (second.session_id, second.reused, second.status) == (first.session_id, True, "pending")
    assert second.brief == first.brief  # as it began
    assert launches.session_ids == [first.session_id] * 2
    assert [event.event for event in ledger.run(ReadEvents(first.session_id))][-2:] == ["lost", "pending"]
    assert dead.beat() is Beaten.SUPERSEDED
    successor = puppet().go_live()
    assert successor.session.epoch > dead.session.epoch


def test_another_bot_for_the_user_of_a_dead_one_is_a_new_session(joining, ledger, puppet):
    first = joining.join(an_order())
    puppet().go_live()
    ledger.pass_time(STALE_AFTER + A_MOMENT)

    second = joining.join(an_order(bot="another"))

    assert second.session_id != first.session_id
    assert ledger.run(ReadSession(first.session_id)).reason is Reason.SUPERSEDED


@pytest.mark.parametrize("user_id", ["ada", "bob"])
def test_a_bot_that_is_heard_while_it_is_doubted_is_found(ledger, launches, puppet, user_id):
    """Redis was away for long; the join comes before the bot's next beat."""
    beats = []

    def sleep(seconds):
        ledger.pass_time(timedelta(seconds=seconds))
        beats.append(bot.beat(State.WAITING))

    joining = Joining(ledger, launches, sleep=sleep)
    first = joining.join(an_order())
    bot = puppet().go_live()
    ledger.pass_time(STALE_AFTER * 5)

    second = joining.join(an_order(user_id=user_id))

    assert (second.session_id, second.reused, second.status) == (first.session_id, True, "waiting")
    assert beats == [Beaten.KEPT]
    assert len(launches.asked) == 1


def test_a_room_that_stays_in_doubt_is_said_to_be_so(ledger, launches, puppet):
    """Redis goes away for a while each time that a doubt is raised."""
    away = DOUBT_KEEPS_FOR + A_MOMENT
    joining = Joining(ledger, launches, sleep=lambda _: ledger.pass_time(away))
    joining.join(an_order())
    bot = puppet().go_live()
    ledger.pass_time(STALE_AFTER + A_MOMENT)

    with pytest.raises(RoomInDoubt):
        joining.join(an_order(user_id="bob"))
    assert bot.beat() is Beaten.KEPT
    assert len(launches.asked) == 1


def test_after_a_wipe_the_first_join_waits_until_every_bot_could_be_heard(ledger, launches):
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        ledger.pass_time(timedelta(seconds=seconds))

    ledger.wipe()
    joining = Joining(ledger, launches, sleep=sleep)

    assert joining.join(an_order()).reused is False
    assert joining.join(an_order(CELLAR)).reused is False
    assert 0.9 < sum(slept) / SETTLES_WITHIN.total_seconds() <= 1


def test_after_a_wipe_a_bot_that_lives_is_found(ledger, launches, puppet):
    joining = Joining(ledger, launches, sleep=lambda _: bot.beat())
    joining.join(an_order())
    bot = puppet().go_live()
    ledger.wipe()

    joined = joining.join(an_order(user_id="bob"))

    assert (joined.session_id, joined.reused) == (bot.session.id, True)
    assert bot.beat() is Beaten.KEPT


def test_a_dead_bot_whose_session_crashed_too_often_is_followed_by_a_new_session(joining, ledger, puppet):
    first = joining.join(an_order())
    for _ in range(CRASHES_AT_MOST - 1):
        puppet().go_live()
        ledger.pass_time(STALE_AFTER + A_MOMENT)
        assert joining.join(an_order()).session_id == first.session_id
    puppet().go_live()
    ledger.pass_time(STALE_AFTER + A_MOMENT)

    last = joining.join(an_order())

    assert (last.reused, last.session_id == first.session_id) == (False, False)
    assert ledger.run(ReadSession(first.session_id)).reason is Reason.CRASHED_TOO_OFTEN


def test_a_dead_bot_whose_session_has_ended_is_followed_by_a_new_one(joining, ledger, puppet):
    """It died between writing its end down and giving its room up."""
    first = joining.join(an_order())
    puppet().go_live().enter(State.ENDED, Reason.IDLE)
    ledger.pass_time(STALE_AFTER + A_MOMENT)

    second = joining.join(an_order())

    assert (second.reused, second.session_id == first.session_id) == (False, False)
    assert ledger.run(ReadSession(first.session_id)).reason is Reason.IDLE


# When all slots are taken


@pytest.fixture
def crowded(ledger, staffed):
    ledger.run(a_report(free=0))


def place_of(joined):
    return joined.status, joined.position


def join_one_after_another(joining, ledger, rooms):
    joined = []
    for room in rooms:
        ledger.pass_time(A_MOMENT)
        joined.append(joining.join(an_order(room, user_id=f"of-{room.name}")))
    return joined


@pytest.mark.usefixtures("crowded")
def test_who_finds_no_free_slot_is_queued_with_a_position(joining, ledger, overview):
    first, second = join_one_after_another(joining, ledger, [STAGE, CELLAR])

    assert [place_of(first), place_of(second)] == [("queued", 1), ("queued", 2)]
    assert overview.position(ledger.run(ReadSession(second.session_id))) == 2


def test_who_finds_a_slot_for_everybody_before_is_not_queued(joining, ledger):
    ledger.run(a_report(free=2))
    rooms = [Room.parse(f"local:room-{number}") for number in range(4)]

    places = [place_of(joined) for joined in join_one_after_another(joining, ledger, rooms)]

    assert places == [("pending", None), ("pending", None), ("queued", 1), ("queued", 2)]


@pytest.mark.usefixtures("crowded")
def test_who_asks_again_has_the_same_place_and_keeps_it(joining, ledger, launches):
    first, _ = join_one_after_another(joining, ledger, [STAGE, CELLAR])
    ledger.pass_time(timedelta(seconds=20))

    again = joining.join(an_order())

    assert (again.session_id, again.reused, *place_of(again)) == (first.session_id, True, "queued", 1)
    assert ledger.run(Now()) - ledger.run(ReadRoom(STAGE)).lease.asked_ms < 10_000
    assert len(launches.asked) == 2


@pytest.mark.usefixtures("crowded")
def test_who_waits_moves_up_and_is_pending_when_a_slot_is_free(joining, ledger, puppet):
    joining.join(an_order())
    first = puppet()
    joining.join(an_order(CELLAR, user_id="bob"))
    first.go_live()
    assert place_of(joining.join(an_order(CELLAR))) == ("queued", 1)
    ledger.run(a_report(free=1))

    assert place_of(joining.join(an_order(CELLAR))) == ("pending", None)


@pytest.mark.usefixtures("crowded")
def test_who_waits_in_vain_with_patience_learns_the_place(joining):
    assert place_of(joining.join_and_wait(an_order(), A_MOMENT)) == ("queued", 1)


@pytest.mark.usefixtures("crowded")
def test_a_full_line_takes_nobody_and_leaves_nothing_behind(joining, launches, ledger, monkeypatch):
    monkeypatch.setattr("greenroom.app.rooms.serving.LIMITS", Limits(line=3))
    rooms = [Room.parse(f"local:room-{number}") for number in range(3)]
    join_one_after_another(joining, ledger, rooms)

    with pytest.raises(QueueFull):
        joining.join(an_order())
    assert ledger.run(ReadRoom(STAGE)).lease is None
    assert (
        len(ledger.run(LiveSessions()))
        == ledger.run(QueueLength(LAUNCHES))
        == ledger.run(FindPlace()).waiting
        == 3
    )
    assert place_of(joining.join(an_order(rooms[0]))) == ("queued", 1)  # who has a place keeps it


def test_the_line_holds_a_thousand():
    assert LIMITS.line == 1000


@pytest.mark.usefixtures("crowded")
def test_a_session_that_goes_on_is_not_refused_by_a_full_line(joining, ledger, puppet, monkeypatch):
    first = joining.join(an_order())
    puppet().go_live()
    joining.join(an_order(CELLAR, user_id="bob"))
    monkeypatch.setattr("greenroom.app.rooms.serving.LIMITS", Limits(line=1))
    ledger.pass_time(STALE_AFTER + A_MOMENT)

    again = joining.join(an_order())

    assert (again.session_id, again.reused) == (first.session_id, True)


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


def test_of_launches_that_failed_in_different_ways_the_answer_has_the_first_as_well(
    joining, ledger, reaper, puppet
):
    """The first raised, the second returned at once: the answer told the second alone, which says nothing."""
    joined = joining.join(an_order())
    first = puppet()
    first.adopt()
    first.enter(State.JOINING)
    raised = BotFailure(FailureKind.RAISED, "raised KeyError: 'DESK'", "mine.py", 3)
    reaper.lost(joined.session_id, owner=first.owner, failure=raised)
    second = puppet()
    second.adopt()
    returned = "the bot returned before its pipeline had started"
    end(ledger, ledger.run(ReadSession(joined.session_id)), Reason.LAUNCH_FAILED, returned)

    with pytest.raises(LaunchFailed) as failed:
        joining.wait(joined.session_id, timedelta(seconds=30))
    said = str(failed.value)
    assert said == f"The bot did not start: {returned}. The first launch: it {raised}."


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


def test_a_bot_that_leaves_when_patience_is_almost_over_is_not_waited_for_twice(
    ledger, launches, puppet, monkeypatch
):
    now = [0.0]
    joining = Joining(ledger, launches, clock=lambda: now[0])
    joining.join(an_order())
    leaver = puppet()
    leaver.go_live().enter(State.LEAVING)
    wait, waits = joining.wait, []

    def late(session_id, within):
        waits.append(within)
        now[0] += 29
        if len(waits) == 1:
            leaver.leave()
        return wait(session_id, A_MOMENT)

    monkeypatch.setattr(joining, "wait", late)
    joining.join_and_wait(an_order(), timedelta(seconds=30))

    assert waits == [timedelta(seconds=30), timedelta(seconds=1)]


def test_a_bot_that_was_said_to_be_live_is_not_said_to_be_joining_afterwards(joining, ledger, puppet):
    """Its keepalive says so until its next beat."""
    joined = joining.join(an_order())
    bot = puppet()
    bot.adopt()
    bot.enter(State.JOINING)
    assert joining.join(an_order()).status == State.JOINING
    bot.enter(State.LIVE)
    assert joining.wait(joined.session_id, A_MOMENT) is State.LIVE

    assert joining.join(an_order()).status == State.LIVE
    assert joining.join_and_wait(an_order(), A_MOMENT).status == State.LIVE


def test_of_one_link_only_so_many_wait_and_nothing_is_left_of_those_that_are_refused(
    joining, ledger, launches, monkeypatch
):
    monkeypatch.setattr("greenroom.app.rooms.serving.LIMITS", Limits(user_line=1))
    ledger.run(a_report(free=0))
    joining.join(an_order(link="a-link"))

    with pytest.raises(TooManyInLine):
        joining.join(an_order(CELLAR, user_id="a-guest", link="a-link"))
    assert ledger.run(ReadRoom(CELLAR)).lease is None
    assert joining.join(an_order(CELLAR, user_id="bob")).reused is False
    assert joining.join(an_order()).reused is True


def test_a_return_is_not_used_up_where_the_rooms_server_lets_nobody_in(joining):
    """The page got 503, came again as it was told to, and had lost its way back."""
    joined = joining.join(an_order())

    def fails(_room):
        raise ProviderAway

    with pytest.raises(ProviderAway):
        joining.go_back(joined.session_id, "a-mark", A_MINUTE, fails)

    back, way = joining.go_back(joined.session_id, "a-mark", A_MINUTE, str)
    assert (back.session_id, way) == (joined.session_id, str(STAGE))
    with pytest.raises(ResumeTokenUsed):
        joining.go_back(joined.session_id, "a-mark", A_MINUTE, fails)


def test_notes_do_not_count_as_states(joining, ledger, puppet):
    joined = joining.join(an_order())
    ledger.run(Note(joined.session_id, "person_arrived", 1))

    assert joining.wait(joined.session_id, A_MOMENT) is State.PENDING


def test_a_fresh_room_is_joined_like_any_other(joining):
    assert joining.join(an_order(Room.fresh())).reused is False
