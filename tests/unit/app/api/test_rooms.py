"""POST /join, /leave and /config, GET /rooms: what callers see."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from greenroom.app.api.seats import SHARES, Wait
from greenroom.app.errors.rooms import ProviderAway
from greenroom.app.providers.local import Local
from greenroom.app.rooms.asked_reaping import TellReaped, reap_as_asked
from greenroom.app.rooms.bodies import to_body
from greenroom.app.rooms.creating import Limits
from greenroom.app.rooms.joining import Joining
from greenroom.app.rooms.leases import DOUBT_KEEPS_FOR, STALE_AFTER, Adoption
from greenroom.app.rooms.participants import Seen
from greenroom.app.rooms.providers import Providers, Source, Track
from greenroom.app.rooms.requests.answers import PeopleSeen
from greenroom.app.rooms.room_states import Open, Opened, WriteState
from greenroom.app.rooms.sessions import ReadSession, Reason, State
from greenroom.bots.personalities import check_changes
from tests.rigs.api import problem
from tests.rigs.makers import a_report

pytestmark = pytest.mark.usefixtures("staffed")

ROOM = "local:stage"


@pytest.fixture
def bot(joined, puppet, ledger):
    """A live bot that reads its inbox whenever somebody waits."""
    it = puppet().go_live()
    ledger.meanwhile.append(it.obey)
    return it


def test_a_join_is_accepted_with_all_that_the_person_needs(caller):
    response = caller.post(
        "/join", {"room_url": ROOM, "user_id": "ada", "personality": "gruff", "mode": "forum"}
    )

    assert response.status_code == 202
    joined = response.json
    connect = joined.pop("connect")
    session_id = joined["session_id"]
    assert joined == {
        "session_id": session_id,
        "status": "pending",
        "position": None,
        "reused": False,
        "room_url": ROOM,
        "user_id": "ada",
        "bot": "assistant",
        "assistant": None,
        "personality": "gruff",
        "persona": None,
        "instructions": None,
        "prompts": {},
        "voice": None,
        "voice_parameters": {},
        "memory": True,
        "profile": {},
        "language": None,
        "mode": "forum",
        "session_persistence": 300,
        "silence": None,
        "max_duration": 3600,
        "conversation_id": joined["conversation_id"],
        "metadata": {},
        "tenant": "main",
        "session_url": f"/sessions/{session_id}",
        "fell_back_from": [],
    }
    assert caller.with_(connect.pop("token")).get(joined["session_url"]).json["session_id"] == session_id
    assert caller.with_(connect.pop("resume_token")).post("/join", {}).json["session_id"] == session_id
    assert connect == {
        "provider": "local",
        "room_url": ROOM,
        "offer_url": f"/sessions/{session_id}/api/offer",
        "user_id": "ada",
        "ice_servers": [{"urls": ["stun:stun.example.com"]}],
    }


def test_a_conversation_that_is_named_is_taken_up_by_its_user_alone(caller, ledger):
    first = caller.post("/join", {"user_id": "ada"}).json
    again = {"conversation_id": first["conversation_id"]}

    later = caller.post("/join", {**again, "user_id": "ada"})
    refused = caller.post("/join", {**again, "user_id": "bob", "room_url": ROOM})

    assert later.status_code == 202
    assert later.json["conversation_id"] == first["conversation_id"]
    assert later.json["session_id"] != first["session_id"]
    problem(refused, 409, "conversation-of-another")
    assert caller.get(f"/rooms/{ROOM}").json["lease"] is None  # and the room is free


def test_a_session_s_token_takes_up_no_conversation(caller):
    joined = caller.post("/join", {"user_id": "ada"}).json
    own = caller.with_(joined["connect"]["token"])

    response = own.post("/join", {"user_id": "ada", "conversation_id": joined["conversation_id"]})

    assert response.status_code == 403


def test_what_is_left_out_is_as_the_operator_chose(caller, launches, settings):
    joined = caller.post("/join", {}).json

    assert joined["room_url"].startswith("local:")
    assert joined["connect"]["user_id"].startswith("guest-")
    assert (joined["bot"], joined["personality"]) == (settings.default_bot, settings.default_personality)
    session = launches.asked[0][0].brief
    assert (session.persistence, session.max_duration) == (
        settings.session_persistence,
        settings.max_duration,
    )


def test_what_is_said_is_as_the_caller_chose(caller, launches):
    order = {
        "persona": "Long John “you”",
        "instructions": "A pirate.\nAhoy “you”",
        "prompts": {"system": "Be brief.\nBe kind.", "away": "Soon."},
        "voice": "deep",
        "voice_parameters": {
            "speed": 0.5,
            "stability": 1,
            "similarity_boost": 0.25,
            "clear": True,
            "model": "x",
        },
        "language": "en-GB",
        "memory": False,
        "conversation_id": "of-yesterday",
        "session_persistence": 0,
        "max_duration": 86400,
        "metadata": {"ticket": [1, None, {"ü": 2.5}]},
    }
    session_id = caller.post("/join", order).json["session_id"]

    told = caller.get(f"/sessions/{session_id}").json
    assert {name: told[name] for name in order} == order
    assert launches.asked[0][0].brief.max_duration == timedelta(days=1)


def test_every_fresh_room_is_another(caller):
    assert len({caller.post("/join", {}).json["room_url"] for _ in range(10)}) == 10


def test_a_second_join_finds_the_same_session_and_says_so(caller, joined, launches):
    response = caller.post("/join", {"room_url": ROOM, "user_id": "bob"})

    assert response.status_code == 200
    assert (response.json["session_id"], response.json["reused"]) == (joined["session_id"], True)
    assert response.json["connect"]["user_id"] == "bob"
    assert len(launches.asked) == 1


def test_a_join_may_wait_until_the_bot_is_there(caller, ledger, launches, puppet):
    def start():
        if launches.asked:
            bot = puppet()
            if bot.adopt() is Adoption.ADOPTED:
                bot.enter(State.JOINING)
                bot.enter(State.LIVE)

    ledger.meanwhile.append(start)

    response = caller.post("/join?wait=30", {"room_url": ROOM})

    assert (response.status_code, response.json["status"], response.json["reused"]) == (200, "live", False)


def test_a_join_that_waits_in_vain_says_where_its_bot_is(caller):
    response = caller.post("/join?wait=0.02", {"room_url": ROOM})

    assert (response.status_code, response.json["status"]) == (202, "pending")


def test_a_join_whose_bot_does_not_start_says_why(caller, ledger, launches, puppet):
    def fail():
        bot = puppet()
        if bot.adopt() is Adoption.ADOPTED:
            bot.leave(Reason.LAUNCH_FAILED)

    ledger.meanwhile.append(fail)

    response = caller.post("/join?wait=30", {"room_url": ROOM})

    said = problem(response, 503, "launch-failed")
    assert said["reason"] == "launch_failed"
    assert said["session_id"] == launches.asked[0][0].id
    assert int(response.headers["Retry-After"]) > 0


# While all slots are taken


@pytest.fixture
def crowded(ledger, staffed):
    ledger.run(a_report(free=0))


@pytest.mark.usefixtures("crowded")
@pytest.mark.parametrize("query", ["", "?wait=0.02"])
def test_a_join_without_a_free_slot_is_queued_and_told_where_and_when_to_ask_again(caller, ledger, query):
    caller.post("/join", {"room_url": "local:cellar"})
    ledger.pass_time(timedelta(seconds=1))
    for _ in range(2):  # who asks again keeps the place
        response = caller.post(f"/join{query}", {"room_url": ROOM})

        assert response.status_code == 202
        assert (response.json["status"], response.json["position"]) == ("queued", 2)
        assert 0 < int(response.headers["Retry-After"]) < 20
    told = caller.get(response.json["session_url"]).json
    assert (told["state"], told["position"]) == ("pending", 2)


@pytest.mark.usefixtures("crowded")
def test_a_full_line_is_said_to_be_full_and_when_to_try_again(caller, launches, monkeypatch):
    monkeypatch.setattr("greenroom.app.rooms.serving.LIMITS", Limits(line=1))
    caller.post("/join", {"room_url": "local:cellar"})

    response = caller.post("/join", {"room_url": ROOM})

    problem(response, 503, "queue-full")
    assert int(response.headers["Retry-After"]) > 0
    assert caller.get(f"/rooms/{ROOM}").json["lease"] is None
    assert len(caller.get("/sessions").json["sessions"]) == 1


# While it cannot be told whether a bot lives


def test_a_room_that_stays_in_doubt_is_said_to_be_so_and_when_to_ask_again(
    caller, app, ledger, launches, puppet
):
    caller.post("/join", {"room_url": ROOM, "user_id": "ada"})
    puppet().go_live()
    ledger.pass_time(STALE_AFTER * 2)
    here = app.extensions["greenroom"]
    too_late = Joining(ledger, launches, sleep=lambda _: ledger.pass_time(DOUBT_KEEPS_FOR * 2))
    app.extensions["greenroom"] = replace(here, joining=too_late)

    response = caller.post("/join", {"room_url": ROOM, "user_id": "bob"})

    problem(response, 503, "room-in-doubt")
    assert int(response.headers["Retry-After"]) > 0


# While Redis is away


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/join", {"room_url": ROOM}),
        ("POST", "/leave", {"room_url": ROOM}),
        ("POST", "/config", {"room_url": ROOM, "voice": "deep"}),
        ("GET", f"/rooms/{ROOM}", None),
        ("GET", "/sessions", None),
        ("GET", "/sessions/x", None),
        ("GET", "/sessions/x/events", None),
        ("POST", "/sessions/x/api/offer", {"sdp": "v=0", "type": "offer"}),
        ("PATCH", "/sessions/x/api/offer", {"pc_id": "p", "candidates": []}),
    ],
)
def test_while_redis_is_away_everything_says_so_and_when_to_try_again(caller, ledger, method, path, body):
    with ledger.away():
        response = caller.call(method, path, body)

    problem(response, 503, "redis-away")
    assert int(response.headers["Retry-After"]) > 0


def test_a_join_that_cannot_be_queued_says_so(caller, launches):
    launches.is_away = True

    problem(caller.post("/join", {"room_url": ROOM}), 503, "redis-away")


# Leaving


def test_leaving_answers_when_the_bot_has_left(caller, joined, bot):
    response = caller.post("/leave", {"room_url": ROOM})

    assert (response.status_code, response.json) == (
        200,
        {"status": "left", "session_id": joined["session_id"], "reason": "left"},
    )
    assert caller.get(f"/sessions/{joined['session_id']}").json["state"] == "ended"
    assert caller.get(f"/rooms/{ROOM}").json["lease"] is None


def test_leaving_twice_is_fine(caller, joined, bot):
    first = caller.post("/leave", {"session_id": joined["session_id"]}).json

    assert caller.post("/leave", {"session_id": joined["session_id"]}).json == first
    assert caller.post("/leave", {"room_url": ROOM}).json["status"] == "empty"


def test_a_person_leaves_with_the_token_of_the_session(caller, joined, bot):
    person = caller.with_(joined["connect"]["token"])

    assert person.post("/leave", {"session_id": joined["session_id"]}).json["status"] == "left"


def test_a_person_does_not_take_the_bot_from_others(caller, joined, bot):
    bot.people = frozenset({"ann", "ben"})
    person = caller.with_(joined["connect"]["token"])

    said = problem(person.post("/leave", {"session_id": joined["session_id"]}), 409, "others-there")
    assert "hang up" in said["detail"]
    assert caller.post("/leave", {"session_id": joined["session_id"]}).json["status"] == "left"


def test_another_user_s_voice_room_is_refused(caller):
    said = problem(
        caller.post("/join", {"room_url": "local:voice-ann", "user_id": "ben"}), 403, "not-your-room"
    )
    assert "join it as that user" in said["detail"]
    problem(caller.post("/join", {"room_url": "local:voice-ann"}), 403, "not-your-room")
    assert caller.get("/sessions").json["sessions"] == []

    assert caller.post("/join", {"room_url": "local:voice-ann", "user_id": "ann"}).status_code == 202


@pytest.mark.usefixtures("impatient")
def test_a_bot_that_does_not_answer_is_said_to_be_silent(caller, joined, puppet):
    puppet().go_live()

    said = problem(caller.post("/leave", {"room_url": ROOM}), 504, "bot-silent")
    assert said["session_id"] == joined["session_id"]


# Configuring


def test_a_live_bot_is_told_what_has_changed(caller, joined, bot):
    response = caller.post("/config", {"room_url": ROOM, "voice": "deep", "language": "en-GB"})

    assert response.status_code == 200
    assert response.json == {
        "room_url": ROOM,
        "session_id": joined["session_id"],
        "config": {"voice": "deep", "language": "en-GB"},
        "max_duration": 3600,
        "with_next_bot": [],
        "not_ready": [],
    }
    assert bot.heard == [("config", {"voice": "deep", "language": "en-GB"})]


def test_changes_add_up_and_null_takes_one_back(caller, joined, bot):
    caller.post("/config", {"room_url": ROOM, "voice": "deep", "prompt": "Be brief."})

    response = caller.post("/config", {"room_url": ROOM, "voice": None, "personality": "gruff"})

    assert response.json["config"] == {"prompt": "Be brief.", "personality": "gruff"}
    assert caller.get(f"/sessions/{joined['session_id']}").json["config"] == response.json["config"]


def test_words_that_are_configured_stand_in_the_session_and_for_the_key_alone(caller, joined, bot):
    """As those of the join do: a room's page is what one looks at first, and shows to others."""
    words = {"prompt": "Ask Ada about her divorce.", "instructions": "She is called Ada."}
    caller.post("/config", {"room_url": ROOM, "voice": "deep", **words})

    assert caller.get(f"/rooms/{ROOM}").json["config"] == {"voice": "deep"}
    assert caller.get(f"/sessions/{joined['session_id']}").json["config"] == {"voice": "deep", **words}
    guest = caller.with_(joined["connect"]["token"])
    told = guest.get(f"/sessions/{joined['session_id']}")
    assert told.status_code == 200 and "config" not in told.json and "Ada" not in told.text
    assert guest.get(f"/rooms/{ROOM}").status_code == 403


