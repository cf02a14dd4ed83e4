"""Who joins a free room and has a bot elsewhere: that one comes, or one of the room's own, or one that follows it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from greenroom.app.errors.bots import ServiceNotReady
from greenroom.app.errors.rooms import NotYourRoom, OthersThere, RoomHasBot
from greenroom.app.errors.sessions import LaunchFailed, MoveFailed, NotMovable, SessionEnded
from greenroom.app.rooms import joining as joining_module
from greenroom.app.rooms.brief import Mode
from greenroom.app.rooms.extending import SetDuration
from greenroom.app.rooms.leases import ReadRoom
from greenroom.app.rooms.moves import CallOffMove, CommitMove, MoveFailure, Target
from greenroom.app.rooms.requests.changing import MoveTo
from greenroom.app.rooms.requests.leaving import Leave
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import Happened, Note, ReadEvents
from greenroom.app.rooms.sessions import ReadSession, Reason, State, Transition
from greenroom.app.rooms.transitions import Carrier
from tests.rigs.makers import CELLAR, DIED, STAGE, a_brief, a_report, adopted, an_order

HERS = Room.parse("local:voice-ada")
A_MOMENT = timedelta(milliseconds=200)


@pytest.fixture
def carrier(ledger, launches, leaving):
    return Carrier(ledger, launches, leaving)


@pytest.fixture
def bot(joining, puppet):
    """Ada's bot, on stage."""
    joining.join(an_order())
    return puppet().go_live()


def comes(ledger, bot, person):
    ledger.run(Note(bot.session.id, Happened.PERSON_ARRIVED, bot.session.epoch, person=person))


def goes(ledger, bot, person):
    ledger.run(Note(bot.session.id, Happened.PERSON_LEFT, bot.session.epoch, person=person))


def read(ledger, session_id):
    return ledger.run(ReadSession(session_id))


def lease(ledger, room):
    return ledger.run(ReadRoom(room)).lease


def move_there(ledger, bot):
    """What the bot does when it is asked."""
    target = Target.of(read(ledger, bot.session.id))
    adopted(ledger, target.token, room=target.room, owner=bot.owner)
    bot.enter(State.TRANSITIONING)
    bot.session = ledger.run(CommitMove(read(ledger, bot.session.id), target, bot.owner))
    bot.enter(State.LIVE)


def call_off(ledger, bot, why=MoveFailure.UNREACHABLE):
    target = Target.of(read(ledger, bot.session.id))
    ledger.run(CallOffMove(bot.session.id, target.room, target.epoch, why, "its server is away"))


def joins_cellar(**facts):
    return an_order(CELLAR, **facts)


@pytest.mark.parametrize("who", [(), ("ada",)], ids=["nobody is there", "its user is there"])
def test_the_bot_comes_if_nobody_would_be_left_behind(joining, ledger, launches, bot, who):
    for person in who:
        comes(ledger, bot, person)
    joined = joining.join(joins_cellar())

    assert (joined.session_id, joined.room, joined.status) == (bot.session.id, CELLAR, "transitioning")
    assert (joined.reused, joined.conversation_id) == (False, bot.session.conversation_id)
    assert lease(ledger, CELLAR).session_id == bot.session.id
    assert launches.moves == [(bot.session.id, lease(ledger, CELLAR).epoch)]
    assert len(launches.asked) == 1


@pytest.mark.usefixtures("staffed")
def test_others_keep_the_bot_and_the_room_gets_one_of_its_own_that_is_like_it(joining, ledger, launches, bot):
    for person in ("ada", "bob"):
        comes(ledger, bot, person)
    joined = joining.join(joins_cellar(personality="host", conversation_id="a-new-one"))

    assert (joined.status, joined.conversation_id) == (State.PENDING, "a-new-one")
    assert joined.session_id != bot.session.id
    assert launches.moves == []
    assert read(ledger, bot.session.id).procedure is None


def test_whoever_has_left_is_not_left_behind(joining, ledger, bot):
    for person in ("ada", "bob"):
        comes(ledger, bot, person)
    goes(ledger, bot, "bob")

    assert joining.join(joins_cellar()).session_id == bot.session.id


def test_a_bot_beside_another_is_like_it_but_for_what_is_named(joining, ledger, puppet):
    joining.join(an_order(personality="gruff", persona="Grump", voice="deep", language="de"))
    bot = puppet().go_live()
    comes(ledger, bot, "bob")
    order = joins_cellar(personality="host", voice="high", language="en", named=frozenset({"voice"}))
    joined = joining.join(order)

    brief = read(ledger, joined.session_id).brief
    assert (brief.personality, brief.persona, brief.voice, brief.language) == ("gruff", "Grump", "high", "de")
    assert lease(ledger, CELLAR).brief == brief


