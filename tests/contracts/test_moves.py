"""A session moves by one step, or stays where it is by another, whoever is slow, late, or asks twice."""

from dataclasses import replace
from datetime import timedelta

import pytest

from greenroom.app.errors.sessions import IllegalTransition, NoSuchSession
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.deadlines import OverdueRooms
from greenroom.app.rooms.handovers import HandOver
from greenroom.app.rooms.leases import (
    PENDING_FOR,
    STALE_AFTER,
    Adopt,
    Adoption,
    Beat,
    Beaten,
    Claimed,
    Found,
    Held,
    LeaseStatus,
    ReadRoom,
    Supersede,
    WriteConfig,
)
from greenroom.app.rooms.moves import CallOffMove, CommitMove, MoveFailure, Target
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.room_states import Open, Opened, ReadState, WriteState
from greenroom.app.rooms.session_events import Happened, Note, ReadEvents
from greenroom.app.rooms.session_lists import LastSession, LongAlone
from greenroom.app.rooms.sessions import (
    CAME_FROM_AT_MOST,
    STARTS_WITHIN,
    Advance,
    ReadSession,
    Reason,
    State,
    Succeed,
    Transition,
)
from greenroom.app.rooms.told import Place, ReadTold
from greenroom.app.rooms.user_bots import ReadUserBot
from tests.rigs.makers import CELLAR, ME, OTHER, STAGE, a_brief, a_claim, a_session, adopted, of_bob

THERE = "token-there"


def begun(ledger, **facts):
    """A session that is live on the stage, and has begun to move into the cellar."""
    session = on_stage(ledger, **facts)
    target = claimed(ledger, session)
    assert ledger.run(Advance(session.id, session.epoch, None, target.at("claimed")))
    return ledger.run(ReadSession(session.id)), target


def on_stage(ledger, **facts):
    ledger.run(a_claim(session_id="a-session", **facts))
    epoch = adopted(ledger)
    ledger.run(Create(a_session(epoch=epoch, **facts)))
    for state in (State.JOINING, State.LIVE):
        ledger.run(Transition("a-session", state, epoch))
    return ledger.run(ReadSession("a-session"))


def claimed(ledger, session, room=CELLAR, **facts):
    brief = replace(session.brief, **facts)
    outcome = ledger.run(a_claim(THERE, room=room, session_id=session.id, brief=brief, above=session.epoch))
    assert isinstance(outcome, Claimed)
    return Target(room, outcome.epoch, THERE)


def entered(ledger, target, owner=ME):
    """The bot has adopted its claim of the other room."""
    assert adopted(ledger, target.token, room=target.room, owner=owner) == target.epoch


def commit(ledger, session, target, **facts):
    return ledger.run(CommitMove(session, target, **{"owner": ME, **facts}))


def call_off(ledger, session, target, why=MoveFailure.UNREACHABLE):
    return ledger.run(CallOffMove(session.id, target.room, target.epoch, why, "its server is away"))


def history(ledger):
    return [each.event for each in ledger.run(ReadEvents("a-session"))]


def lease(ledger, room):
    return ledger.run(ReadRoom(room)).lease


def test_the_claim_of_another_room_is_above_the_session_s_own_epoch(ledger):
    session = on_stage(ledger)
    ahead = replace(session, epoch=session.epoch + 10**12)  # by a clock that was wrong for a while
    assert claimed(ledger, ahead).epoch > ahead.epoch


def test_a_room_that_has_a_bot_is_not_claimed(ledger):
    session = on_stage(ledger)
    ledger.run(of_bob("bobs", room=CELLAR))
    adopted(ledger, "bobs", room=CELLAR, owner=OTHER)

    assert isinstance(
        ledger.run(a_claim(THERE, room=CELLAR, session_id=session.id, above=session.epoch)), Held
    )


