"""A bot that comes from another room, and one that is told to go to one, over HTTP."""

from contextlib import nullcontext

import pytest

from greenroom.app.errors.families import Forbidden
from greenroom.app.rooms.leases import ReadRoom
from greenroom.app.rooms.moves import CallOffMove, CommitMove, MoveFailure, Target
from greenroom.app.rooms.room import Room
from greenroom.app.rooms.session_events import Happened, Note
from greenroom.app.rooms.sessions import ReadSession, State
from tests.rigs.api import problem
from tests.rigs.makers import CELLAR, adopted

HERE, THERE = "local:stage", str(CELLAR)


@pytest.fixture
def joined(caller):
    return caller.post("/join", {"room_url": HERE, "user_id": "ada"}).json


@pytest.fixture
def move(caller, joined, bot):
    """Ask for the session's move; with a token as whoever holds that."""

    def ask(token=None, *, wait=0, **wanted):
        by = caller.with_(token) if token else caller
        path = f"/sessions/{joined['session_id']}/move?wait={wait}"
        return by.post(path, {"room_url": THERE, **wanted})

    return ask


def move_there(ledger, bot):
    session = ledger.run(ReadSession(bot.session.id))
    target = Target.of(session)
    if target is None:
        return
    adopted(ledger, target.token, room=target.room, owner=bot.owner)
    bot.session = ledger.run(CommitMove(session, target, bot.owner))
    bot.enter(State.TRANSITIONING)
    bot.enter(State.LIVE)


def call_off(ledger, bot):
    target = Target.of(ledger.run(ReadSession(bot.session.id)))
    away = "the server of that room does not answer"
    ledger.run(CallOffMove(bot.session.id, target.room, target.epoch, MoveFailure.UNREACHABLE, away))


def comes(ledger, bot, person):
    ledger.run(Note(bot.session.id, Happened.PERSON_ARRIVED, bot.session.epoch, person=person))


def test_a_join_of_another_room_answers_at_once_with_what_the_person_needs_there(caller, joined, bot):
    response = caller.post("/join", {"room_url": THERE, "user_id": "ada"})

    assert response.status_code == 202
    told = response.json
    assert (told["status"], told["session_id"], told["room_url"]) == (
        "transitioning",
        joined["session_id"],
        THERE,
    )
    assert (told["reused"], told["conversation_id"]) == (False, joined["conversation_id"])
    assert told["connect"]["room_url"] == THERE
    assert told["connect"]["token"]


def test_who_waits_is_told_that_it_is_there(caller, joined, bot, ledger):
    ledger.meanwhile.append(lambda: move_there(ledger, bot))
    response = caller.post("/join?wait=20", {"room_url": THERE, "user_id": "ada"})

    assert (response.status_code, response.json["status"]) == (200, "live")


def test_who_waits_is_told_why_it_does_not_come(caller, joined, bot, ledger):
    ledger.meanwhile.append(lambda: call_off(ledger, bot))
    response = caller.post("/join?wait=20", {"room_url": THERE, "user_id": "ada"})

    told = problem(response, 503, "move-failed")
    assert (told["reason"], "does not answer" in told["detail"]) == ("unreachable", True)


def test_what_is_named_is_applied_and_all_else_is_as_it_was(caller, joined, bot):
    told = caller.post("/join", {"room_url": THERE, "user_id": "ada", "personality": "gruff"}).json

    assert told["personality"] == "gruff"
    assert {name: told[name] for name in ("bot", "mode", "max_duration")} == {
        name: joined[name] for name in ("bot", "mode", "max_duration")
    }


def test_a_session_is_moved_by_its_name(move, joined, launches):
    response = move(mode="forum")

    assert response.status_code == 202
    told = response.json
    assert (told["session_id"], told["room_url"], told["mode"]) == (joined["session_id"], THERE, "forum")
    assert len(launches.moves) == 1