def test_from_their_own_voice_room_the_bot_comes_whoever_is_said_to_be_there(joining, ledger, puppet):
    joining.join(an_order(HERS))
    bot = puppet().go_live()
    comes(ledger, bot, "bob")

    assert joining.join(joins_cellar()).session_id == bot.session.id


def test_what_is_named_is_applied_to_the_session_that_moves(joining, ledger, bot):
    order = joins_cellar(personality="gruff", voice="deep", language="de", named=frozenset({"personality"}))
    joined = joining.join(order)
    assert (joined.brief.personality, joined.brief.voice) == ("gruff", None)

    move_there(ledger, bot)
    assert read(ledger, bot.session.id).brief == joined.brief
    assert Target.of(read(ledger, bot.session.id)) is None


@pytest.mark.parametrize("named", [frozenset(), frozenset({"max_duration"})])
def test_a_session_that_was_extended_lasts_as_long_in_the_other_room(
    joining, asked_moves, ledger, bot, named
):
    """The answer to a move, and the lease there, had the time from before."""
    longer = bot.session.max_duration + timedelta(minutes=5)
    ledger.run(SetDuration(bot.session, lasts=longer))
    assert asked_moves.move(read(ledger, bot.session.id), STAGE, {}).brief.max_duration == longer

    there = joining.join(joins_cellar(named=named))

    assert (there.status, there.brief.max_duration) == (State.TRANSITIONING, longer)
    assert lease(ledger, CELLAR).brief.max_duration == longer
    move_there(ledger, bot)
    assert read(ledger, bot.session.id).max_duration == longer


def test_whose_session_it_is_and_which_conversation_stays_as_it_was(joining, bot):
    joined = joining.join(joins_cellar(conversation_id="another", named=frozenset({"user_id"})))

    assert joined.brief == bot.session.brief


@pytest.mark.parametrize(
    ("here", "there", "mode"),
    [(HERS, CELLAR, Mode.FORUM), (CELLAR, HERS, Mode.VOICE), (STAGE, CELLAR, Mode.VOICE)],
)
def test_a_bot_is_seen_in_a_forum_and_only_heard_in_a_voice_room(joining, puppet, here, there, mode):
    joining.join(an_order(here, mode=Mode.FORUM if here == CELLAR else Mode.VOICE))
    puppet().go_live()

    assert joining.join(an_order(there)).brief.mode is mode


def test_the_mode_that_is_named_is_that_of_the_bot(joining, puppet):
    joining.join(an_order(HERS))
    puppet().go_live()

    assert joining.join(joins_cellar(mode=Mode.VOICE, named=frozenset({"mode"}))).brief.mode is Mode.VOICE


def test_back_in_the_voice_room_it_is_the_same_session(joining, ledger, puppet):
    first = joining.join(an_order(HERS))
    bot = puppet().go_live()
    for room in (CELLAR, HERS, CELLAR):
        joined = joining.join(an_order(room))
        move_there(ledger, bot)
        assert (joined.session_id, read(ledger, first.session_id).room) == (first.session_id, room)


def test_whoever_joins_the_room_too_finds_the_bot_on_its_way(joining, bot):
    joining.join(joins_cellar())
    again = joining.join(joins_cellar(user_id="bob"))

    assert (again.session_id, again.status, again.reused) == (bot.session.id, "transitioning", True)


def test_a_bot_that_has_not_been_on_stage_yet_does_not_move(joining, launches):
    first = joining.join(an_order())

    assert joining.join(joins_cellar()).session_id != first.session_id
    assert launches.moves == []


def test_a_session_that_is_over_is_nobody_s_bot(joining, ledger, bot):
    ledger.run(Transition(bot.session.id, State.LEAVING, bot.session.epoch))

    assert joining.join(joins_cellar()).session_id != bot.session.id


def test_a_bot_that_moves_to_a_third_room_is_not_torn_in_two(joining, ledger, bot):
    joining.join(joins_cellar())
    with pytest.raises(NotMovable):
        joining.join(an_order(Room.parse("local:attic")))

    assert lease(ledger, Room.parse("local:attic")) is None
    assert Target.of(read(ledger, bot.session.id)).room == CELLAR