def test_what_was_configured_is_the_sessions_that_has_the_room(caller, joined, bot, ledger, overview):
    caller.post("/config", {"room_url": ROOM, "prompt": "Be brief."})
    session = ledger.run(ReadSession(joined["session_id"]))

    assert overview.config(session) == {"prompt": "Be brief."}
    assert overview.config(replace(session, id="another")) == {}
    bot.leave()
    assert caller.get(f"/sessions/{session.id}").json["config"] == {}


def test_what_a_join_says_of_a_character_can_be_changed_live(caller, joined, bot):
    changes = {"persona": "Pearl", "instructions": "Hum.", "voice_parameters": {"speed": 1.5, "stability": 1}}

    assert caller.post("/config", {"room_url": ROOM, **changes}).json["config"] == changes
    assert bot.heard == [("config", changes)]

    back = caller.post("/config", {"room_url": ROOM, "voice_parameters": None, "persona": None})
    assert back.json["config"] == {"instructions": "Hum."}


def test_what_a_personality_s_file_says_can_be_changed_live_and_taken_back(caller, joined, bot):
    changes = {
        "model": "gpt-small",
        "services": {"thinking": ["openai/gpt-large", "demo"]},
        "tools": [],
        "app_events": ["page_opened"],
        "silence": 0,
        "persistence": 60,
    }
    bot.answers["config"] = {"with_next_bot": ["services"], "not_ready": ["openai (thinking): set a key"]}

    response = caller.post("/config", {"room_url": ROOM, **changes})

    assert response.status_code == 200 and response.json["config"] == changes
    assert response.json["with_next_bot"] == ["services"]
    assert response.json["not_ready"] == ["openai (thinking): set a key"]
    assert bot.heard == [("config", changes)]
    caller.post("/config", {"room_url": ROOM, "voice": "deep"})  # which has the whole of it written anew
    assert caller.get(f"/rooms/{ROOM}").json["config"] == {**changes, "voice": "deep"}
    back = caller.post("/config", {"room_url": ROOM, "voice": None, **dict.fromkeys(changes)})
    assert back.json["config"] == {}


