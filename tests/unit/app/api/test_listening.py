"""POST /join with `stealth`: who may listen unseen, where, and that nothing else comes of it."""

from dataclasses import replace

import jwt
import pytest

from greenroom.app.api.services import Services
from greenroom.app.rooms.session_events import ReadEvents
from greenroom.app.rooms.sessions import ReadSession, State
from tests.rigs.api import problem

pytestmark = pytest.mark.usefixtures("staffed")
SERVER = "wss://livekit.example.com"
SECRET = "a-secret-of-these-tests-that-is-long-enough"
ROOM = f"{SERVER}/stage"
LISTENER = {"room_url": ROOM, "user_id": "chief", "stealth": True}


@pytest.fixture
def caller(caller, app, ledger, launches, settings):
    """The installation has a LiveKit server."""
    settings = replace(settings, livekit_url=SERVER, livekit_api_key="a-key", livekit_api_secret=SECRET)
    here = app.extensions["greenroom"]
    app.extensions["greenroom"] = Services.over(ledger, launches, settings, here.personalities)
    return caller


@pytest.fixture
def joined(caller):
    return caller.post("/join", {"room_url": ROOM, "user_id": "ada"}).json


def test_who_listens_unseen_gets_a_hidden_token_for_what_is_there(caller, joined, bot):
    answer = caller.post("/join", LISTENER)

    assert answer.status_code == 200
    told = answer.json
    assert (told["session_id"], told["reused"], told["status"]) == (joined["session_id"], True, "live")
    claims = jwt.decode(told["connect"]["room_token"], SECRET, algorithms=["HS256"])
    assert claims["sub"] == told["connect"]["user_id"] == "listener:chief"
    assert claims["video"] == {
        "roomJoin": True,
        "room": "stage",
        "hidden": True,
        "canSubscribe": True,
        "canPublish": False,
        "canPublishData": False,
    }


def test_who_listens_unseen_gets_nothing_that_opens_the_session(caller, joined, bot):
    assert not caller.post("/join", LISTENER).json["connect"].keys() & {"token", "resume_token", "offer_url"}


def test_neither_the_session_nor_its_bot_nor_who_is_in_it_learns_of_a_listener(caller, joined, bot, ledger):
    bot.enter(State.WAITING)  # whoever joins now is waited for
    of_it = [ReadSession(bot.session.id), ReadEvents(bot.session.id)]
    before = ledger.run_all(of_it)

    assert caller.post("/join", LISTENER).status_code == 200

    assert ledger.run_all(of_it) == before
    bot.obey()
    assert bot.heard == []


def test_a_listener_s_own_bot_elsewhere_stays_there(caller, joined, bot, launches):
    own = caller.post("/join", {"room_url": f"{SERVER}/office", "user_id": "chief"}).json
    asked = len(launches.asked)

    assert caller.post("/join", LISTENER).status_code == 200
    assert caller.get(own["session_url"]).json["room_url"] == f"{SERVER}/office"
    assert len(launches.asked) == asked


def test_where_there_is_no_bot_a_listener_brings_none(caller, launches):
    problem(caller.post("/join", LISTENER), 404, "no-bot-there")
    joined = caller.post("/join", {"room_url": ROOM, "user_id": "ada"})
    problem(caller.post("/join", LISTENER), 404, "no-bot-there")  # it is on its way

    assert joined.status_code == 202
    assert len(launches.asked) == 1


@pytest.mark.parametrize("room", ["local:stage", f"{SERVER}/voice-ada", f"{SERVER}/voice-chief"])
def test_in_a_room_for_one_nobody_listens_unseen(caller, bot, room):
    problem(caller.post("/join", {**LISTENER, "room_url": room}), 409, "not-unseen-there")


@pytest.mark.parametrize(
    "body",
    [
        {"stealth": True},
        {"stealth": True, "user_id": "chief"},
        {"stealth": True, "room_url": ROOM},
        {**LISTENER, "instructions": "Be brief."},
        {**LISTENER, "user_name": "The chief"},
    ],
)
def test_a_listener_names_a_room_and_themselves_and_nothing_else(caller, bot, body):
    problem(caller.post("/join", body), 422, "rejected")


def test_nobody_is_called_as_listeners_are(caller, bot):
    for body in ({**LISTENER, "user_id": "Listener:chief"}, {"room_url": ROOM, "user_id": "listener:ada"}):
        problem(caller.post("/join", body), 422, "reserved-name")


def test_only_whoever_has_the_key_lets_somebody_listen_unseen(caller, joined, bot):
    a_pass = caller.post("/passes", {"room_url": ROOM, "user_id": "ada"}).json["pass"]

    problem(caller.with_(a_pass).post("/join", {"stealth": True}), 403, "forbidden")
    problem(caller.with_(joined["connect"]["token"]).post("/join", LISTENER), 403, "forbidden")
    problem(caller.with_(joined["connect"]["resume_token"]).post("/join", {"stealth": True}), 422, "rejected")


def test_who_does_not_wish_to_be_hidden_joins_as_ever(caller):
    joined = caller.post("/join", {"room_url": ROOM, "user_id": "ada", "stealth": False})

    assert joined.status_code == 202
    assert joined.json["connect"]["token"]