def test_a_dead_bot_s_room_is_the_moving_session_s_not_that_of_the_dead_one(world, ledger):
    session = on_stage(ledger)
    ledger.run(a_claim("another", room=CELLAR, session_id="another"))
    adopted(ledger, "another", room=CELLAR, owner=OTHER)
    ledger.run(a_claim(THERE, room=CELLAR, session_id=session.id, above=session.epoch))  # raises a doubt
    world.pass_time(STALE_AFTER + timedelta(seconds=1))
    ledger.run(a_claim(THERE, room=CELLAR, session_id=session.id, above=session.epoch))
    world.pass_time(timedelta(seconds=5))

    outcome = ledger.run(a_claim(THERE, room=CELLAR, session_id=session.id, above=session.epoch))
    assert (outcome.session_id, outcome.took_over) == (session.id, "another")


def test_whoever_claims_a_room_learns_of_their_bot_elsewhere(ledger):
    session = on_stage(ledger)
    for _ in range(2):
        assert ledger.run(a_claim(THERE, room=CELLAR)).elsewhere == session.id


def test_whoever_has_no_bot_or_has_this_one_learns_of_none(ledger):
    assert ledger.run(a_claim(session_id="a-session")).elsewhere is None
    ledger.run(Create(a_session(epoch=adopted(ledger))))
    assert ledger.run(a_claim(session_id="a-session")).elsewhere is None
    assert ledger.run(of_bob("bobs", room=CELLAR)).elsewhere is None


def test_a_session_that_has_moved_is_in_the_other_room_and_in_no_procedure(ledger):
    session, target = begun(ledger)
    entered(ledger, target)
    moved = commit(ledger, session, target)

    assert (moved.room, moved.epoch, moved.procedure) == (CELLAR, target.epoch, None)
    assert moved == ledger.run(ReadSession("a-session"))
    assert (moved.state, moved.host, moved.version) == (State.LIVE, session.host, session.version + 1)


def test_the_old_room_is_free_at_once(ledger):
    session, target = begun(ledger)
    entered(ledger, target)
    commit(ledger, session, target)

    assert lease(ledger, STAGE) is None
    assert ledger.run(of_bob("bobs")).epoch > session.epoch


def test_a_late_beat_of_the_old_room_registers_nothing(ledger):
    session, target = begun(ledger)
    entered(ledger, target)
    moved = commit(ledger, session, target)

    def beat(session):
        return ledger.run(Beat.of(session, owner=ME, host="bots@here", state=State.LIVE))[0]

    assert beat(session) is Beaten.SUPERSEDED
    assert lease(ledger, STAGE) is None
    assert beat(moved) is Beaten.KEPT


def test_its_user_s_bot_is_in_the_other_room(ledger):
    session, target = begun(ledger)
    entered(ledger, target)
    commit(ledger, session, target)

    assert ledger.run(ReadUserBot("ada")).room == CELLAR
    assert ledger.run(LastSession(CELLAR)) == "a-session"


def test_a_later_session_stays_its_user_s_bot(ledger):
    session, target = begun(ledger)
    entered(ledger, target)
    elsewhere = a_session("later", epoch=1, created_ms=session.created_ms + 1000)
    ledger.run(Create(elsewhere))
    commit(ledger, session, target)

    assert ledger.run(ReadUserBot("ada")).session_id == "later"


def test_it_is_there_as_whoever_asked_for_the_move_wants_it(ledger):
    session = on_stage(ledger)
    target = claimed(ledger, session, personality="gruff", persona="Grump")
    ledger.run(Advance(session.id, session.epoch, None, target.at("claimed")))
    entered(ledger, target)
    moved = commit(ledger, session, target)

    assert moved.brief == replace(session.brief, personality="gruff", persona="Grump")
    bot = ledger.run(ReadUserBot("ada"))
    assert (bot.personality, bot.persona) == ("gruff", "Grump")


def test_what_is_open_and_configured_goes_along(ledger):
    session, target = begun(ledger)
    entered(ledger, target)
    note = Opened({"id": 7}, "ada")
    ledger.run(WriteState(STAGE, session.epoch, ME, {Open.NOTE: note}))
    ledger.run(WriteConfig(STAGE, session.epoch, {"voice": "deep", "mode": "voice"}))
    commit(ledger, session, replace(target, named=("mode",)))

    assert ledger.run(ReadState(CELLAR)) == {Open.NOTE: note}
    assert ledger.run(ReadRoom(CELLAR)).config == {"voice": "deep"}
    assert ledger.run(ReadState(STAGE)) == {}
    assert ledger.run(ReadRoom(STAGE)).config == {}


