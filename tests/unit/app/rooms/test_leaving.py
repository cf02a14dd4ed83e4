"""Leaving: the answer comes when the bot has gone, and twice is fine."""

from datetime import timedelta

import pytest

from greenroom.app.errors.bots import BotSilent
from greenroom.app.errors.rooms import OthersThere
from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.rooms.leases import STALE_AFTER, Adoption, Beaten, LeaseStatus, ReadRoom
from greenroom.app.rooms.leaving import Left
from greenroom.app.rooms.reaping import NOT_HEARD
from greenroom.app.rooms.reviving import Reviving
from greenroom.app.rooms.session_events import Note
from greenroom.app.rooms.session_lists import LiveSessions
from greenroom.app.rooms.sessions import ReadSession, Reason, State
from tests.rigs.makers import DIED, STAGE, a_claim, an_order


@pytest.fixture
def joined(joining):
    return joining.join(an_order())


@pytest.fixture
def bot(joined, puppet, ledger):
    """A live bot that reads its inbox whenever somebody waits."""
    it = puppet().go_live()
    ledger.meanwhile.append(it.obey)
    return it


def test_an_empty_room_is_left_at_once(leaving):
    assert leaving.leave_room(STAGE) == Left("empty")


def test_an_unknown_session_is_not_left(leaving):
    with pytest.raises(NoSuchSession):
        leaving.leave_session("nobody")


def test_a_live_bot_has_left_when_the_answer_comes(leaving, ledger, joined, bot):
    assert leaving.leave_room(STAGE) == Left("left", joined.session_id, Reason.LEFT)

    assert [kind for kind, _ in bot.heard] == ["leave"]
    assert ledger.run(ReadSession(joined.session_id)).state is State.ENDED
    assert ledger.run(ReadRoom(STAGE)).lease is None


def test_leaving_by_session_is_leaving_the_room(leaving, ledger, joined, bot):
    assert leaving.leave_session(joined.session_id).reason is Reason.LEFT
    assert ledger.run(ReadRoom(STAGE)).lease is None


def test_leaving_twice_says_the_same_and_asks_nobody(leaving, joined, bot):
    first = leaving.leave_session(joined.session_id)

    assert leaving.leave_session(joined.session_id) == first
    assert len(bot.heard) == 1
    assert leaving.leave_room(STAGE) == Left("empty")


def test_the_reason_is_why_it_ended_first(leaving, joined, bot):
    bot.leave(Reason.IDLE)

    assert leaving.leave_session(joined.session_id) == Left("left", joined.session_id, Reason.IDLE)


def test_a_bot_that_has_not_started_never_will(leaving, ledger, joined, puppet):
    assert leaving.leave_room(STAGE) == Left("left", joined.session_id, Reason.LEFT)

    assert puppet().adopt() is Adoption.LAPSED
    assert ledger.run(ReadSession(joined.session_id)).reason is Reason.LEFT
    assert ledger.run(LiveSessions()) == []
    assert ledger.run(ReadRoom(STAGE)).lease is None


def test_a_bot_that_is_starting_reads_the_wish_when_it_has_started(leaving, ledger, joined, puppet):
    late = puppet()
    late.adopt()
    ledger.meanwhile.append(late.obey)

    assert leaving.leave_room(STAGE) == Left("left", joined.session_id, Reason.LEFT)


def test_a_claim_without_a_session_is_taken_back(leaving, ledger):
    """Whoever claimed the room died before it wrote the session's record."""
    ledger.run(a_claim())

    assert leaving.leave_room(STAGE) == Left("empty")
    assert ledger.run(ReadRoom(STAGE)).lease is None


def test_a_bot_whose_record_was_lost_is_not_said_to_have_left(leaving, ledger, joined, puppet):
    """Redis was emptied; the bot has its room again, and writes its record again in a moment."""
    bot = puppet().go_live()
    ledger.wipe()
    bot.beat()

    with pytest.raises(BotSilent):
        leaving.leave_room(STAGE)
    assert ledger.run(ReadRoom(STAGE)).lease is not None


@pytest.mark.usefixtures("impatient")
def test_a_bot_that_beats_and_does_not_answer_is_said_to_be_silent(leaving, ledger, joined, puppet):
    deaf = puppet().go_live()

    with pytest.raises(BotSilent):
        leaving.leave_session(joined.session_id)
    deaf.beat()
    assert ledger.run(ReadSession(joined.session_id)).state is State.LIVE