def test_of_two_rooms_that_swap_their_bots_each_keeps_its_own(joining, asked_moves, ledger, puppet, bot):
    joining.join(joins_cellar(user_id="bob"))
    bobs = puppet().go_live()
    for session_id, room in ((bot.session.id, CELLAR), (bobs.session.id, STAGE)):
        with pytest.raises(RoomHasBot):
            asked_moves.move(read(ledger, session_id), room, {})

    assert joining.join(joins_cellar()).session_id == bobs.session.id
    assert [read(ledger, each.session.id).procedure for each in (bot, bobs)] == [None, None]


def test_one_who_may_not_have_the_bot_from_elsewhere_gets_another(joining, bot):
    assert joining.join(joins_cellar(may_move=False)).session_id != bot.session.id


# Whoever comes for the room that it leaves


@pytest.mark.usefixtures("staffed")
def test_who_joins_a_room_whose_bot_is_leaving_gets_one_of_their_own(joining, ledger, bot):
    """They were told of the one that left, and their client was led after it, into the room that it went to."""
    joining.join(joins_cellar())
    ledger.meanwhile.append(lambda: move_there(ledger, bot) if bot.session.room == STAGE else None)

    theirs = joining.join(an_order(user_id="bob"))
    assert theirs.session_id != bot.session.id and not theirs.reused
    assert {room: lease(ledger, room).session_id for room in (STAGE, CELLAR)} == {
        STAGE: theirs.session_id,
        CELLAR: bot.session.id,
    }


def test_who_joins_a_room_whose_bot_stays_after_all_gets_that(joining, ledger, bot):
    joining.join(joins_cellar())
    ledger.meanwhile.append(lambda: call_off(ledger, bot) if lease(ledger, CELLAR) else None)

    theirs = joining.join(an_order(user_id="bob"))
    assert (theirs.session_id, theirs.status, theirs.reused) == (bot.session.id, State.LIVE, True)


def test_a_bot_that_takes_its_time_to_leave_is_not_waited_for_without_end(joining, ledger, bot, monkeypatch):
    monkeypatch.setattr(joining_module, "DOUBT_AT_MOST", timedelta(milliseconds=200))
    joining.join(joins_cellar())

    assert joining.join(an_order(user_id="bob")).session_id == bot.session.id


def test_its_own_user_who_comes_again_does_not_call_it_back(joining, ledger, bot):
    """A page whose line breaks as the bot leaves joins its room again."""
    joining.join(joins_cellar())
    ledger.meanwhile.append(lambda: move_there(ledger, bot) if bot.session.room == STAGE else None)

    assert joining.join(an_order()).session_id == bot.session.id
    assert Target.of(read(ledger, bot.session.id)).room == CELLAR


# Another bot


def test_another_bot_follows_with_the_conversation_when_the_first_one_has_left(
    joining, carrier, ledger, launches, puppet, bot
):
    joined = joining.join(joins_cellar(bot="another", named=frozenset({"bot"})))
    assert (joined.status, joined.conversation_id) == (State.PENDING, bot.session.conversation_id)
    assert len(launches.asked) == 1

    ledger.meanwhile.append(lambda: bot.obey())
    carrier.carry(*launches.moves[-1])

    first = read(ledger, bot.session.id)
    assert (first.state, first.reason) == (State.ENDED, Reason.MOVED_OUT)
    assert bot.heard == [("leave", {"reason": "moved_out"})]
    puppet().go_live()
    assert read(ledger, joined.session_id).state is State.LIVE
    assert read(ledger, joined.session_id).came_from == (STAGE,)


@pytest.mark.parametrize("others", [(), (a_report(name="bots@draining"),)], ids=["alone", "one drains"])
def test_a_bot_that_no_worker_can_import_does_not_make_the_one_that_is_there_leave(
    joining, ledger, launches, bot, others
):
    """Hers had been let go, and then nobody came."""
    for report in others:
        ledger.run(replace(report, host=replace(report.host, draining=True)))
    why = "cannot be imported: it raised RuntimeError (broken.py:3)"
    broken = a_report()
    ledger.run(replace(broken, host=replace(broken.host, unfit={"broken": why})))

    with pytest.raises(LaunchFailed) as failed:
        joining.join(joins_cellar(bot="broken", named=frozenset({"bot"})))

    assert str(failed.value) == f"The bot 'broken' {why}. The one in {STAGE} stays there."
    assert (read(ledger, bot.session.id).state, launches.moves) == (State.LIVE, [])
    assert (lease(ledger, STAGE).session_id, lease(ledger, CELLAR)) == (bot.session.id, None)


