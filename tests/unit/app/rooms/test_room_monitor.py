"""Presence: a room with people and no bot gets one, unless it must not."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from greenroom.app.errors.rooms import ProviderAway
from greenroom.app.providers.local import Local
from greenroom.app.rooms.brief import Mode
from greenroom.app.rooms.creating import Limits
from greenroom.app.rooms.leases import ReadRoom
from greenroom.app.rooms.moves import CommitMove, Target
from greenroom.app.rooms.providers import Providers
from greenroom.app.rooms.room_monitor import COOLDOWN, Outcome, RoomMonitor
from greenroom.app.rooms.session_events import Happened, Note, ReadEvents
from greenroom.app.rooms.sessions import ReadSession, Reason
from tests.rigs.makers import CELLAR, STAGE, adopted, an_order

pytestmark = pytest.mark.usefixtures("staffed")

MINUTE = timedelta(minutes=1)


@pytest.fixture
def monitor(ledger, joining, rooms):
    return RoomMonitor(
        ledger, joining, Providers.of([rooms, Local()]), bots={"assistant", "other"}, default_bot="assistant"
    )


@pytest.fixture
def once(joining, puppet, rooms, hall, ledger):
    """Ada talked with a bot there, and both have gone, or it alone."""

    def there_was(reason, *, with_ada_there=True, persistence=timedelta(0), **more):
        joining.join(an_order(hall, persistence=persistence, **more))
        bot = puppet().go_live()
        if with_ada_there:
            rooms.arrive(hall, "ada")
        ledger.pass_time(MINUTE)
        if reason is not None:
            bot.leave(reason)
        return bot

    return there_was


def test_people_whose_bot_is_gone_get_one_as_it_was(monitor, once, hall, ledger, launches):
    once(
        Reason.ROOM_GONE,
        bot="other",
        persona="A pirate.",
        voice="deep",
        metadata={"a": 1},
        mode=Mode.FORUM,
        link="a-link",
    )

    assert monitor.look(hall) is Outcome.SERVED
    session = launches.asked[-1][0]
    assert ledger.run(ReadRoom(hall)).lease.session_id == session.id
    brief = session.brief
    assert (brief.user_id, brief.bot, brief.persona) == ("ada", "other", "A pirate.")
    assert (brief.voice, brief.metadata, brief.mode) == ("deep", {"a": 1}, Mode.FORUM)
    assert brief.conversation_id != "a-conversation"  # of whoever was there before
    assert session.link == "a-link"


def test_a_bot_that_is_not_known_any_more_is_replaced_by_the_default_one(monitor, once, hall, launches):
    once(Reason.ROOM_GONE, bot="retired")
    monitor.look(hall)

    assert launches.asked[-1][0].brief.bot == "assistant"


def test_a_room_gets_one_bot_in_half_a_minute(monitor, once, hall, ledger, puppet, launches):
    once(Reason.ROOM_GONE)
    assert monitor.look(hall) is Outcome.SERVED
    puppet().go_live().leave(Reason.ERROR)

    assert monitor.look(hall) is Outcome.TOO_SOON
    ledger.pass_time(COOLDOWN)
    assert monitor.look(hall) is Outcome.SERVED
    assert len(launches.asked) == 3


def test_it_says_who_was_given_which_bot_and_the_sessions_history_why(monitor, once, rooms, hall, ledger):
    once(Reason.ROOM_GONE, bot="other")
    rooms.arrive(hall, "bob")

    with capture_logs() as lines:
        monitor.look(hall)

    (sent,) = [line for line in lines if line["event"] == "presence_bot_joined"]
    assert (sent["room"], sent["people"], sent["bot"]) == (str(hall), 2, "other")
    history = ledger.run(ReadEvents(sent["session_id"]))
    assert [(each.event, each.detail) for each in history if each.event == "sent_to_people"] == [
        ("sent_to_people", "2 people were in the room without a bot")
    ]


def test_it_says_for_how_long_a_room_is_passed_over(monitor, once, hall, ledger, puppet):
    once(Reason.ROOM_GONE)
    monitor.look(hall)
    puppet().go_live().leave(Reason.ERROR)
    ledger.pass_time(timedelta(seconds=10))

    with capture_logs() as lines:
        monitor.look(hall)

    (delayed,) = [line for line in lines if line["event"] == "presence_bot_delayed"]
    assert (delayed["room"], delayed["people"], delayed["because"]) == (str(hall), 1, "cooldown")
    assert 15 < delayed["seconds_left"] <= 20


@pytest.mark.parametrize("more", [{"is_bot": True}, {"is_bot": True, "session_id": "s", "epoch": 1}])
def test_where_any_bot_is_none_comes(monitor, once, rooms, hall, more):
    once(Reason.ROOM_GONE)
    rooms.arrive(hall, "agent-1", **more)

    assert monitor.look(hall) is Outcome.HAS_A_BOT


def test_where_one_is_on_its_way_none_comes(monitor, joining, rooms, hall, launches):
    joining.join(an_order(hall))
    rooms.arrive(hall, "ada")

    assert monitor.look(hall) is Outcome.LEASED
    assert len(launches.asked) == 1


def test_a_room_that_was_never_ours_is_none_of_its_business(monitor, rooms, hall, launches):
    rooms.arrive(hall, "ada")

    assert monitor.look(hall) is Outcome.NEVER_OURS
    assert monitor.sweep() == {}
    assert rooms.asked == 1  # which rooms are busy
    assert launches.asked == []


DISMISSING = [Reason.LEFT, Reason.IDLE, Reason.NO_SHOW, Reason.MAX_DURATION, Reason.EJECTED]
DISMISSING += [Reason.CRASHED_TOO_OFTEN]


@pytest.mark.parametrize("reason", DISMISSING)
def test_people_who_stay_when_their_bot_is_sent_away_get_none(monitor, once, hall, ledger, reason):
    once(reason)

    assert monitor.look(hall) is Outcome.DISMISSED
    ledger.pass_time(COOLDOWN * 10)
    assert monitor.look(hall) is Outcome.DISMISSED
    assert monitor.sweep() == {Outcome.DISMISSED: 1}


def test_who_comes_after_they_have_gone_gets_one(monitor, once, rooms, hall, ledger):
    once(Reason.LEFT)
    rooms.depart(hall, "ada")
    assert monitor.look(hall) is Outcome.EMPTY
    ledger.pass_time(MINUTE)
    rooms.arrive(hall, "bob")

    assert monitor.look(hall) is Outcome.SERVED


def test_a_finished_room_is_a_new_one(monitor, once, hall):
    once(Reason.LEFT)
    monitor.emptied(hall)

    assert monitor.look(hall) is Outcome.SERVED


def test_that_a_room_was_empty_before_its_bot_was_sent_away_says_nothing(monitor, once, rooms, hall, ledger):
    bot = once(None)
    rooms.depart(hall, "ada")
    monitor.look(hall)
    ledger.pass_time(MINUTE)
    rooms.arrive(hall, "ada")
    bot.leave(Reason.LEFT)

    assert monitor.look(hall) is Outcome.DISMISSED


def test_who_comes_back_just_after_an_idle_bot_has_left_gets_one(monitor, once, rooms, hall, ledger):
    bot = once(None, persistence=MINUTE)
    rooms.depart(hall, "ada")
    monitor.look(hall)
    ledger.pass_time(MINUTE)
    bot.leave(Reason.IDLE)
    rooms.arrive(hall, "ada")

    assert monitor.look(hall) is Outcome.SERVED


def test_people_who_said_nothing_for_long_get_no_other_bot_although_the_room_was_empty_shortly_before(
    monitor, once, rooms, hall, ledger
):
    bot = once(None, persistence=MINUTE)
    rooms.depart(hall, "ada")
    monitor.look(hall)
    rooms.arrive(hall, "bob")
    arrival = Note(bot.session.id, Happened.PERSON_ARRIVED, bot.session.epoch, person="bob")
    ledger.run(arrival)
    ledger.pass_time(MINUTE / 2)

    bot.leave(Reason.IDLE)  # with bob there

    assert monitor.look(hall) is Outcome.DISMISSED


def test_a_session_that_is_not_over_is_looked_after_by_others(monitor, once, hall, ledger):
    once(None)
    ledger.free(hall)

    assert monitor.look(hall) is Outcome.NOT_OVER


def test_local_rooms_cannot_tell(monitor, joining, puppet):
    joining.join(an_order(STAGE))
    puppet().go_live().leave(Reason.ROOM_GONE)

    assert monitor.look(STAGE) is Outcome.UNKNOWN


def test_the_sweep_finds_them_all(monitor, once, rooms, hall, launches):
    once(Reason.ROOM_GONE)
    rooms.arrive(rooms.room("others"), "eve")

    assert monitor.sweep() == {Outcome.SERVED: 1}
    assert launches.asked[-1][0].room == hall


def test_a_server_that_does_not_answer_is_no_empty_room(monitor, once, rooms, hall, ledger):
    once(Reason.LEFT)
    rooms.is_away = True

    with pytest.raises(ProviderAway):
        monitor.look(hall)
    assert monitor.sweep() == {Outcome.AWAY: 1}
    rooms.is_away = False
    assert monitor.look(hall) is Outcome.DISMISSED


def test_while_nobody_can_be_served_the_room_is_looked_at_again(monitor, once, hall, ledger, monkeypatch):
    once(Reason.ROOM_GONE)
    monkeypatch.setattr("greenroom.app.rooms.serving.LIMITS", Limits(line=0))
    assert monitor.look(hall) is Outcome.UNSERVED
    monkeypatch.undo()
    ledger.pass_time(COOLDOWN)

    assert monitor.look(hall) is Outcome.SERVED


def test_the_session_that_ended_stays_ended(monitor, once, hall, ledger):
    bot = once(Reason.ROOM_GONE)
    monitor.look(hall)

    assert ledger.run(ReadSession(bot.session.id)).reason is Reason.ROOM_GONE


# A bot that has moved


@pytest.fixture
def moved(once, asked_moves, ledger, hall):
    """Ada's bot has gone to another room; whoever else was there still is."""
    bot = once(None)
    asked_moves.move(ledger.run(ReadSession(bot.session.id)), CELLAR, {})
    target = Target.of(ledger.run(ReadSession(bot.session.id)))
    adopted(ledger, target.token, room=CELLAR, owner=bot.owner)
    ledger.run(CommitMove(ledger.run(ReadSession(bot.session.id)), target, bot.owner))
    return bot


def test_whoever_is_left_behind_by_a_bot_gets_one_that_is_like_it(
    monitor, moved, rooms, hall, ledger, launches
):
    rooms.arrive(hall, "bob")

    assert monitor.look(hall) is Outcome.SERVED
    session = launches.asked[-1][0]
    assert (session.room, session.brief.user_id, session.brief.personality) == (hall, "bob", "host")
    assert session.id != moved.session.id
    assert ledger.run(ReadSession(moved.session.id)).room == CELLAR


def test_whoever_follows_their_bot_gets_no_other_one(monitor, moved, hall, launches):
    assert monitor.look(hall) is Outcome.FOLLOWS
    assert len(launches.asked) == 1


def test_nobody_s_bot_is_fetched_from_another_room(monitor, once, joining, puppet, hall, ledger, launches):
    once(Reason.ROOM_GONE)
    joining.join(an_order(CELLAR))
    elsewhere = puppet().go_live()

    assert monitor.look(hall) is Outcome.SERVED
    assert launches.moves == []
    assert ledger.run(ReadSession(elsewhere.session.id)).procedure is None