@pytest.mark.usefixtures("impatient")
def test_a_dead_bot_that_is_asked_to_leave_is_buried_and_its_room_is_free(leaving, ledger, joined, puppet):
    puppet().go_live()
    ledger.pass_time(STALE_AFTER * 2)

    assert leaving.leave_room(STAGE) == Left("left", joined.session_id, Reason.LEFT)
    assert ledger.run(ReadRoom(STAGE)).lease is None
    assert ledger.run(ReadSession(joined.session_id)).state is State.ENDED
    assert ledger.run(LiveSessions()) == []


def test_a_session_that_waits_for_its_next_bot_has_none_when_it_was_left(
    leaving, reaper, ledger, joined, puppet
):
    dead = puppet().go_live()
    reaper.lost(joined.session_id, owner=dead.owner, failure=DIED)
    late = puppet()

    assert leaving.leave_room(STAGE) == Left("left", joined.session_id, Reason.LEFT)
    assert late.adopt() is Adoption.LAPSED
    assert ledger.run(ReadRoom(STAGE)).lease is None


def test_the_wish_reaches_the_bot_that_has_the_session_by_then(leaving, reaper, ledger, joined, puppet):
    """The one that was asked died before it read it."""
    first, successors = puppet().go_live(), []

    def die_and_be_followed():
        if not successors:
            reaper.lost(joined.session_id, owner=first.owner, failure=DIED)
            successors.append(puppet().go_live())
        successors[0].obey()

    ledger.meanwhile.append(die_and_be_followed)

    assert leaving.leave_session(joined.session_id) == Left("left", joined.session_id, Reason.LEFT)
    assert [kind for kind, _ in successors[0].heard] == ["leave"]
    assert ledger.run(ReadRoom(STAGE)).lease is None


@pytest.mark.usefixtures("impatient")
def test_leaving_a_session_whose_room_is_another_s_does_not_take_that_one_s_silence_for_its_own(
    leaving, joining, ledger, joined, puppet
):
    """The other's bot had not been heard for long, since Redis was away, and lost its room without a doubt."""
    puppet().go_live()
    ledger.free(STAGE)
    joining.join(an_order())
    other = puppet().go_live()
    ledger.pass_time(STALE_AFTER * 2)

    assert leaving.leave_session(joined.session_id).status == "left"
    assert other.beat() is Beaten.KEPT


@pytest.mark.usefixtures("impatient")
def test_leaving_a_session_whose_room_is_another_s_now_leaves_that_one_alone(
    leaving, joining, ledger, joined, puppet
):
    puppet().go_live()
    old = ledger.run(ReadSession(joined.session_id))
    ledger.free(STAGE)
    second = joining.join(an_order())
    alive = puppet().go_live()

    assert leaving.leave_session(old.id).status == "left"
    assert ledger.run(ReadRoom(STAGE)).lease.session_id == second.session_id
    assert [kind for kind, _ in alive.heard] == []


def test_the_bot_that_ends_by_itself_while_it_is_asked_has_left(leaving, ledger, joined, puppet):
    rude = puppet().go_live()
    ledger.meanwhile.append(lambda: rude.leave(Reason.IDLE) if not rude_has_left(ledger, joined) else None)

    assert leaving.leave_session(joined.session_id) == Left("left", joined.session_id, Reason.IDLE)


def rude_has_left(ledger, joined):
    return ledger.run(ReadSession(joined.session_id)).state is State.ENDED


def test_a_bot_stays_with_others_whom_a_person_would_take_it_from(leaving, ledger, joined, bot):
    bot.people = frozenset({"ada", "ben"})

    with pytest.raises(OthersThere, match="hang up"):
        leaving.leave_session(joined.session_id, by="ben")
    assert ledger.run(ReadSession(joined.session_id)).state is State.LIVE


@pytest.mark.parametrize("there", [set(), {"ben"}])
def test_a_bot_leaves_for_whoever_is_alone_with_it(leaving, joined, bot, there):
    bot.people = frozenset(there)

    assert leaving.leave_session(joined.session_id, by="ben") == Left("left", joined.session_id, Reason.LEFT)


def test_the_holder_of_the_key_takes_a_bot_from_everybody(leaving, joined, bot):
    bot.people = frozenset({"ada", "ben"})

    assert leaving.leave_session(joined.session_id).reason is Reason.LEFT