def test_how_long_a_session_may_last_is_in_its_record_whoever_changes_it(caller, joined, bot):
    response = caller.post("/config", {"room_url": ROOM, "max_duration": 7200, "voice": "deep"})

    assert (response.json["max_duration"], response.json["config"]) == (7200, {"voice": "deep"})
    told = caller.get(f"/sessions/{joined['session_id']}").json
    assert told["max_duration"] == 7200 and told["config"] == {"voice": "deep"}
    assert [kind for kind, _ in bot.heard] == ["heed_record", "config"]

    back = caller.post("/config", {"room_url": ROOM, "max_duration": None})
    assert (back.status_code, back.json["max_duration"]) == (200, 3600)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tools": ["fly"]}, "There is no tool 'fly'"),
        ({"services": {"speaking": ["nobody"]}}, "There is no service for speaking 'nobody'"),
        ({"services": {"smelling": ["demo"]}}, "smelling is no key of [services]"),
        ({"app_events": ["Not A Name"]}, "must be a list of names"),
    ],
)
def test_what_no_personality_could_say_is_not_configured(caller, joined, bot, app, changes, said):
    app.extensions["greenroom"] = replace(app.extensions["greenroom"], check_changes=check_changes)

    refused = caller.post("/config", {"room_url": ROOM, **changes})

    assert refused.status_code == 422 and said in refused.json["detail"]
    assert bot.heard == [] and caller.get(f"/rooms/{ROOM}").json["config"] == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"persona": "two\nlines"},
        {"instructions": "x" * 2001},
        {"voice_parameters": {"speed": 9}},
        {"silence": 3601},
        {"silence": True},
        {"persistence": -1},
        {"max_duration": 9},
        {"services": {"speaking": []}},
        {"services": {"speaking": "demo"}},
        {"services": {"thinking": ["openai/\ud800"]}},
        {"services": {"thinking": ["openai/a\nb"]}},
        {"model": "\ud800"},
        {"tools": "remember"},
        {"model": ""},
    ],
)
def test_what_no_join_takes_is_not_configured(caller, joined, bot, changes):
    problem(caller.post("/config", {"room_url": ROOM, **changes}), 422, "invalid")
    assert bot.heard == []


