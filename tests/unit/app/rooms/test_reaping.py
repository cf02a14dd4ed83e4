"""Reaping: the sessions of dead bots go on, what never started is launched again, and nothing else is touched."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from greenroom.app.queue_names import LAUNCHES
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.deadlines import OverdueRooms, SetDeadline
from greenroom.app.rooms.joining import Joining
from greenroom.app.rooms.leases import (
    DOUBT_KEEPS_FOR,
    DOUBT_LASTS,
    PARKED_FOR,
    PENDING_FOR,
    STALE_AFTER,
    Adoption,
    Beaten,
    Found,
    ReadRoom,
    Supersede,
    Withdraw,
)
from greenroom.app.rooms.line import LeaveLine
from greenroom.app.rooms.line_upkeep import GIVES_WAY_AFTER, Positions, free_slots
from greenroom.app.rooms.parking import park
from greenroom.app.rooms.procedures import follow
from greenroom.app.rooms.reaping import MISSED_A_BEAT, Reaper
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import Note, ReadEvents
from greenroom.app.rooms.session_lists import LiveSessions, ReadSessions
from greenroom.app.rooms.sessions import STARTS_WITHIN, ReadSession, Reason, State
from greenroom.app.rooms.sweeping import ORPHANED_AFTER, sweep
from greenroom.app.rooms.unstarted import LAUNCHES_AT_MOST
from greenroom.app.rooms.workers import Host, ReadHeld, Report
from tests.fakes.launches import RememberedLaunches
from tests.fakes.puppet import Puppet
from tests.rigs.makers import CELLAR, DIED, STAGE, a_claim, a_report, a_session, an_order

pytestmark = pytest.mark.usefixtures("staffed")

A_MOMENT = timedelta(milliseconds=20)


@pytest.fixture
def joined(joining):
    return joining.join(an_order())


def session_of(ledger, joined):
    return ledger.run(ReadSession(joined.session_id))


def told(ledger, joined):
    return [event.event for event in ledger.run(ReadEvents(joined.session_id))]


def reap_the_silent(ledger, reaper):
    """What is found at the second look at bots that have not been heard for long."""
    ledger.pass_time(STALE_AFTER + A_MOMENT)
    assert set(reaper.reap()) == {Found.DOUBTED}
    ledger.pass_time(DOUBT_LASTS)
    return reaper.reap()


def test_nothing_is_looked_at_before_its_time(reaper, joined):
    assert reaper.reap() == {}


def test_a_bot_that_beats_is_left_alone_and_looked_at_again(reaper, ledger, joined, puppet):
    bot = puppet().go_live()
    for _ in range(5):
        ledger.pass_time(STALE_AFTER - timedelta(seconds=1))
        bot.beat()
        ledger.run(SetDeadline(STAGE, timedelta(0)))
        assert reaper.reap() == {Found.ALIVE: 1}
        assert ledger.run(OverdueRooms()) == []

    assert bot.beat() is Beaten.KEPT
    assert session_of(ledger, joined).state is State.LIVE


def test_the_session_of_a_dead_bot_goes_on_with_another(reaper, launches, ledger, joined, puppet):
    dead = puppet().go_live()
    before = session_of(ledger, joined)

    assert reap_the_silent(ledger, reaper) == {Found.SUPERSEDED: 1}

    session = session_of(ledger, joined)
    assert (session.id, session.state) == (before.id, State.PENDING)
    assert session.epoch > before.epoch
    assert told(ledger, joined) == ["pending", "joining", "live", "lost", "pending"]
    assert launches.session_ids == [joined.session_id] * 2
    assert dead.beat() is Beaten.SUPERSEDED
    puppet().go_live()
    assert session_of(ledger, joined).state is State.LIVE
    assert told(ledger, joined)[-2:] == ["joining", "live"]


def test_reaping_twice_has_one_effect(reaper, launches, ledger, joined, puppet):
    puppet().go_live()
    reap_the_silent(ledger, reaper)
    history = ledger.run(ReadEvents(joined.session_id))
    ledger.run(SetDeadline(STAGE, timedelta(0)))

    assert reaper.reap() == {Found.PENDING: 1}
    assert ledger.run(ReadEvents(joined.session_id)) == history
    assert len(launches.asked) == 2
    assert ledger.run(OverdueRooms()) == []


def test_a_room_that_was_left_is_not_looked_at_for_ever(reaper, ledger, joined, puppet):
    puppet().go_live().leave()
    ledger.pass_time(STALE_AFTER + A_MOMENT)

    assert reaper.reap() == {Found.FREE: 1}
    assert reaper.reap() == {}


# After a time in which nobody was heard: Redis was away, and bots that live could not say so


def test_a_bot_that_is_heard_again_after_redis_was_away_is_not_reaped(
    reaper, launches, ledger, joined, puppet
):
    bot = puppet().go_live()
    ledger.pass_time(STALE_AFTER * 10)
    assert reaper.reap() == {Found.DOUBTED: 1}
    ledger.pass_time(timedelta(seconds=3))
    assert reaper.reap() == {}
    assert bot.beat() is Beaten.KEPT

    ledger.pass_time(DOUBT_LASTS)
    assert reaper.reap() == {}
    assert session_of(ledger, joined).state is State.LIVE
    assert len(launches.asked) == 1


def test_a_doubt_from_before_redis_was_away_is_raised_anew(reaper, launches, ledger, joined, puppet):
    bot = puppet().go_live()
    ledger.pass_time(STALE_AFTER + A_MOMENT)
    assert reaper.reap() == {Found.DOUBTED: 1}
    ledger.pass_time(DOUBT_KEEPS_FOR + A_MOMENT)

    assert reaper.reap() == {Found.DOUBTED: 1}
    assert bot.beat() is Beaten.KEPT
    assert len(launches.asked) == 1


def test_a_doubted_room_is_looked_at_again_as_soon_as_it_can_be_decided(reaper, ledger, joined, puppet):
    puppet().go_live()
    ledger.pass_time(STALE_AFTER + A_MOMENT)
    reaper.reap()
    assert ledger.run(OverdueRooms()) == []
    ledger.pass_time(DOUBT_LASTS)

    assert ledger.run(OverdueRooms()) == [STAGE]


def test_rooms_are_found_after_a_wipe_once_their_bots_have_beaten(reaper, ledger, joined, puppet):
    bot = puppet().go_live()
    ledger.wipe()
    assert bot.beat() is Beaten.REGISTERED

    assert reap_the_silent(ledger, reaper) == {Found.SUPERSEDED: 1}


# What never started


def test_a_launch_that_nobody_started_is_launched_again_with_the_same_claim(
    reaper, launches, ledger, joined, puppet
):
    ledger.pass_time(STARTS_WITHIN)

    assert reaper.reap() == {Found.PENDING: 1}

    assert launches.session_ids == [joined.session_id] * 2
    assert launches.asked[0][1] == launches.asked[1][1]
    assert session_of(ledger, joined).launches == 2
    assert puppet().adopt() is Adoption.ADOPTED


def test_both_deliveries_of_a_launch_make_one_bot(reaper, launches, ledger, joined, puppet):
    early = puppet()
    ledger.pass_time(STARTS_WITHIN)
    reaper.reap()
    late = puppet()

    assert [early.adopt(), late.adopt()] == [Adoption.ADOPTED, Adoption.TAKEN]


def test_a_launch_that_never_starts_is_repeated_three_times_and_given_up_before_its_claim_lapses(
    reaper, launches, ledger, joined
):
    passed = timedelta(0)
    while session_of(ledger, joined).state is not State.ENDED:
        ledger.pass_time(STARTS_WITHIN)
        passed += STARTS_WITHIN
        reaper.reap()

    assert passed < PENDING_FOR
    assert len(launches.asked) == LAUNCHES_AT_MOST == 4
    assert session_of(ledger, joined).reason is Reason.LAUNCH_FAILED
    detail = ledger.run(ReadEvents(joined.session_id))[-1].detail
    assert detail.startswith("no worker started its bot: 4 launches got lost")
    assert ledger.run(ReadRoom(STAGE)).lease is None
    assert ledger.run(LiveSessions()) == []
    assert ledger.run(OverdueRooms()) == []


def test_the_launch_of_a_session_that_goes_on_is_repeated_three_times_as_well(
    reaper, launches, ledger, joined, puppet
):
    for _ in range(LAUNCHES_AT_MOST - 1):
        ledger.pass_time(STARTS_WITHIN)
        reaper.reap()
    puppet().go_live()
    reap_the_silent(ledger, reaper)
    before = len(launches.asked)
    for _ in range(LAUNCHES_AT_MOST - 1):
        ledger.pass_time(STARTS_WITHIN)
        reaper.reap()

    assert len(launches.asked) - before == LAUNCHES_AT_MOST - 1
    assert session_of(ledger, joined).launches == LAUNCHES_AT_MOST
    assert puppet().adopt() is Adoption.ADOPTED


def test_a_claim_whose_session_was_never_written_is_taken_back(reaper, launches, ledger):
    ledger.run(a_claim())
    ledger.run(SetDeadline(STAGE, STARTS_WITHIN))
    ledger.pass_time(STARTS_WITHIN)

    assert reaper.reap() == {Found.PENDING: 1}
    assert ledger.run(ReadRoom(STAGE)).lease is None
    assert launches.asked == []
    assert ledger.run(OverdueRooms()) == []


def test_who_died_between_taking_a_dead_bot_s_room_and_launching_another_is_followed_up(
    reaper, launches, ledger, joined, puppet
):
    dead = puppet().go_live()
    ledger.run(Supersede(STAGE, "a-new-token", owner=dead.owner))  # and then nothing
    ledger.run(SetDeadline(STAGE, timedelta(0)))
    assert reaper.reap() == {Found.PENDING: 1}
    assert len(launches.asked) == 1  # whoever did it may still be at it
    ledger.pass_time(STARTS_WITHIN)

    assert reaper.reap() == {Found.PENDING: 1}

    assert launches.session_ids == [joined.session_id] * 2
    assert launches.asked[-1][1] == "a-new-token"
    assert told(ledger, joined)[-2:] == ["lost", "pending"]
    assert puppet().go_live().session.epoch > dead.session.epoch


def test_a_claim_that_has_just_taken_over_an_overdue_room_is_given_its_time(reaper, ledger):
    """It was taken back between its claim and its record, and its bot could not adopt it."""
    ledger.run(a_claim("a-token"))
    ledger.run(SetDeadline(STAGE, timedelta(0)))

    assert reaper.reap() == {Found.PENDING: 1}
    assert ledger.run(ReadRoom(STAGE)).lease.token == "a-token"
    assert ledger.run(OverdueRooms()) == []
    ledger.pass_time(STARTS_WITHIN)
    assert ledger.run(OverdueRooms()) == [STAGE]


# When all slots are taken


@pytest.fixture
def crowded(ledger, staffed):
    ledger.run(a_report(free=0))


def wait(ledger, reaper, seconds, *, meanwhile=lambda: None, every=20):
    """Seconds go by; a reaper looks every three of them, and something is done every few."""
    for second in range(1, seconds + 1):
        ledger.pass_time(timedelta(seconds=1))
        if second % every == 0:
            meanwhile()
        if second % 3 == 0:
            reaper.reap()


@pytest.mark.usefixtures("crowded")
def test_a_session_that_waits_for_a_slot_is_not_launched_again(reaper, launches, ledger, joined):
    wait(ledger, reaper, 40)

    assert len(launches.asked) == 1
    assert session_of(ledger, joined).state is State.PENDING


@pytest.mark.usefixtures("crowded")
def test_a_place_is_kept_for_as_long_as_its_caller_asks_again(
    reaper, joining, launches, ledger, joined, puppet
):
    wait(ledger, reaper, 300, meanwhile=lambda: joining.join(an_order()))

    assert session_of(ledger, joined).state is State.PENDING
    assert launches.session_ids == [joined.session_id]
    puppet().go_live()


@pytest.mark.usefixtures("crowded")
def test_an_abandoned_place_is_given_up_within_a_minute_and_says_why(reaper, launches, ledger, joined):
    wait(ledger, reaper, 60)

    ended = session_of(ledger, joined)
    assert (ended.state, ended.reason) == (State.ENDED, Reason.NOT_ASKED_FOR)
    detail = ledger.run(ReadEvents(joined.session_id))[-1].detail
    assert detail.startswith("nobody asked for its place in line any more, and all 4 slots stayed taken")
    assert ledger.run(ReadRoom(STAGE)).lease is None
    assert launches.session_ids == [joined.session_id]


@pytest.mark.usefixtures("crowded")
def test_a_place_that_was_abandoned_later_is_given_up_within_a_minute_of_that(
    reaper, joining, ledger, joined
):
    wait(ledger, reaper, 100, meanwhile=lambda: joining.join(an_order()))
    assert session_of(ledger, joined).state is State.PENDING
    wait(ledger, reaper, 60)

    assert session_of(ledger, joined).reason is Reason.NOT_ASKED_FOR


def test_without_a_worker_that_is_why(reaper, ledger, joined):
    ledger.run(Report(replace(a_report().host, draining=True), {}))
    wait(ledger, reaper, 60)

    assert session_of(ledger, joined).reason is Reason.NO_WORKER
    assert "no worker for bots lives" in ledger.run(ReadEvents(joined.session_id))[-1].detail


@pytest.mark.usefixtures("crowded")
@pytest.mark.parametrize("waited", [30, 90, 600])
def test_a_session_whose_turn_comes_is_launched_though_its_launch_was_lost(
    reaper, joining, launches, ledger, joined, waited
):
    wait(ledger, reaper, waited, meanwhile=lambda: joining.join(an_order()))
    ledger.run(a_report(free=1))
    wait(ledger, reaper, 24)

    assert launches.session_ids == [joined.session_id] * 2
    assert session_of(ledger, joined).state is State.PENDING


@pytest.mark.usefixtures("crowded")
def test_whose_turn_has_just_come_is_neither_launched_twice_nor_given_up(
    reaper, joining, launches, ledger, joined, puppet
):
    """They had waited for longer than a claim lasts, and were given up in the moment in which a slot was free."""
    wait(ledger, reaper, 90, meanwhile=lambda: joining.join(an_order()))
    ledger.run(a_report(free=4))
    ledger.run(SetDeadline(STAGE, timedelta(0)))
    reaper.reap()

    assert session_of(ledger, joined).state is State.PENDING
    assert launches.session_ids == [joined.session_id]
    puppet().go_live()


@pytest.mark.usefixtures("crowded")
def test_slots_that_get_free_and_are_taken_again_by_others_do_not_use_up_ones_launches(
    reaper, joining, launches, ledger, joined
):
    for _ in range(20):
        wait(ledger, reaper, 12, meanwhile=lambda: joining.join(an_order()), every=6)
        ledger.run(a_report(free=1))
        wait(ledger, reaper, 12, meanwhile=lambda: joining.join(an_order()), every=6)
        ledger.run(a_report(free=0))

    assert session_of(ledger, joined).state is State.PENDING


@pytest.mark.usefixtures("crowded")
def test_a_launch_that_got_lost_in_line_comes_again_as_soon_as_who_came_later_is_served(
    reaper, joining, launches, ledger, joined, puppet
):
    """Slots that are taken the moment they get free are never seen free."""
    ledger.pass_time(A_MOMENT)
    joining.join(an_order(CELLAR, user_id="bob"))
    later = puppet()

    def ask():
        joining.join(an_order())

    wait(ledger, reaper, 30, meanwhile=ask)
    assert len(launches.asked) == 2
    later.go_live()

    def ask_while_it_lives():
        ask()
        later.beat()

    wait(ledger, reaper, 24, meanwhile=ask_while_it_lives, every=6)

    assert launches.session_ids[2:] == [joined.session_id]
    puppet().go_live()


@pytest.mark.usefixtures("crowded")
def test_who_asks_again_keeps_the_place_though_no_reaper_looks(joining, launches, ledger, joined, puppet):
    for _ in range(30):
        ledger.pass_time(timedelta(seconds=20))
        assert joining.join(an_order()).session_id == joined.session_id

    puppet().go_live()


@pytest.mark.usefixtures("crowded")
def test_a_session_that_was_parked_and_for_which_no_slot_came_says_so(reaper, ledger, joined, puppet):
    bot = puppet().go_live()
    follow(ledger, park(bot.session, owner=bot.owner, launches=RememberedLaunches()))
    wait(ledger, reaper, int(PARKED_FOR.total_seconds()))

    assert session_of(ledger, joined).reason is Reason.NO_SLOT
    assert "all 4 slots stayed taken for" in ledger.run(ReadEvents(joined.session_id))[-1].detail


@pytest.mark.usefixtures("crowded")
def test_the_lost_launch_of_a_parked_session_comes_again_however_late_its_turn_does(
    reaper, launches, ledger, joined, puppet
):
    bot = puppet().go_live()
    follow(ledger, park(bot.session, owner=bot.owner, launches=launches))
    wait(ledger, reaper, 580)
    ledger.run(a_report(free=1))
    wait(ledger, reaper, 24)

    assert launches.session_ids[2:] == [joined.session_id]
    puppet().go_live()


@pytest.mark.parametrize("looks_every", [1, 3, 7, 11, 19, 27, 33, 55, 64, 130])
@pytest.mark.parametrize("free", [0, 1])
def test_however_late_one_looks_an_accepted_join_is_decided(reaper, ledger, joined, looks_every, free):
    """Its launches get lost, all of them, and nobody asks again."""
    ledger.run(a_report(free=free))
    for second in range(6 * looks_every + 90):
        ledger.pass_time(timedelta(seconds=1))
        if second % looks_every == 0:
            reaper.reap()

    assert session_of(ledger, joined).state is State.ENDED
    assert ledger.run(ReadRoom(STAGE)).lease is None
    assert ledger.run(OverdueRooms()) == []


def test_what_goes_wrong_with_one_room_keeps_no_other_from_being_looked_after(
    reaper, joining, launches, ledger, joined, monkeypatch
):
    ledger.pass_time(A_MOMENT)
    other = joining.join(an_order(CELLAR, user_id="bob"))
    ledger.pass_time(STARTS_WITHIN)
    launch = launches.launch

    def launch_all_but_the_first(session, *about, **more):
        if session.id == joined.session_id:
            raise ValueError("a fault of ours")
        return launch(session, *about, **more)

    monkeypatch.setattr(launches, "launch", launch_all_but_the_first)
    reaper.reap()

    assert launches.session_ids == [joined.session_id, other.session_id, other.session_id]
    assert ledger.run(OverdueRooms()) == []


def test_of_many_who_wait_each_gets_a_bot_or_had_stopped_asking(ledger, staffed):
    """25 rooms on 4 slots; launches get lost now and then, and every fifth caller goes away."""
    crowd = Crowd(ledger, rooms=25, slots=4, lose=lambda number: number % 7 == 3)
    crowd.play(seconds=700)

    assert set(crowd.became.values()) <= {"live", Reason.NOT_ASKED_FOR}
    assert crowd.became.keys() == set(range(25))
    assert all(crowd.became[number] == "live" for number in range(25) if not crowd.stops_asking(number))
    assert Counter(crowd.became.values())["live"] >= 20


class Crowd:
    """Callers who ask every few seconds, a queue that loses some launches, and workers whose bots live for a while."""

    LIVES = 40  # seconds

    def __init__(self, ledger, *, rooms, slots, lose):
        self.ledger, self.slots, self.lose = ledger, slots, lose
        self.launches = RememberedLaunches()
        self.joining, self.reaper = Joining(ledger, self.launches), Reaper(ledger, self.launches)
        self.positions = Positions(ledger)
        self.rooms = {number: Room.parse(f"local:crowd-{number}") for number in range(rooms)}
        self.became, self.sessions, self.on = {}, {}, {}
        self.pushed = self.taken = 0
        ledger.server.delete(LAUNCHES)

    def stops_asking(self, number):
        return number % 5 == 4

    def report(self):
        host = Host("bots@stage", "bots", slots=self.slots, used=len(self.on), incarnation="1")
        self.ledger.run(Report(host, {}, lasts=timedelta(days=1)))

    def play(self, *, seconds):
        self.report()
        for second in range(seconds):
            if len(self.became) == len(self.rooms):
                return
            for number, room in self.rooms.items():
                asks = second < 8 or not self.stops_asking(number)
                if asks and number not in self.became and second % 8 == number % 8:
                    joined = self.joining.join(an_order(room, user_id=f"user-{number}"))
                    if self.sessions.setdefault(joined.session_id, number) == number and not joined.reused:
                        assert list(self.sessions.values()).count(number) == 1, "it lost its place"
            self.ledger.pass_time(timedelta(seconds=1))
            self._work(second)
            if second % 3 == 0:
                self.reaper.reap()
                self.positions.tell()
            for session in self.ledger.run(ReadSessions(list(self.sessions))):
                if session.state is State.ENDED:
                    self.became.setdefault(self.sessions[session.id], session.reason)

    def _work(self, second):
        for bot, until in list(self.on.items()):
            if second >= until:
                bot.leave()
                del self.on[bot]
            elif second % 3 == 0:
                bot.beat()
        while len(self.on) < self.slots and (token := self.ledger.server.rpop(LAUNCHES)):
            number = self.taken
            self.taken += 1
            session = next(session for session, asked in self.launches.asked if asked == token)
            if self.lose(number):
                continue
            bot = Puppet(self.ledger, session, token, owner=f"bots@stage/job/{number}")
            if bot.adopt() is not Adoption.ADOPTED:
                continue
            bot.enter(State.JOINING)
            self.ledger.run(LeaveLine(session.id))
            bot.enter(State.LIVE)
            self.on[bot] = second + self.LIVES
            self.became[self.sessions[session.id]] = "live"
        self.report()


# Who waits gets the slot of a bot that is alone


def asked(bot):
    before = len(bot.heard)
    bot.obey()
    return [kind for kind, _ in bot.heard[before:]]


@pytest.fixture
def alone(joining, ledger, puppet):
    """Two bots to whom nobody has come, and one that somebody is with; all slots are theirs."""
    bots = []
    for name in ("a", "b", "c"):
        ledger.pass_time(A_MOMENT)
        joining.join(an_order(Room.parse(f"local:{name}"), user_id=name))
        bots.append(puppet().go_live())
    ledger.run(Note(bots[0].session.id, "person_arrived", bots[0].session.epoch, person="a"))
    ledger.run(a_report(free=0))
    return bots


def test_who_waits_is_given_the_slot_of_the_bot_that_has_been_alone_for_longest(
    reaper, joining, ledger, alone
):
    ledger.pass_time(GIVES_WAY_AFTER)
    assert free_slots(ledger) == 0  # nobody waits
    joining.join(an_order())

    assert [free_slots(ledger), free_slots(ledger)] == [1, 1]
    assert [asked(bot) for bot in alone] == [[], ["give_way"], []]


def test_a_bot_is_left_alone_for_a_while_before_it_gives_way(joining, ledger, alone):
    joining.join(an_order())
    ledger.pass_time(GIVES_WAY_AFTER - timedelta(seconds=1))
    assert free_slots(ledger) == 0
    ledger.pass_time(timedelta(seconds=1))
    assert free_slots(ledger) == 1


def test_no_bot_gives_way_where_there_is_a_slot(joining, ledger, alone):
    ledger.pass_time(GIVES_WAY_AFTER)
    ledger.run(a_report(free=1))
    joining.join(an_order())

    assert free_slots(ledger) == 0


def test_whose_person_has_left_gives_way_and_whose_person_is_there_never_does(joining, ledger, alone):
    alone[0].enter(State.WAITING)
    ledger.pass_time(GIVES_WAY_AFTER)
    for number in range(5):
        joining.join(an_order(Room.parse(f"local:waits-{number}"), user_id=f"waits-{number}"))
    ledger.run(Note(alone[2].session.id, "person_arrived", alone[2].session.epoch, person="c"))

    assert free_slots(ledger) == 2
    assert [asked(bot) for bot in alone] == [["give_way"], ["give_way"], []]


# Positions


def positions(ledger, joined):
    return [event.detail for event in ledger.run(ReadEvents(joined.session_id)) if event.event == "queued"]


@pytest.fixture
def waiting(joining, ledger, crowded):
    """Three that wait, in the order in which they came."""
    joined = []
    for name in ("a", "b", "c"):
        ledger.pass_time(A_MOMENT)
        joined.append(joining.join(an_order(Room.parse(f"local:{name}"), user_id=name)))
    return joined


def test_those_who_wait_are_told_where_they_stand_once(waiting_line, ledger, waiting):
    for _ in range(3):
        waiting_line.tell()

    assert [positions(ledger, each) for each in waiting] == [["position 1"], ["position 2"], ["position 3"]]


def test_who_moves_up_is_told_so(waiting_line, leaving, ledger, waiting):
    waiting_line.tell()
    leaving.leave_session(waiting[1].session_id)
    waiting_line.tell()

    assert [positions(ledger, each) for each in waiting] == [
        ["position 1"],
        ["position 2"],
        ["position 3", "position 2"],
    ]


def test_who_has_a_slot_is_told_nothing(waiting_line, ledger, waiting):
    ledger.run(a_report(free=2))
    waiting_line.tell()

    assert [positions(ledger, each) for each in waiting] == [[], [], ["position 1"]]


def test_whoever_has_started_or_gone_leaves_the_line(
    waiting_line, overview, launches, ledger, puppet, waiting
):
    """Their bots died before they could say that they had been started."""
    first = puppet()
    assert first.session.id == waiting[2].session_id
    first.adopt()
    first.enter(State.JOINING)
    gone = session_of(ledger, waiting[0])
    ledger.run(Withdraw(gone.room, gone.epoch))
    waiting_line.tell()

    assert overview.position(session_of(ledger, waiting[1])) == 2
    ledger.pass_time(timedelta(days=3))
    waiting_line.tell()
    assert overview.position(a_session(waiting[1].session_id)) is None


# What a parent tells of its child


def test_the_session_of_a_bot_whose_process_is_known_to_be_dead_goes_on_at_once(
    reaper, launches, ledger, joined, puppet
):
    dead = puppet().go_live()

    assert reaper.lost(joined.session_id, owner=dead.owner, failure=DIED) is True

    session = session_of(ledger, joined)
    assert (session.state, len(session.crashes)) == (State.PENDING, 1)
    assert session.epoch > dead.session.epoch
    lost = ledger.run(ReadEvents(joined.session_id))[-2]
    assert (lost.event, lost.detail) == ("lost", "died with its process")
    assert dead.beat() is Beaten.SUPERSEDED
    puppet().go_live()
    assert session_of(ledger, joined).state is State.LIVE


def test_a_death_that_is_told_twice_is_one(reaper, launches, ledger, joined, puppet):
    dead = puppet().go_live()
    reaper.lost(joined.session_id, owner=dead.owner, failure=DIED)

    assert reaper.lost(joined.session_id, owner=dead.owner, failure=DIED) is False
    puppet().go_live()
    assert reaper.lost(joined.session_id, owner=dead.owner, failure=DIED) is False
    assert len(session_of(ledger, joined).crashes) == 1
    assert len(launches.asked) == 2


def test_a_bot_whose_time_was_over_when_it_died_is_not_followed_by_another(
    reaper, launches, ledger, joined, puppet, joining
):
    dead = puppet().go_live()

    assert reaper.lost(joined.session_id, owner=dead.owner, failure=DIED, over=Reason.MAX_DURATION) is True

    assert session_of(ledger, joined).reason is Reason.MAX_DURATION
    assert ledger.run(LiveSessions()) == []
    assert len(launches.asked) == 1
    assert reaper.lost(joined.session_id, owner=dead.owner, failure=DIED, over=Reason.MAX_DURATION) is False
    assert joining.join(an_order()).reused is False


@pytest.mark.parametrize("over", [None, Reason.MAX_DURATION])
def test_the_death_of_a_process_that_had_not_the_room_changes_nothing(reaper, ledger, joined, puppet, over):
    alive = puppet().go_live()

    assert reaper.lost(joined.session_id, owner="bots@stage/job/another", failure=DIED, over=over) is False
    assert alive.beat() is Beaten.KEPT
    assert session_of(ledger, joined).state is State.LIVE


def test_a_bot_that_had_left_before_its_process_died_stays_as_it_ended(
    reaper, launches, ledger, joined, puppet
):
    bot = puppet().go_live()
    bot.leave(Reason.IDLE)

    assert reaper.lost(joined.session_id, owner=bot.owner, failure=DIED) is False
    assert session_of(ledger, joined).reason is Reason.IDLE
    assert len(launches.asked) == 1


def test_a_bot_that_died_between_its_end_and_giving_up_its_room_frees_it(
    reaper, launches, ledger, joined, puppet
):
    bot = puppet().go_live()
    bot.enter(State.ENDED, Reason.IDLE)

    reaper.lost(joined.session_id, owner=bot.owner, failure=DIED)

    assert ledger.run(ReadRoom(STAGE)).lease is None
    assert session_of(ledger, joined).reason is Reason.IDLE
    assert len(launches.asked) == 1


@pytest.mark.parametrize("over", [None, Reason.MAX_DURATION])
def test_the_death_of_an_unknown_session_is_no_matter(reaper, over):
    assert reaper.lost("nobody", owner="bots@stage/job/0", failure=DIED, over=over) is False


# What a worker finds that the one before it held


@pytest.fixture
def two(joining, ledger, puppet):
    """Two bots of one worker, by session."""
    bots = []
    for room in (STAGE, CELLAR):
        joining.join(an_order(room, user_id=f"of-{room.name}"))
        bots.append(puppet().go_live())
    return bots


def held(bots):
    return {bot.session.id: bot.owner for bot in bots}


def test_what_the_worker_before_held_goes_on_as_soon_as_it_has_missed_a_beat(reaper, launches, ledger, two):
    ledger.pass_time(MISSED_A_BEAT)

    assert reaper.inherit("bots@stage", held(two)) == {}

    assert launches.session_ids[2:] == [bot.session.id for bot in two]
    for bot in two:
        assert ledger.run(ReadSession(bot.session.id)).state is State.PENDING
        assert ledger.run(ReadEvents(bot.session.id))[-2].detail == (
            "died with its worker bots@stage, and was last heard 3 seconds before"
        )


def test_what_still_beats_is_looked_at_again_and_left_alone(reaper, launches, ledger, two):
    """Its parent was killed, and it has not noticed yet."""
    dead, alive = two
    ledger.pass_time(MISSED_A_BEAT)
    alive.beat()

    undecided = reaper.inherit("bots@stage", held(two))

    assert undecided == held([alive])
    assert launches.session_ids[2:] == [dead.session.id]
    ledger.pass_time(timedelta(seconds=1))
    assert reaper.inherit("bots@stage", undecided) == undecided
    ledger.pass_time(MISSED_A_BEAT)
    assert reaper.inherit("bots@stage", undecided) == {}
    assert launches.session_ids[3:] == [alive.session.id]


def test_what_has_another_bot_by_now_or_has_ended_is_not_inherited(reaper, launches, ledger, puppet, two):
    gone, lost = two
    gone.leave()
    reaper.lost(lost.session.id, owner=lost.owner, failure=DIED)
    puppet().go_live()
    ledger.pass_time(MISSED_A_BEAT)
    before = len(launches.asked)

    inherited = {**held(two), "nobody": "bots@stage/job/7"}

    assert reaper.inherit("bots@stage", inherited) == {}
    assert len(launches.asked) == before


def test_what_a_worker_held_is_what_it_last_said(reaper, ledger):
    assert reaper.held_by("bots@stage") == {}
    ledger.run(Report(a_report().host, {"a-session": "bots@stage/job/1"}))

    assert reaper.held_by("bots@stage") == ledger.run(ReadHeld("bots@stage"))
    assert reaper.held_by("bots@stage") == {"a-session": "bots@stage/job/1"}


# What nobody says


def test_a_session_whose_room_is_nobody_s_for_long_is_ended(ledger, joined, puppet):
    puppet().go_live()
    ledger.free(STAGE)
    ledger.pass_time(ORPHANED_AFTER - timedelta(seconds=1))
    assert sweep(ledger) == 0
    ledger.pass_time(timedelta(seconds=1))

    assert sweep(ledger) == 1
    assert session_of(ledger, joined).reason is Reason.ERROR
    assert ledger.run(LiveSessions()) == []
    assert sweep(ledger) == 0


def test_a_session_that_never_started_and_lost_its_room_has_failed_to_launch(ledger, joined):
    ledger.pass_time(ORPHANED_AFTER)

    assert sweep(ledger) == 1
    assert session_of(ledger, joined).reason is Reason.LAUNCH_FAILED


def test_a_session_whose_room_is_another_s_is_ended_and_the_other_is_not(
    reaper, joining, ledger, joined, puppet
):
    puppet().go_live()
    ledger.free(STAGE)
    ledger.pass_time(ORPHANED_AFTER)
    second = joining.join(an_order())
    puppet().go_live()

    assert sweep(ledger) == 1
    assert session_of(ledger, joined).state is State.ENDED
    assert session_of(ledger, second).state is State.LIVE


def test_a_long_quiet_session_that_has_its_room_is_left_alone(ledger, joined, puppet):
    puppet().go_live()
    ledger.pass_time(ORPHANED_AFTER * 10)

    assert sweep(ledger) == 0


def test_what_has_ended_and_was_not_forgotten_is_forgotten(reaper, ledger, joined, puppet, overview):
    bot = puppet().go_live()
    bot.enter(State.ENDED, Reason.LEFT)
    assert ledger.run(LiveSessions()) == [joined.session_id]

    assert overview.sessions() == ([], None)
    assert ledger.run(LiveSessions()) == []


def test_a_listed_session_without_a_record_is_forgotten(ledger):
    ledger.run(Create(a_session()))
    ledger.pass_time(timedelta(days=3))

    assert sweep(ledger) == 0
    assert ledger.run(LiveSessions()) == []