def test_a_session_says_where_it_is_on_its_way_to_as_soon_as_that_is_asked_for(
    move, caller, joined, ledger, bot
):
    def looked():
        told = caller.get(f"/sessions/{joined['session_id']}").json
        return told["room_url"], told["state"], told["moving_to"]

    assert looked() == (HERE, "live", None)
    move()
    assert looked() == (HERE, "live", THERE)  # its bot has not heard of it
    move_there(ledger, bot)
    assert looked() == (THERE, "live", None)


def test_it_is_there_when_the_answer_says_so(move, ledger, bot):
    ledger.meanwhile.append(lambda: move_there(ledger, bot))
    response = move(wait=20)

    assert (response.status_code, response.json["status"]) == (200, "live")


def test_its_user_may_ask_for_it(move, joined):
    assert move(joined["connect"]["token"], room_url="local:forum").status_code == 202


@pytest.mark.parametrize("server", ["wss://livekit.example.com/", "local:"])
@pytest.mark.parametrize(("name", "is_let_in"), [("board", False), ("forum", True), ("voice-ada", True)])
def test_its_user_gets_no_way_into_rooms_of_others_by_it(app, ledger, bot, server, name, is_let_in):
    here, room = app.extensions["greenroom"], Room.parse(f"{server}{name}")

    with nullcontext() if is_let_in else pytest.raises(Forbidden, match="forum"):
        here.asked_moves.move(bot.session, room, {}, by="ada")
    assert bool(ledger.run(ReadRoom(room)).lease) is is_let_in


def test_its_user_goes_back_with_it_to_where_it_was(app, ledger, bot):
    here, home = app.extensions["greenroom"], Room.parse("wss://livekit.example.com/standup")
    for room in (home, CELLAR):  # as the holder of the key
        here.asked_moves.move(bot.session, room, {})
        move_there(ledger, bot)

    assert here.asked_moves.move(bot.session, home, {}, by="ada").status == State.TRANSITIONING


def test_its_user_does_not_take_it_away_from_others(move, joined, ledger, bot):
    comes(ledger, bot, "bob")

    problem(move(joined["connect"]["token"]), 409, "others-there")
    assert move().status_code == 202


def test_another_person_in_the_room_may_not(caller, move, joined):
    bobs = caller.post("/join", {"room_url": HERE, "user_id": "bob"}).json["connect"]["token"]

    problem(move(bobs, room_url="local:forum"), 403, "forbidden")


def test_a_room_that_has_a_bot_takes_no_second_one(caller, move, joined):
    theirs = caller.post("/join", {"room_url": THERE, "user_id": "bob"}).json

    told = problem(move(), 409, "room-has-a-bot")
    assert told["session_id"] == theirs["session_id"]


def test_a_bot_that_moves_elsewhere_is_asked_for_again_later(move, joined):
    move()

    problem(move(room_url="local:attic"), 409, "not-movable")


def test_a_bot_that_is_not_on_stage_yet_does_not_move(caller, joined):
    problem(caller.post(f"/sessions/{joined['session_id']}/move", {"room_url": THERE}), 409, "not-movable")


OFFER = {"sdp": "v=0", "type": "offer"}


def offers(caller, joined):
    by = caller.with_(joined["connect"]["token"])
    return by.post(f"/sessions/{joined['session_id']}/api/offer", OFFER)


@pytest.mark.parametrize("becomes_of_it", [move_there, call_off])
def test_an_offer_that_comes_while_it_moves_is_answered_where_the_bot_is_then(
    caller, move, joined, bot, ledger, becomes_of_it
):
    """It went to the bot in the old room, and the page sat in front of a room that the bot left."""
    move()
    bot.answers["offer"] = {"answer": {"sdp": "v=0", "type": "answer"}}
    happens = [lambda: comes(ledger, bot, "ada"), lambda: becomes_of_it(ledger, bot)]

    def goes_on():
        if happens:
            bot.obey()
            assert not bot.heard  # not before it is known where
            happens.pop(0)()
        else:
            bot.obey()

    ledger.meanwhile.append(goes_on)
    assert offers(caller, joined).status_code == 200
    assert [kind for kind, _ in bot.heard] == ["offer"]
    assert bot.session.room == (CELLAR if becomes_of_it is move_there else Room.parse(HERE))