def test_a_bot_that_is_not_there_yet_is_not_configured(caller, joined):
    problem(caller.post("/config", {"room_url": ROOM, "voice": "deep"}), 404, "no-bot-there")


def test_a_personality_that_is_not_there_is_not_configured(caller, joined, bot):
    problem(caller.post("/config", {"room_url": ROOM, "personality": "nobody"}), 422, "unknown-personality")
    assert bot.heard == []


@pytest.mark.usefixtures("impatient")
def test_a_change_that_the_bot_does_not_acknowledge_is_said_to_be_so(caller, joined, puppet):
    puppet().go_live()

    problem(caller.post("/config", {"room_url": ROOM, "voice": "deep"}), 504, "bot-silent")


# Looking


def test_an_empty_room_is_said_to_be_empty(caller):
    assert caller.get(f"/rooms/{ROOM}").json == {
        "room_url": ROOM,
        "lease": None,
        "keepalive": None,
        "config": {},
        "state": dict.fromkeys(Open),
        "presence": {
            "status": "known",  # a local room is where its bot is
            "because": None,
            "participants": [],
        },
    }


def test_a_local_room_says_who_is_there_by_its_bots_account(caller, joined, bot):
    tracks = (Track(Source.MICROPHONE, muted=True),)
    bot.answers["look"] = to_body(PeopleSeen.of([Seen("ada", timedelta(seconds=60), tracks)]))

    presence = caller.get(f"/rooms/{ROOM}").json["presence"]

    (ada,) = presence["participants"]
    since = datetime.fromisoformat(ada.pop("since"))
    assert timedelta(seconds=59) < datetime.now(UTC) - since < timedelta(seconds=90)
    assert ada == {
        "identity": "ada",
        "name": "",
        "is_bot": False,
        "session_id": None,
        "tracks": [{"source": "microphone", "muted": True}],
    }


