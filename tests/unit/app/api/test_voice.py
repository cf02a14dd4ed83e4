"""POST and DELETE /voice/room: a user's own room, for whom voice sessions are meant."""

from datetime import datetime, timedelta

import pytest

from greenroom.app.rooms.rollout import Rollout
from greenroom.app.rooms.sessions import Reason
from greenroom.app.rooms.voice_rooms import LASTS, name_of
from tests.rigs.api import problem

pytestmark = pytest.mark.usefixtures("staffed")
ANN = {"user_id": "ann"}


@pytest.fixture
def pearl(caller):
    """An assistant with this configuration of voice sessions."""

    def with_config(**config):
        caller.post("/assistants", {"name": "pearl", "language": "en-GB", "voice_session_config": config})
        return {**ANN, "assistant": "pearl"}

    return with_config


def opened(caller, wanted=ANN):
    response = caller.post("/voice/room", wanted)
    assert response.status_code == 200, response.text
    return response.json


def lasts(room):
    return datetime.fromisoformat(room["expires_at"]) - datetime.fromisoformat(room["created"])


def test_a_users_room_is_ready_with_all_that_their_client_needs(caller):
    room = opened(caller)

    assert room.pop("pass").startswith("pass.")
    created = room.pop("created")
    assert room.pop("last_activity") == created < room.pop("expires_at")
    assert room == {
        "room_url": "local:voice-ann",
        "room_name": "voice-ann",
        "room_privacy": "private",
        "reused": False,
        "fell_back_from": [],
        "auto_start": False,
        "session": None,
        "notice": None,
        "connect": {
            "provider": "local",
            "room_url": "local:voice-ann",
            "user_id": "ann",
            "ice_servers": [{"urls": ["stun:stun.example.com"]}],
        },
    }


def test_the_same_user_gets_the_same_room_again(caller, ledger):
    first = opened(caller)
    ledger.pass_time(timedelta(hours=1))

    again = opened(caller)

    assert again["reused"]
    assert again["room_url"] == first["room_url"]
    assert (
        again["created"] == again["last_activity"] < first["created"]
    )  # by the clock that has gone on since
    assert lasts(again) == lasts(first)


def test_last_activity_is_the_last_sessions_too(caller, ledger, puppet):
    first = opened(caller)
    ledger.pass_time(timedelta(minutes=5))
    caller.post("/join", {"room_url": first["room_url"], "user_id": "ann"})
    puppet().go_live().leave(Reason.LEFT)

    again = opened(caller)
    assert again["last_activity"] > again["created"]


@pytest.mark.parametrize(("passed", "is_renewed"), [(28, False), (29.5, True)])
def test_a_room_lasts_for_a_month_and_is_renewed_on_its_last_day(caller, ledger, passed, is_renewed):
    first = opened(caller)
    ledger.pass_time(timedelta(days=passed))

    again = opened(caller)

    assert again["reused"]
    assert (lasts(again) > lasts(first) + timedelta(days=29)) == is_renewed


def test_a_room_that_nobody_asked_for_in_a_month_is_new(caller, ledger):
    first = opened(caller)
    ledger.pass_time(LASTS)

    again = opened(caller)

    assert not again["reused"]
    assert lasts(again) == lasts(first) == LASTS


def test_its_pass_lets_that_user_join_that_room_and_talk_to_that_assistant(caller, pearl, launches):
    room = opened(caller, pearl(persistence=7, max_duration=600))

    joined = caller.with_(room["pass"]).post("/join", {})

    assert joined.status_code == 202, joined.text
    assert (joined.json["room_url"], joined.json["user_id"]) == (room["room_url"], "ann")
    assert (joined.json["assistant"], joined.json["language"]) == ("pearl", "en-GB")
    assert (joined.json["session_persistence"], joined.json["max_duration"]) == (7, 600)
    problem(caller.with_(room["pass"]).post("/join", {"user_id": "ben"}), 403, "forbidden")
    problem(caller.with_(room["pass"]).post("/join", {"assistant": "opal"}), 403, "forbidden")


def test_an_assistant_that_starts_by_itself_is_on_its_way_with_the_answer(caller, pearl, launches):
    wanted = pearl(auto_start=True)

    room = opened(caller, wanted)

    assert room["auto_start"]
    assert launches.session_ids == [room["session"]["session_id"]]
    assert (room["session"]["status"], room["session"]["reused"]) == ("pending", False)
    own = caller.with_(room["connect"]["token"])
    assert own.get(room["session"]["session_url"]).json["assistant"] == "pearl"
    assert room["connect"]["offer_url"].startswith(room["session"]["session_url"])
    assert opened(caller, wanted)["session"]["reused"]
    assert len(launches.asked) == 1


def test_a_session_that_is_there_is_told_with_its_token(caller, puppet):
    joined = caller.post("/join", {"room_url": "local:voice-ann", "user_id": "ann"}).json
    puppet().go_live()

    room = opened(caller)

    assert room["session"] == {
        "session_id": joined["session_id"],
        "session_url": joined["session_url"],
        "status": "live",
        "reused": True,
    }
    assert caller.with_(room["connect"]["token"]).get(joined["session_url"]).status_code == 200


@pytest.mark.parametrize("user", ["guest", "Guest", "guest-4f2a"])
def test_a_guest_is_nobody_and_has_no_room(caller, user):
    problem(caller.post("/voice/room", {"user_id": user}), 422, "no-voice-room")