def test_a_config_of_which_nothing_is_left_is_none(ledger):
    session, target = begun(ledger)
    entered(ledger, target)
    ledger.run(WriteConfig(STAGE, session.epoch, {"mode": "voice"}))
    commit(ledger, session, replace(target, named=("mode",)))

    assert ledger.run(ReadRoom(CELLAR)).config == {}


def test_moving_twice_is_moving_once(ledger):
    session, target = begun(ledger)
    entered(ledger, target)

    assert commit(ledger, session, target) == commit(ledger, session, target)
    assert history(ledger).count(Happened.MOVED) == 1


def test_its_history_says_from_where_to_where(ledger):
    session, target = begun(ledger)
    entered(ledger, target)
    commit(ledger, session, target)

    event = ledger.run(ReadEvents("a-session"))[-1]
    assert (event.event, event.epoch) == (Happened.MOVED, target.epoch)
    assert event.detail == "from local:stage to local:cellar"


def test_the_other_room_is_looked_after_from_then_on(world, ledger):
    session, target = begun(ledger)
    entered(ledger, target)
    commit(ledger, session, target)
    world.pass_time(STARTS_WITHIN + timedelta(seconds=1))

    assert ledger.run(OverdueRooms()) == [CELLAR]


def test_its_bot_is_alone_there_until_somebody_comes(world, ledger):
    session, target = begun(ledger)
    ledger.run(Note("a-session", Happened.PERSON_ARRIVED, session.epoch, person="ada"))
    entered(ledger, target)
    moved = commit(ledger, session, target)
    assert moved.alone_ms
    assert ledger.run(LongAlone(moved.alone_ms + 1, 10)) == ["a-session"]

    ledger.run(Note("a-session", Happened.PERSON_ARRIVED, moved.epoch, person="ada"))
    assert ledger.run(ReadSession("a-session")).alone_ms == 0


@pytest.mark.parametrize("owner", [OTHER, None])
def test_nobody_but_the_bot_of_both_rooms_moves_it(ledger, owner):
    session, target = begun(ledger)
    entered(ledger, target)
    with pytest.raises(IllegalTransition):
        commit(ledger, session, target, owner=owner)
    assert ledger.run(ReadSession("a-session")) == session


def test_a_claim_that_nobody_has_adopted_is_no_place_to_be(ledger):
    session, target = begun(ledger)
    with pytest.raises(IllegalTransition):
        commit(ledger, session, target)


def test_a_claim_that_another_process_has_adopted_is_not_the_bot_s(ledger):
    session, target = begun(ledger)
    entered(ledger, target, owner=OTHER)
    with pytest.raises(IllegalTransition):
        commit(ledger, session, target)


def test_a_session_that_was_lost_meanwhile_does_not_move(ledger):
    session, target = begun(ledger)
    entered(ledger, target)
    _, lost = ledger.run(Supersede(STAGE, "a-new-token", owner=ME))
    with pytest.raises(IllegalTransition):
        commit(ledger, session, target)
    ledger.run(Succeed("a-session", lost.epoch, State.LOST, State.PENDING))
    with pytest.raises(IllegalTransition):
        commit(ledger, session, target)
    assert lease(ledger, STAGE).epoch == lost.epoch


@pytest.mark.parametrize("state", [State.LEAVING, State.ENDED])
def test_a_session_that_is_over_does_not_move(ledger, state):
    session, target = begun(ledger)
    entered(ledger, target)
    ledger.run(Transition("a-session", state, session.epoch, reason=Reason.LEFT))
    with pytest.raises(IllegalTransition):
        commit(ledger, session, target)


def test_a_session_that_is_handed_over_does_not_move(ledger):
    session, target = begun(ledger)
    entered(ledger, target)
    ledger.run(HandOver(STAGE, ME, session.epoch, "a-successor"))
    with pytest.raises(IllegalTransition):
        commit(ledger, session, target)