def test_a_bot_that_one_worker_can_import_follows(joining, ledger, bot):
    broken = a_report()
    ledger.run(replace(broken, host=replace(broken.host, unfit={"another": "cannot be imported"})))
    ledger.run(a_report(name="bots@newer"))

    joined = joining.join(joins_cellar(bot="another", named=frozenset({"bot"})))
    assert read(ledger, joined.session_id).state is State.PENDING


@pytest.mark.parametrize("is_ready", [True, False])
def test_what_another_bot_lacks_is_looked_up_for_the_personality_that_it_gets(
    joining, ledger, launches, puppet, is_ready
):
    """It gets that of the bot before it, where the join names none."""
    lacks = {f"another/{'host' if is_ready else 'critic'}": "set DEEPGRAM_API_KEY"}
    report = a_report()
    lacking = replace(report, host=replace(report.host, unready=lacks))
    ledger.run(lacking)
    joining.join(an_order(personality="critic"))
    bot = puppet().go_live()
    ledger.run(replace(lacking, host=replace(lacking.host, used=lacking.host.slots)))
    order = joins_cellar(bot="another", personality="host", named=frozenset({"bot"}))

    if is_ready:
        assert joining.join(order).brief.personality == "critic"
    else:
        with pytest.raises(ServiceNotReady, match="personality critic lacks"):
            joining.join(order)
        assert (read(ledger, bot.session.id).state, launches.moves) == (State.LIVE, [])
        assert lease(ledger, CELLAR) is None


def test_asked_twice_it_is_launched_once(joining, carrier, ledger, launches, bot):
    joining.join(joins_cellar(bot="another", named=frozenset({"bot"})))
    ledger.meanwhile.append(lambda: bot.obey())
    carrier.carry(*launches.moves[-1])
    carrier.carry(*launches.moves[-1])

    assert len(launches.asked) == 2


def test_a_bot_that_does_not_leave_keeps_the_one_that_follows_from_coming(
    joining, carrier, ledger, launches, reaper, bot, monkeypatch
):
    monkeypatch.setattr(Leave, "within", timedelta(milliseconds=10))  # nobody answers here
    joined = joining.join(joins_cellar(bot="another", named=frozenset({"bot"})))
    for _ in range(16):
        carrier.carry(*launches.moves[-1])
        ledger.pass_time(timedelta(seconds=3))
        bot.beat()
        reaper.reap()

    followed = read(ledger, joined.session_id)
    assert (followed.state, followed.reason) == (State.ENDED, Reason.LAUNCH_FAILED)
    assert lease(ledger, CELLAR) is None
    assert read(ledger, bot.session.id).state is State.LIVE


def test_the_bot_of_another_conversation_is_another_one(joining, bot):
    order = joins_cellar(conversation_id="another", named=frozenset({"conversation_id"}))

    joined = joining.join(order)
    assert (joined.conversation_id, joined.session_id == bot.session.id) == ("another", False)


# What the control worker does


def test_the_bot_is_asked_to_move(joining, carrier, ledger, launches, bot):
    joining.join(joins_cellar())
    ledger.meanwhile.append(lambda: bot.obey())
    carrier.carry(*launches.moves[-1])

    assert bot.heard == [("move", {"epoch": str(launches.moves[-1][1])})]
    assert Target.of(read(ledger, bot.session.id)).room == CELLAR


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"error": "others-there"}, "others_there"),
        ({"error": "not-movable"}, "not_movable"),
        ({"error": "unknown"}, "ours"),
        (None, "bot_silent"),
    ],
)
def test_a_bot_that_does_not_move_stays_and_the_history_says_why(
    joining, carrier, ledger, launches, bot, answer, why
):
    joining.join(joins_cellar())
    if answer:
        ledger.meanwhile.append(lambda: bot.obey({"move": answer}))
    carrier.carry(*launches.moves[-1])

    assert (read(ledger, bot.session.id).procedure, lease(ledger, CELLAR)) == (None, None)
    event = ledger.run(ReadEvents(bot.session.id))[-1]
    assert (event.event, event.reason) == (Happened.MOVE_FAILED, why)


def test_a_move_that_is_done_or_called_off_asks_nobody(joining, carrier, ledger, launches, bot):
    joining.join(joins_cellar())
    call_off(ledger, bot)
    carrier.carry(*launches.moves[-1])
    carrier.carry("nobody", 7)
    bot.obey()

    assert bot.heard == []