def test_an_offer_to_a_bot_that_has_gone_to_no_local_room_is_refused(caller, joined, bot, ledger, app):
    room = Room.parse("wss://livekit.example.com/forum")
    app.extensions["greenroom"].asked_moves.move(bot.session, room, {})
    ledger.meanwhile.append(lambda: move_there(ledger, bot))

    told = problem(offers(caller, joined), 409, "not-a-local-room")
    assert (told["room_url"], "resume_token" in told["detail"]) == (str(room), True)


def test_an_offer_to_a_bot_that_has_gone_to_its_user_s_voice_room_is_its_user_s_alone(
    caller, joined, bot, ledger, app
):
    """Whoever had come to the bot in another room was let in with the token that they got there."""
    bobs = caller.post("/join", {"room_url": HERE, "user_id": "bob"}).json
    app.extensions["greenroom"].asked_moves.move(bot.session, Room.parse("local:voice-ada"), {})
    move_there(ledger, bot)
    bot.answers["offer"] = {"answer": {"sdp": "v=0", "type": "answer"}}

    problem(offers(caller, bobs), 403, "not-your-room")
    ledger.meanwhile.append(bot.obey)
    assert offers(caller, joined).status_code == 200


def test_what_is_changed_while_it_moves_is_kept_where_it_is_then(caller, move, bot, ledger):
    move()

    def moves_and_obeys():
        move_there(ledger, bot)
        bot.obey()

    ledger.meanwhile.append(moves_and_obeys)
    response = caller.post("/config", {"room_url": HERE, "voice": "deep"})

    assert (response.status_code, response.json["room_url"]) == (200, THERE)
    assert ledger.run(ReadRoom(CELLAR)).config == {"voice": "deep"}


def test_what_the_move_names_is_changed_while_it_moves_since_that_was_asked_for_later(
    caller, move, bot, ledger
):
    """The commit carries along what the old room's config says, but for what the move names."""
    move(mode="forum")

    def moves_and_obeys():
        move_there(ledger, bot)
        bot.obey()

    ledger.meanwhile.append(moves_and_obeys)
    caller.post("/config", {"room_url": HERE, "mode": "voice"})

    assert ledger.run(ReadRoom(CELLAR)).config == {"mode": "voice"}


def test_what_is_changed_in_the_other_room_waits_until_the_bot_is_there(caller, move, bot, ledger):
    move()

    def moves_and_obeys():
        move_there(ledger, bot)
        assert bot.heard == []
        ledger.meanwhile.append(bot.obey)

    ledger.meanwhile.append(moves_and_obeys)
    response = caller.post("/config", {"room_url": THERE, "voice": "deep"})

    assert (response.status_code, response.json["config"]) == (200, {"voice": "deep"})
    assert [kind for kind, _ in bot.heard] == ["config"]


@pytest.mark.parametrize("is_adopted", [False, True])
def test_what_is_changed_in_the_other_room_leaves_a_bot_alone_that_does_not_go_there(
    caller, move, bot, ledger, is_adopted
):
    """It changed the bot in the room that it was in, for good, with nothing in that room's config to tell of it."""
    move()
    target = Target.of(ledger.run(ReadSession(bot.session.id)))
    if is_adopted:
        adopted(ledger, target.token, room=target.room, owner=bot.owner)

    def stays_and_obeys():
        call_off(ledger, bot)
        ledger.meanwhile.append(bot.obey)

    ledger.meanwhile.append(stays_and_obeys)
    problem(caller.post("/config", {"room_url": THERE, "voice": "deep"}), 404, "no-bot-there")

    bot.obey()
    assert bot.heard == []
    assert [ledger.run(ReadRoom(room)).config for room in (Room.parse(HERE), CELLAR)] == [{}, {}]