def test_a_session_without_a_record_does_not_move(world, ledger):
    session, target = begun(ledger)
    world.wipe()
    with pytest.raises(NoSuchSession):
        commit(ledger, session, target)


def test_a_session_in_another_move_or_in_none_does_not_make_this_one(ledger):
    session, target = begun(ledger)
    entered(ledger, target)
    ledger.run(Advance("a-session", session.epoch, target.at("claimed"), None))
    with pytest.raises(IllegalTransition):
        commit(ledger, session, target)
    another = replace(target, epoch=target.epoch + 1)
    ledger.run(Advance("a-session", session.epoch, None, another.at("claimed")))
    with pytest.raises(IllegalTransition):
        commit(ledger, session, target)


def test_a_move_that_is_called_off_is_not_made(ledger):
    session, target = begun(ledger)
    entered(ledger, target)
    assert call_off(ledger, session, target)
    with pytest.raises(IllegalTransition):
        commit(ledger, session, target)

    found = ledger.run(ReadSession("a-session"))
    assert (found.room, found.epoch, found.state, found.procedure) == (STAGE, session.epoch, State.LIVE, None)
    assert lease(ledger, STAGE).owner == ME


def test_a_move_that_is_made_is_not_called_off(ledger):
    session, target = begun(ledger)
    entered(ledger, target)
    moved = commit(ledger, session, target)

    assert not call_off(ledger, session, target)
    assert ledger.run(ReadSession("a-session")) == moved
    assert lease(ledger, CELLAR).owner == ME


@pytest.mark.parametrize("is_adopted", [False, True])
def test_the_other_room_is_free_when_a_move_is_called_off(ledger, is_adopted):
    session, target = begun(ledger)
    if is_adopted:
        entered(ledger, target)
    call_off(ledger, session, target)

    assert lease(ledger, CELLAR) is None
    adoption, _ = ledger.run(Adopt(CELLAR, target.token, ME, "bots@here", "job"))
    assert adoption is Adoption.LAPSED
    assert isinstance(ledger.run(of_bob("bobs", room=CELLAR)), Claimed)


def test_calling_off_twice_is_once_and_says_why(ledger):
    session, target = begun(ledger)

    assert [call_off(ledger, session, target) for _ in range(2)] == [True, False]
    failed = [each for each in ledger.run(ReadEvents("a-session")) if each.event == Happened.MOVE_FAILED]
    assert [(each.reason, each.detail) for each in failed] == [("unreachable", "its server is away")]


def test_calling_a_move_off_takes_nobody_else_s_room(world, ledger):
    session, target = begun(ledger)
    world.pass_time(PENDING_FOR + timedelta(seconds=1))
    ledger.run(of_bob("bobs", room=CELLAR))

    assert call_off(ledger, session, target)
    assert lease(ledger, CELLAR).session_id == "session-of-bobs"


def test_a_claim_is_withdrawn_also_where_the_record_knows_of_no_move(world, ledger):
    """Whoever claimed died before the record said so; or a bot died, and its session goes on where it was."""
    session = on_stage(ledger)
    target = claimed(ledger, session)

    assert not call_off(ledger, session, target)
    assert lease(ledger, CELLAR) is None
    target = claimed(ledger, session)
    world.wipe()
    world.settle()
    target = claimed(ledger, session)
    assert not call_off(ledger, session, target)
    assert lease(ledger, CELLAR) is None


@pytest.mark.parametrize("is_adopted", [False, True])
def test_a_session_that_is_started_anew_waits_in_the_other_room_for_its_next_bot(ledger, is_adopted):
    session, target = begun(ledger)
    if is_adopted:
        entered(ledger, target)
    moved = commit(ledger, session, target, starts_anew=True)

    assert (moved.room, moved.epoch, moved.state) == (CELLAR, target.epoch, State.PENDING)
    assert history(ledger)[-2:] == [Happened.MOVED, State.PENDING]
    found = lease(ledger, CELLAR)
    assert (found.status, found.owner, found.token) == (LeaseStatus.PENDING, None, target.token)
    entered(ledger, target, owner=OTHER)
    assert commit(ledger, session, target, starts_anew=True).epoch == target.epoch
    assert lease(ledger, CELLAR).owner == OTHER