@pytest.mark.usefixtures("impatient")
def test_a_bot_that_does_not_say_whom_it_sees_leaves_that_unknown(caller, joined, puppet):
    puppet().go_live()

    presence = caller.get(f"/rooms/{ROOM}").json["presence"]

    assert (presence["status"], presence["participants"]) == ("unknown", None)
    assert presence["because"].startswith("There is no server")


def test_a_room_says_what_is_open_there(caller, bot, ledger):
    changes = {Open.NOTE: Opened({"id": "n-1"}, "ada"), Open.DESKTOP: Opened(False, "bob")}
    ledger.run(WriteState(bot.session.room, bot.session.epoch, bot.owner, changes))

    assert caller.get(f"/rooms/{ROOM}").json["state"] == {
        "active_note": {"value": {"id": "n-1"}, "owner": "ada"},
        "active_applet": None,
        "desktop_mode": {"value": False, "owner": "bob"},
        "active_card": None,
        "active_page": None,
    }
    caller.post("/leave", {"room_url": ROOM})
    assert caller.get(f"/rooms/{ROOM}").json["state"]["active_note"] is None


def test_a_room_says_who_has_it_and_keeps_the_claim_to_itself(caller, joined, bot, launches, ledger):
    ledger.pass_time(timedelta(seconds=2))

    response = caller.get(f"/rooms/{ROOM}")

    room = response.json
    assert room["lease"]["session_id"] == joined["session_id"]
    assert room["lease"]["status"] == "active"
    assert (room["lease"]["host"], room["lease"]["job_id"]) == ("bots@stage", "job")
    assert room["lease"]["since"].startswith("2026-")
    assert 2 <= room["keepalive"].pop("age_seconds") < 12
    assert room["keepalive"] == {"state": "live", "is_stale": False, "mind": None}
    assert launches.asked[0][1] not in response.text