def test_a_session_whose_bot_is_gone_starts_its_next_one_in_the_other_room(
    joining, carrier, ledger, launches, reaper, puppet, bot
):
    reaper.lost(bot.session.id, owner=bot.owner, failure=DIED)
    joining.join(joins_cellar())
    carrier.carry(*launches.moves[-1])
    puppet().go_live()

    session = read(ledger, bot.session.id)
    assert (session.room, session.state, lease(ledger, STAGE)) == (CELLAR, State.LIVE, None)


def test_it_is_asked_within_the_time_of_the_request():
    assert MoveTo("7").body() == {"epoch": "7"}


# Waiting


def test_who_waits_waits_until_the_bot_is_there(joining, ledger, bot):
    ledger.meanwhile.append(lambda: move_there(ledger, bot))
    joined = joining.join_and_wait(joins_cellar(), timedelta(seconds=30))

    assert (joined.session_id, joined.room, joined.status) == (bot.session.id, CELLAR, State.LIVE)


def test_who_joins_too_and_waits_waits_as_long(joining, ledger, bot):
    joining.join(joins_cellar())
    ledger.meanwhile.append(lambda: move_there(ledger, bot))
    joined = joining.join_and_wait(joins_cellar(user_id="bob"), timedelta(seconds=30))

    assert (joined.reused, joined.status) == (True, State.LIVE)


def test_waiting_for_a_move_ends_with_patience(joining, bot):
    assert joining.join_and_wait(joins_cellar(), A_MOMENT).status == "transitioning"


def test_waiting_for_a_bot_that_cannot_come_says_why(joining, ledger, bot):
    ledger.meanwhile.append(lambda: call_off(ledger, bot))
    with pytest.raises(MoveFailed) as failed:
        joining.join_and_wait(joins_cellar(), timedelta(seconds=30))

    assert (failed.value.facts["reason"], "its server is away" in str(failed.value)) == ("unreachable", True)


def test_a_move_that_failed_before_is_not_this_one(joining, ledger, bot):
    joining.join(joins_cellar())
    call_off(ledger, bot)
    ledger.meanwhile.append(lambda: move_there(ledger, bot))

    assert joining.join_and_wait(joins_cellar(), timedelta(seconds=30)).status == State.LIVE


def test_waiting_for_a_session_that_ends_says_so(joining, ledger, bot):
    ledger.meanwhile.append(lambda: bot.leave())
    with pytest.raises(LaunchFailed):
        joining.join_and_wait(joins_cellar(), timedelta(seconds=30))


# Asked for by name


def test_a_session_moves_as_it_is(asked_moves, ledger, bot):
    for person in ("ada", "bob"):
        comes(ledger, bot, person)
    joined = asked_moves.move(read(ledger, bot.session.id), CELLAR, {})

    assert (joined.session_id, joined.room, joined.brief) == (bot.session.id, CELLAR, a_brief())


def test_a_person_does_not_take_it_away_from_others(asked_moves, ledger, bot):
    for person in ("ada", "bob"):
        comes(ledger, bot, person)
    with pytest.raises(OthersThere):
        asked_moves.move(read(ledger, bot.session.id), CELLAR, {}, by="ada")


def test_asked_twice_it_is_one_move(asked_moves, ledger, launches, bot):
    asked_moves.move(read(ledger, bot.session.id), CELLAR, {})
    again = asked_moves.move(read(ledger, bot.session.id), CELLAR, {})

    assert (again.reused, again.status) == (True, "transitioning")
    assert len(launches.moves) == 1


def test_a_session_that_is_there_already_is_there(asked_moves, ledger, bot):
    there = asked_moves.move(read(ledger, bot.session.id), STAGE, {})

    assert (there.reused, there.status) == (True, State.LIVE)


def test_a_session_that_has_ended_moves_nowhere(asked_moves, ledger, bot):
    bot.leave()
    with pytest.raises(SessionEnded):
        asked_moves.move(read(ledger, bot.session.id), CELLAR, {})


def test_nobody_moves_a_bot_into_the_voice_room_of_another(asked_moves, ledger, bot):
    with pytest.raises(NotYourRoom):
        asked_moves.move(read(ledger, bot.session.id), Room.parse("local:voice-bob"), {})


# Leaving meanwhile


def test_a_session_that_leaves_without_a_bot_frees_both_rooms(joining, leaving, ledger, reaper, bot):
    reaper.lost(bot.session.id, owner=bot.owner, failure=DIED)
    joining.join(joins_cellar())
    leaving.leave_session(bot.session.id)

    assert (lease(ledger, STAGE), lease(ledger, CELLAR)) == (None, None)