def test_a_session_whose_bot_has_not_started_moves_without_one(ledger):
    ledger.run(a_claim(session_id="a-session"))
    epoch = lease(ledger, STAGE).epoch
    ledger.run(Create(a_session(epoch=epoch)))
    session = ledger.run(ReadSession("a-session"))
    target = claimed(ledger, session)
    ledger.run(Advance("a-session", epoch, None, target.at("claimed")))
    moved = commit(ledger, session, target, owner=None, starts_anew=True)

    assert (moved.room, moved.state) == (CELLAR, State.PENDING)
    adoption, _ = ledger.run(Adopt(STAGE, "a-token", ME, "bots@here", "job"))
    assert adoption is Adoption.LAPSED


def test_a_bot_that_has_just_started_is_not_left_behind(ledger):
    session, target = begun(ledger)
    with pytest.raises(IllegalTransition):
        commit(ledger, session, target, owner=None, starts_anew=True)


def test_a_dead_bot_s_old_room_is_nobody_s(ledger):
    """Whoever saw it die under the old room's name finds nothing to do there."""
    session, target = begun(ledger)
    entered(ledger, target)
    commit(ledger, session, target)

    finding, _ = ledger.run(Supersede(STAGE, "a-new-token", owner=ME))
    assert finding is Found.FREE


def test_its_brief_is_read_as_it_was_written(ledger):
    brief = a_brief(metadata={"empty": {}, "list": []}, profile={"age": 36})
    session, target = begun(ledger, brief=brief)
    entered(ledger, target)

    assert commit(ledger, session, target).brief == brief


def test_a_move_is_told_of_and_so_is_one_that_is_called_off(ledger):
    session, target = begun(ledger)
    assert call_off(ledger, session, target)
    again = replace(target, epoch=claimed(ledger, session).epoch)
    assert ledger.run(Advance(session.id, session.epoch, None, again.at("claimed")))
    entered(ledger, again)
    commit(ledger, session, again)

    failed, moved = [each.fields for each in ledger.run(ReadTold(Place())) if "move" in each.fields["type"]]
    assert (failed["type"], failed["reason"]) == ("session.move_failed", "unreachable")
    assert (moved["type"], moved["room"], moved["epoch"]) == ("session.moved", str(CELLAR), str(again.epoch))
    lines = {each.event: each.id for each in ledger.run(ReadEvents(session.id))}
    assert (failed["history"], moved["history"]) == (lines["move_failed"], lines["moved"])


def test_a_session_knows_the_rooms_that_it_was_in_each_once_and_the_last_ones_if_they_are_many(ledger):
    """This was read out of its history, which forgets what is long ago."""
    session = on_stage(ledger)
    rooms = [Room("local", f"room-{number}") for number in range(CAME_FROM_AT_MOST + 1)]
    for room in (CELLAR, STAGE, *rooms, *rooms[:2]):
        session = to(ledger, session, room)

    assert len(session.came_from) == CAME_FROM_AT_MOST
    assert session.came_from == (*rooms[2:], rooms[0])
    assert ledger.run(ReadSession(session.id)).came_from == session.came_from


def to(ledger, session, room):
    target = claimed(ledger, session, room)
    assert ledger.run(Advance(session.id, session.epoch, None, target.at("claimed")))
    entered(ledger, target)
    return commit(ledger, session, target)


def test_what_was_changed_in_the_other_room_before_the_commit_holds_and_the_rest_goes_along(ledger):
    """It was overwritten by the old room's."""
    session, target = begun(ledger)
    entered(ledger, target)
    assert ledger.run(WriteConfig(session.room, session.epoch, {"voice": "deep", "language": "de"}))
    assert ledger.run(WriteConfig(CELLAR, target.epoch, {"voice": "high"}))
    commit(ledger, session, target)

    assert ledger.run(ReadRoom(CELLAR)).config == {"voice": "high", "language": "de"}
