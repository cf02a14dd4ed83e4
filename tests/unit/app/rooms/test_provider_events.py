"""Evidence: what a provider says leads to a look, and the look decides."""

from datetime import timedelta

import pytest

from greenroom.app.providers.local import Local
from greenroom.app.rooms.leases import DOUBT_LASTS, STALE_AFTER, Beaten, ReadRoom
from greenroom.app.rooms.provider_events import LOOKS_AT_MOST, MISSED_TWO_BEATS, SETTLES_WITHIN, Weighing
from greenroom.app.rooms.providers import Providers, RoomEvent
from greenroom.app.rooms.reaping import Reaper
from greenroom.app.rooms.reviving import Reviving
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.room_monitor import RoomMonitor
from greenroom.app.rooms.session_events import ReadEvents
from greenroom.app.rooms.sessions import STARTS_WITHIN, ReadSession, Reason, State
from tests.rigs.makers import DIED, a_report, an_order

pytestmark = pytest.mark.usefixtures("staffed")

SECOND = timedelta(seconds=1)


@pytest.fixture
def providers(rooms):
    return Providers.of([rooms, Local()])


@pytest.fixture
def weighing(ledger, launches, joining, providers):
    monitor = RoomMonitor(ledger, joining, providers, bots={"assistant"}, default_bot="assistant")
    return Weighing(ledger, Reviving(ledger, launches, providers), monitor, providers)


@pytest.fixture
def bot(joining, puppet, hall, rooms):
    joining.join(an_order(hall))
    return in_room(puppet().go_live(), rooms)


def in_room(bot, rooms):
    session = bot.session
    bot.stay = rooms.arrive(
        session.room, "bot:hall", is_bot=True, session_id=session.id, epoch=session.epoch, sid="PA_1"
    )
    return bot


def left(weighing, bot, **more):
    """Its room says that it left."""
    return weighing.weigh(
        RoomEvent.PARTICIPANT_LEFT, bot.session.room, bot.session.id, bot.session.epoch, **more
    )


def die(bot, rooms, ledger, *, quiet_for=MISSED_TWO_BEATS):
    rooms.depart(bot.session.room, "bot:hall")
    ledger.pass_time(quiet_for)


def test_a_bot_that_left_its_room_and_is_not_heard_has_a_successor_at_once(
    weighing, bot, rooms, ledger, launches
):
    die(bot, rooms, ledger)

    assert left(weighing, bot) is None
    session, _ = launches.asked[-1]
    assert session.id == bot.session.id and session.epoch > bot.session.epoch
    assert bot.beat() is Beaten.SUPERSEDED
    told = ledger.run(ReadEvents(bot.session.id))
    assert "left its room" in next(event.detail for event in told if event.event == "lost")


def test_it_is_sooner_than_by_its_silence_alone(weighing, bot, rooms, ledger, launches):
    assert MISSED_TWO_BEATS < STALE_AFTER


def test_a_bot_that_beats_is_left_alone(weighing, bot, rooms, ledger, launches):
    rooms.depart(bot.session.room, "bot:hall")
    looks, wait = 1, left(weighing, bot)
    while wait is not None:
        assert looks < LOOKS_AT_MOST
        ledger.pass_time(wait)
        bot.beat()
        looks += 1
        wait = left(weighing, bot, looks=looks)

    assert looks == LOOKS_AT_MOST
    assert len(launches.asked) == 1
    assert bot.beat() is Beaten.KEPT


def test_one_that_was_heard_just_now_is_looked_at_again_and_no_sooner(weighing, bot, rooms, ledger, launches):
    die(bot, rooms, ledger, quiet_for=2 * SECOND)

    wait = left(weighing, bot)
    assert SECOND < wait <= MISSED_TWO_BEATS - 2 * SECOND
    ledger.pass_time(wait)
    assert left(weighing, bot, looks=2) is None
    assert len(launches.asked) == 2


def test_a_bot_that_came_back_into_its_room_is_left_alone(weighing, bot, rooms, ledger, launches):
    ledger.pass_time(MISSED_TWO_BEATS)

    assert left(weighing, bot) is None
    assert len(launches.asked) == 1


def test_late_evidence_about_a_bot_before_says_nothing(weighing, bot, rooms, ledger, launches, puppet):
    die(bot, rooms, ledger)
    left(weighing, bot)
    in_room(puppet().go_live(), rooms)
    ledger.pass_time(MISSED_TWO_BEATS)

    assert left(weighing, bot) is None
    assert len(launches.asked) == 2


def test_evidence_that_comes_twice_has_one_effect(weighing, bot, rooms, ledger, launches):
    die(bot, rooms, ledger)
    for _ in range(3):
        left(weighing, bot)

    assert len(launches.asked) == 2


def test_evidence_about_a_session_of_another_room_says_nothing(weighing, bot, rooms, ledger, launches):
    die(bot, rooms, ledger)
    elsewhere = rooms.room("elsewhere")
    weighing.weigh(RoomEvent.PARTICIPANT_LEFT, elsewhere, bot.session.id, bot.session.epoch)
    weighing.weigh(RoomEvent.PARTICIPANT_LEFT, bot.session.room, "another-session", bot.session.epoch)
    weighing.weigh(RoomEvent.PARTICIPANT_LEFT, bot.session.room, bot.session.id, bot.session.epoch + 1)

    assert len(launches.asked) == 1