def test_a_bot_on_its_way_is_called_off_by_whose_it_is_and_by_no_other(leaving, ledger, joined):
    with pytest.raises(OthersThere):
        leaving.leave_session(joined.session_id, by="ben")
    assert ledger.run(ReadSession(joined.session_id)).state is State.PENDING

    assert leaving.leave_session(joined.session_id, by="ada").reason is Reason.LEFT


def test_a_bot_on_its_way_is_not_called_off_under_those_who_wait_for_it(leaving, joining, rooms, hall):
    waiting = joining.join(an_order(room=hall)).session_id
    rooms.arrive(hall, "agent-1", is_bot=True)
    rooms.arrive(hall, "ada")
    rooms.arrive(hall, "ben")
    with pytest.raises(OthersThere):
        leaving.leave_session(waiting, by="ada")
    rooms.depart(hall, "ben")

    assert leaving.leave_session(waiting, by="ada").reason is Reason.LEFT


@pytest.mark.usefixtures("impatient")
def test_a_dead_bot_is_not_buried_for_a_person_who_is_not_alone(
    leaving, joining, ledger, puppet, rooms, hall
):
    session_id = joining.join(an_order(room=hall)).session_id
    puppet().go_live()
    ledger.pass_time(2 * STALE_AFTER)
    rooms.arrive(hall, "ben")

    with pytest.raises(OthersThere):
        leaving.leave_session(session_id, by="ada")
    assert ledger.run(ReadSession(session_id)).state is State.LIVE


@pytest.mark.parametrize(("who", "may"), [("ada", True), ("ben", True), ("eve", False)])
def test_a_bot_that_is_to_come_back_is_called_off_by_whoever_talked_with_it_last(
    leaving, ledger, launches, joined, bot, who, may
):
    ledger.run(Note(joined.session_id, "person_arrived", bot.session.epoch, person="ben"))
    ledger.pass_time(2 * STALE_AFTER)
    Reviving(ledger, launches).revive(STAGE, NOT_HEARD, epoch=bot.session.epoch)
    assert ledger.run(ReadRoom(STAGE)).lease.status is LeaseStatus.PENDING

    if may:
        assert leaving.leave_session(joined.session_id, by=who).reason is Reason.LEFT
    else:
        with pytest.raises(OthersThere):
            leaving.leave_session(joined.session_id, by=who)


A_MINUTE = timedelta(minutes=1)


def test_a_bot_that_shall_leave_later_waits(leaving, ledger, joined, bot):
    assert leaving.leave_room(STAGE, teardown_delay=A_MINUTE) == Left("waiting", joined.session_id)

    assert bot.heard == [("leave_later", {"seconds": 60.0})]
    assert ledger.run(ReadSession(joined.session_id)).state is State.LIVE


def test_a_bot_that_has_not_started_waits_for_nobody(leaving, joined):
    left = leaving.leave_session(joined.session_id, teardown_delay=A_MINUTE)

    assert left == Left("left", joined.session_id, Reason.LEFT)


def test_an_empty_room_is_left_at_once_with_a_delay_too(leaving):
    assert leaving.leave_room(STAGE, teardown_delay=A_MINUTE) == Left("empty")


def test_a_bot_stays_with_others_from_whom_a_person_would_take_it_later(leaving, joined, bot):
    bot.people = frozenset({"ada", "ben"})

    with pytest.raises(OthersThere):
        leaving.leave_session(joined.session_id, by="ben", teardown_delay=A_MINUTE)


@pytest.mark.usefixtures("impatient")
def test_a_dead_bot_waits_for_nobody(leaving, ledger, joined, puppet):
    puppet().go_live()
    ledger.pass_time(STALE_AFTER * 2)

    assert leaving.leave_room(STAGE, teardown_delay=A_MINUTE) == Left("left", joined.session_id, Reason.LEFT)
    assert ledger.run(ReadRoom(STAGE)).lease is None


@pytest.mark.parametrize(("state", "heard"), [(State.WAITING, ["expect"]), (State.LIVE, [])])
def test_a_join_tells_a_bot_that_waits_in_an_empty_room_and_no_other(joining, joined, bot, state, heard):
    """The bot ended between the join and the person's coming."""
    if state is not State.LIVE:
        bot.enter(state)
    joining.join(an_order())
    bot.obey()

    assert [kind for kind, _ in bot.heard] == heard