def test_a_user_cannot_be_called_like_a_bot(caller):
    problem(caller.post("/voice/room", {"user_id": "bot:voice-ann"}), 422, "reserved-name")


@pytest.mark.parametrize("wanted", [{}, {"user_id": ""}, {"user_id": "a b"}, {"user_id": "a" * 129}])
def test_a_user_must_be_named(caller, wanted):
    assert caller.post("/voice/room", wanted).status_code == 422


def test_an_assistant_that_is_not_there_is_refused(caller):
    problem(caller.post("/voice/room", {**ANN, "assistant": "opal"}), 422, "unknown-assistant")


def test_a_user_whose_id_fits_no_name_has_a_room_and_joins_it(caller):
    user = "auth0:Ann@example.com" + "x" * 100

    room = opened(caller, {"user_id": user})

    assert room["room_name"] == name_of(user)
    assert caller.post("/join", {"room_url": room["room_url"], "user_id": user}).status_code == 202
    problem(caller.post("/join", {"room_url": room["room_url"], "user_id": "ann"}), 403, "not-your-room")


# Into a public one others may come


def test_a_public_room_is_another_one_that_others_may_join(caller, pearl):
    private = opened(caller)
    public = opened(caller, pearl(room_privacy="public"))

    assert (public["room_name"], public["room_privacy"]) == ("public-voice-ann", "public")
    assert public["room_url"] != private["room_url"]
    assert caller.post("/join", {"room_url": public["room_url"], "user_id": "ben"}).status_code == 202


# Rollout


def test_outside_of_the_rollout_a_caller_is_told_what_to_do_instead(caller, pearl):
    refused = problem(caller.post("/voice/room", pearl(enabled=False)), 409, "voice-not-enabled")

    assert (refused["because"], refused["fallback"]) == ("not-enabled", "previous")


def test_who_is_not_in_an_assistants_share_gets_none(caller, pearl):
    refused = problem(caller.post("/voice/room", pearl(rollout_share=0)), 409, "voice-not-enabled")

    assert refused["because"] == "users-share"


def test_a_voice_room_cannot_be_joined_around_the_rollout(caller, pearl):
    room = opened(caller, pearl())
    caller.call("PATCH", "/assistants/pearl", {"voice_session_config": {"enabled": False}})
    own = {"room_url": room["room_url"], **ANN, "assistant": "pearl"}

    problem(caller.post("/join", own), 409, "voice-not-enabled")
    problem(caller.with_(room["pass"]).post("/join", {}), 409, "voice-not-enabled")
    assert caller.post("/join", {**own, "room_url": "local:standup"}).status_code == 202


@pytest.mark.usefixtures("staffed")
def test_no_session_moves_into_a_voice_room_around_the_rollout(caller, app, puppet):
    joined = caller.post("/join", {"room_url": "local:standup", **ANN}).json
    puppet().go_live()
    here = app.extensions["greenroom"]
    app.extensions["greenroom"] = type(here)(**{**vars(here), "rollout": Rollout(is_on=False)})
    path = f"/sessions/{joined['session_id']}/move"
    token = joined["connect"]["token"]

    for each in (caller, caller.with_(token)):
        problem(each.post(path, {"room_url": "local:voice-ann"}), 409, "voice-not-enabled")
    assert caller.post(path, {"room_url": "local:cellar"}).status_code == 202


def test_the_switch_stops_new_sessions_and_says_so_to_people(caller, app, monkeypatch):
    here = app.extensions["greenroom"]
    rollout = Rollout(is_on=False, fallback="vapi", notice="Voice is back at noon.")
    app.extensions["greenroom"] = type(here)(**{**vars(here), "rollout": rollout})

    refused = problem(caller.post("/voice/room", ANN), 409, "voice-not-enabled")

    assert (refused["because"], refused["fallback"]) == ("switched-off", "vapi")
    assert refused["notice"] == "Voice is back at noon."
    problem(caller.post("/join", {"room_url": "local:voice-ann", "user_id": "ann"}), 409, "voice-not-enabled")


# Leaving


def test_a_voice_room_is_left_and_stays_its_users(caller, puppet, ledger):
    room = opened(caller)
    caller.post("/join", {"room_url": room["room_url"], "user_id": "ann"})
    bot = puppet().go_live()
    ledger.meanwhile.append(bot.obey)

    left = caller.call("DELETE", "/voice/room", {"room_url": room["room_url"], "teardown_delay": 0})

    assert (left.status_code, left.json["status"]) == (200, "left")
    again = caller.call("DELETE", "/voice/room", {"room_url": room["room_url"]})
    assert (again.status_code, again.json["status"]) == (200, "empty")
    assert opened(caller)["reused"]


def test_a_bot_may_wait_in_a_voice_room_that_is_left(caller, puppet, ledger):
    room = opened(caller)
    caller.post("/join", {"room_url": room["room_url"], "user_id": "ann"})
    bot = puppet().go_live()
    ledger.meanwhile.append(bot.obey)

    left = caller.call("DELETE", "/voice/room", {"room_url": room["room_url"], "teardown_delay": 60})

    assert (left.status_code, left.json["status"]) == (200, "waiting")


def test_another_room_is_not_left_so(caller):
    problem(caller.call("DELETE", "/voice/room", {"room_url": "local:stage"}), 422, "not-a-voice-room")