def test_while_the_room_cannot_be_asked_it_is_asked_again_and_then_left_to_the_reaper(
    weighing, bot, rooms, ledger, launches
):
    die(bot, rooms, ledger)
    rooms.is_away = True

    assert [left(weighing, bot, looks=looks) for looks in (1, 2, 3)] == [SETTLES_WITHIN, SETTLES_WITHIN, None]
    assert len(launches.asked) == 1


def test_a_finished_room_loses_nothing(weighing, bot, ledger, hall):
    assert weighing.weigh(RoomEvent.ROOM_FINISHED, hall) is None
    assert bot.beat() is Beaten.KEPT
    assert ledger.run(ReadRoom(hall)).lease.session_id == bot.session.id


def test_who_comes_into_a_room_whose_bot_is_gone_gets_one_once_things_have_settled(
    weighing, bot, rooms, hall, launches
):
    rooms.depart(hall, "bot:hall")
    bot.leave(Reason.ROOM_GONE)
    rooms.arrive(hall, "ada")

    assert weighing.weigh(RoomEvent.PARTICIPANT_JOINED, hall) == SETTLES_WITHIN
    assert len(launches.asked) == 1
    assert weighing.weigh(RoomEvent.PARTICIPANT_JOINED, hall, looks=2) is None
    assert len(launches.asked) == 2


def test_that_our_own_bot_came_is_no_news(weighing, bot, rooms, hall):
    assert weighing.weigh(RoomEvent.PARTICIPANT_JOINED, hall, bot.session.id, bot.session.epoch) is None
    assert rooms.asked == 0


def test_people_whose_bot_is_just_going_are_looked_at_once_more(weighing, bot, rooms, hall, ledger, launches):
    """As when their server was restarted: they are back before their bot has noticed."""
    rooms.depart(hall, "bot:hall")
    rooms.arrive(hall, "ada")

    assert weighing.weigh(RoomEvent.PARTICIPANT_JOINED, hall, looks=2) == STARTS_WITHIN
    bot.leave(Reason.ROOM_GONE)
    assert weighing.weigh(RoomEvent.PARTICIPANT_JOINED, hall, looks=3) is None
    assert len(launches.asked) == 2


def test_that_the_last_person_left_is_remembered(weighing, bot, rooms, hall, ledger, launches):
    rooms.arrive(hall, "ada")
    bot.leave(Reason.LEFT)
    rooms.depart(hall, "ada")
    weighing.weigh(RoomEvent.PARTICIPANT_LEFT, hall, looks=2)
    ledger.pass_time(60 * SECOND)
    rooms.arrive(hall, "ada")
    rooms.depart(hall, "bot:hall")
    weighing.weigh(RoomEvent.PARTICIPANT_JOINED, hall, looks=2)

    assert len(launches.asked) == 2


def test_a_room_that_is_not_ours_any_more_is_nothing(weighing):
    assert (
        weighing.weigh(RoomEvent.PARTICIPANT_LEFT, Room.parse("wss://elsewhere.example.com/hall"), "s", 1)
        is None
    )


# Before a bot is replaced that was only not heard, its room is asked


def reap(ledger, launches, providers):
    reaper = Reaper(ledger, launches, providers)
    ledger.pass_time(STALE_AFTER + SECOND)
    reaper.reap()
    ledger.pass_time(DOUBT_LASTS)
    ledger.run(a_report())
    reaper.reap()


def test_a_silent_bot_that_is_still_in_its_room_is_put_out_before_another_comes(
    bot, rooms, ledger, launches, providers
):
    reap(ledger, launches, providers)

    assert rooms.evicted == [bot.stay]
    assert len(launches.asked) == 2


def test_one_that_nobody_can_replace_now_talks_on(bot, rooms, ledger, launches, providers):
    ledger.run(a_report(free=0))
    reaper = Reaper(ledger, launches, providers)
    ledger.pass_time(STALE_AFTER + SECOND)
    reaper.reap()
    ledger.pass_time(DOUBT_LASTS)
    reaper.reap()

    assert rooms.evicted == []
    assert len(launches.asked) == 2


def test_people_and_the_bots_of_others_stay(bot, rooms, ledger, launches, providers, hall):
    rooms.arrive(hall, "ada")
    rooms.arrive(hall, "agent-1", is_bot=True)
    reap(ledger, launches, providers)

    assert {who.identity for who in rooms.there[hall]} == {"ada", "agent-1"}


def test_a_server_that_does_not_answer_stops_no_relaunch(bot, rooms, ledger, launches, providers):
    rooms.is_away = True
    reap(ledger, launches, providers)

    assert rooms.evicted == []
    assert len(launches.asked) == 2


def test_a_bot_that_was_seen_to_die_needs_no_asking(bot, rooms, ledger, launches):
    Reaper(ledger, launches).lost(bot.session.id, owner=bot.owner, failure=DIED)

    assert rooms.asked == 0
    assert ledger.run(ReadSession(bot.session.id)).state is State.PENDING