def test_what_a_bot_is_told_stands_in_its_session_and_not_in_its_room(caller):
    told = {"prompts": {"system": "Be kind."}, "instructions": "Be brief.", "profile": {"first_name": "Ada"}}
    session_id = caller.post("/join", {"room_url": ROOM, "user_id": "ada", **told}).json["session_id"]

    assert told.keys() & caller.get(f"/rooms/{ROOM}").json["lease"].keys() == set()
    session = caller.get(f"/sessions/{session_id}").json
    assert {name: session[name] for name in told} == told


@pytest.fixture
def shared(app, caller, rooms, hall):
    """A room of people, on a server that a test can ask and silence; the path under which it is looked at."""
    services = app.extensions["greenroom"]
    app.extensions["greenroom"] = replace(services, providers=Providers.of([rooms, Local()]))
    return f"/rooms/{hall}"


def test_a_room_says_who_is_there_by_its_servers_account(caller, shared, rooms, hall):
    camera = (Track(Source.CAMERA),)
    rooms.arrive(hall, "ada", name="Ada", since_ms=1_795_857_300_000, tracks=camera)
    rooms.arrive(hall, "bot:hall", is_bot=True, session_id="s-1", epoch=7)

    assert caller.get(shared).json["presence"] == {
        "status": "known",
        "because": None,
        "participants": [
            {
                "identity": "ada",
                "name": "Ada",
                "is_bot": False,
                "session_id": None,
                "since": "2026-11-28T09:15:00.000+00:00",
                "tracks": [{"source": "camera", "muted": False}],
            },
            {
                "identity": "bot:hall",
                "name": "",
                "is_bot": True,
                "session_id": "s-1",
                "since": None,
                "tracks": None,
            },
        ],
    }


def test_who_is_there_is_asked_once_for_all_who_look_within_two_seconds(caller, shared, rooms, hall):
    first = caller.get(shared).json["presence"]
    rooms.arrive(hall, "ada")

    assert caller.get(shared).json["presence"] == first


def test_nobody_there_is_another_answer_than_not_known(caller, shared):
    assert caller.get(shared).json["presence"] == {"status": "known", "because": None, "participants": []}


def test_a_room_whose_server_is_away_says_so_and_all_else(caller, shared, rooms):
    rooms.is_away = True

    response = caller.get(shared)

    assert (response.status_code, response.json["lease"]) == (200, None)
    presence = response.json["presence"]
    assert (presence["status"], presence["participants"]) == ("unknown", None)
    assert presence["because"] == str(ProviderAway())


def test_who_asks_beside_too_many_others_is_told_all_but_who_is_there(app, caller, shared, rooms):
    services = app.extensions["greenroom"]
    for _ in range(services.settings.web_threads * SHARES[Wait.OUTSIDE] // 16):
        services.seats.take(Wait.OUTSIDE)

    response = caller.get(shared)

    assert (response.status_code, rooms.asked) == (200, 0)
    assert response.json["presence"]["because"].startswith("Too many ask")


def test_a_room_says_that_its_bot_is_stale(caller, joined, bot, ledger):
    ledger.pass_time(STALE_AFTER + timedelta(seconds=1))

    assert caller.get(f"/rooms/{ROOM}").json["keepalive"]["is_stale"] is True


def test_no_answer_shows_a_claim(caller, joined, launches):
    claim = launches.asked[0][1]

    for path in (
        f"/rooms/{ROOM}",
        "/sessions",
        f"/sessions/{joined['session_id']}",
        joined["session_url"] + "/events",
    ):
        assert claim not in caller.get(path).text


# A reaping that is asked for


def test_a_reaping_says_what_was_found_and_done(caller, joined, bot, ledger, launches, reaper):
    def as_control():
        (request_id, room) = launches.reapings[-1]
        ledger.run(TellReaped(request_id, reap_as_asked(ledger, reaper, room)))

    ledger.meanwhile.append(as_control)

    response = caller.post(f"/rooms/{ROOM}/reap")

    assert response.status_code == 200
    assert response.json == {
        "status": "done",
        "room_url": ROOM,
        "found": "alive",
        "done": "nothing",
        "session_id": joined["session_id"],
        "state": "live",
        "reason": None,
    }


def test_a_reaping_that_takes_longer_is_accepted(caller, launches, monkeypatch):
    monkeypatch.setattr("greenroom.app.api.rooms.REAPED_WITHIN", timedelta(milliseconds=10))

    response = caller.post(f"/rooms/{ROOM}/reap")

    assert (response.status_code, response.json) == (202, {"status": "asked", "room_url": ROOM})
    assert [str(room) for _, room in launches.reapings] == [ROOM]


def test_a_reaping_is_asked_for_also_while_nobody_may_wait_for_one(caller, app, launches):
    services = app.extensions["greenroom"]
    for _ in range(services.settings.web_threads * SHARES[Wait.OUTSIDE] // 16):
        services.seats.take(Wait.OUTSIDE)

    assert caller.post(f"/rooms/{ROOM}/reap").status_code == 202
    assert len(launches.reapings) == 1


def test_a_room_elsewhere_is_not_reaped(caller, launches):
    problem(caller.post("/rooms/wss://elsewhere.example.com/stage/reap"), 422, "not-our-room")
    assert launches.reapings == []
