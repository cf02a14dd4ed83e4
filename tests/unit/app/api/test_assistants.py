"""Assistants over HTTP, and what a join makes of one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from greenroom.app.errors.bots import UnknownVoice
from greenroom.app.errors.storage import DatabaseAway
from greenroom.app.rooms import assistants as of_assistants
from greenroom.app.rooms.assistants import Assistants
from tests.rigs.api import problem

PEARL = {
    "name": "pearl",
    "bot": "assistant",
    "personality": "gruff",
    "persona": "Pearl",
    "language": "de",
    "voice": "deep",
    "voice_parameters": {"speed": 0.75, "stability": 0.5},
    "prompts": {"system": "You are Pearl.", "greeting": "Ciao."},
    "memory": False,
    "recording": True,
    "require_profile": ["first_name", "email"],
    "voice_session_config": {
        "enabled": False,
        "persistence": 7,
        "room_privacy": "public",
        "max_duration": 77,
        "silence": 45,
        "auto_start": True,
        "rollout_share": 10,
    },
}
JOINABLE = {name: value for name, value in PEARL.items() if name != "require_profile"}


class Watched:
    """A store that counts what it is asked, and can be away."""

    def __init__(self, store):
        self._store = store
        self.found = []
        self.is_away = False

    def __getattr__(self, name):
        if self.is_away:
            raise DatabaseAway
        return getattr(self._store, name)

    def find(self, name):
        if self.is_away:
            raise DatabaseAway
        self.found.append(name)
        return self._store.find(name)

    def find_all(self, names):
        if self.is_away:
            raise DatabaseAway
        self.found += names
        return self._store.find_all(names)


@pytest.fixture
def store(app):
    services = app.extensions["greenroom"]
    watched = Watched(services.assistants._store)
    app.extensions["greenroom"] = replace(services, assistants=Assistants(watched))
    return watched


def made(caller, **facts):
    response = caller.post("/assistants", facts)
    assert response.status_code == 201, response.text
    return response.json


def without_times(told):
    return {name: value for name, value in told.items() if name not in ("id", "created_at", "updated_at")}


def test_an_assistant_is_made_and_told_with_all_that_was_said_of_it(caller):
    told = made(caller, **PEARL)

    assert without_times(told) == PEARL
    assert told["created_at"] == told["updated_at"] and told["created_at"].endswith("+00:00")
    assert caller.get("/assistants/pearl").json == caller.get(f"/assistants/{told['id']}").json == told


def test_who_says_nothing_gets_what_is_usual(caller):
    assert without_times(made(caller, name="plain")) == {
        "name": "plain",
        "bot": None,
        "personality": None,
        "persona": None,
        "language": "en",
        "voice": None,
        "voice_parameters": {},
        "prompts": {},
        "memory": True,
        "recording": False,
        "require_profile": [],
        "voice_session_config": {
            "enabled": True,
            "persistence": 300,
            "room_privacy": "private",
            "max_duration": 3600,
            "silence": None,
            "auto_start": False,
            "rollout_share": 100,
        },
    }


def test_the_answer_says_where_the_new_one_is(caller):
    response = caller.post("/assistants", {"name": "pearl"})

    assert response.headers["Location"] == "/assistants/pearl"


def test_a_name_is_one_assistant_s(caller):
    made(caller, name="pearl")
    ruby = made(caller, name="ruby")

    problem(caller.post("/assistants", {"name": "pearl"}), 409, "assistant-exists")
    problem(caller.call("PATCH", "/assistants/ruby", {"name": "pearl"}), 409, "assistant-exists")
    assert caller.get("/assistants/ruby").json == ruby


def test_a_replaced_one_keeps_its_id_and_nothing_else(caller):
    before = made(caller, **PEARL)

    told = caller.call("PUT", "/assistants/pearl", {"name": "ruby", "persona": "Ruby"}).json

    assert told["id"] == before["id"] and told["created_at"] == before["created_at"]
    plain = without_times(made(caller, name="plain"))
    assert without_times(told) == {**plain, "name": "ruby", "persona": "Ruby"}
    problem(caller.get("/assistants/pearl"), 404, "no-such-assistant")


def test_a_change_leaves_what_it_does_not_name(caller):
    before = made(caller, **PEARL)

    changes = {
        "persona": None,
        "voice_parameters": {"speed": 1},
        "voice_session_config": {"rollout_share": 50},
    }
    told = caller.call("PATCH", f"/assistants/{before['id']}", changes).json

    config = {**PEARL["voice_session_config"], "rollout_share": 50}
    expected = {**PEARL, "persona": None, "voice_parameters": {"speed": 1}, "voice_session_config": config}
    assert without_times(told) == expected


def test_one_that_is_removed_is_gone_and_its_sessions_go_on(caller, staffed):
    made(caller, **JOINABLE)
    session = caller.post("/join", {"assistant": "pearl"}).json["session_url"]

    assert caller.call("DELETE", "/assistants/pearl").status_code == 204

    problem(caller.call("DELETE", "/assistants/pearl"), 404, "no-such-assistant")
    problem(caller.post("/join", {"assistant": "pearl"}), 422, "unknown-assistant")
    assert caller.get(session).json["assistant"] == "pearl"


def test_the_list_is_by_name_in_pages(caller):
    for name in ("c", "a", "d", "b"):
        made(caller, name=name)

    pages, after = [], ""
    while after is not None:
        page = caller.get(f"/assistants?limit=3&after={after}").json
        pages.append([each["name"] for each in page["assistants"]])
        after = page["next"]

    assert pages == [["a", "b", "c"], ["d"]]


def test_what_no_join_could_use_is_refused_when_it_is_said(caller, app):
    def check_voice(voice, *, bot, personality, settings):
        if (voice, bot, personality) == ("shrill", settings.default_bot, "gruff"):
            raise UnknownVoice

    app.extensions["greenroom"] = replace(app.extensions["greenroom"], check_voice=check_voice)

    made(caller, name="fine", voice="shrill")
    problem(
        caller.post("/assistants", {"name": "a", "voice": "shrill", "personality": "gruff"}),
        422,
        "unknown-voice",
    )
    problem(caller.call("PATCH", "/assistants/fine", {"personality": "gruff"}), 422, "unknown-voice")
    assert caller.get("/assistants/fine").json["personality"] is None


def test_a_join_with_an_assistant_gets_what_that_has(caller, launches):
    made(caller, **JOINABLE)

    joined = caller.post("/join", {"assistant": "pearl"}).json

    same = ("bot", "personality", "persona", "language", "voice", "voice_parameters", "prompts", "memory")
    assert {name: joined[name] for name in same} == {name: PEARL[name] for name in same}
    assert (joined["assistant"], joined["session_persistence"], joined["max_duration"]) == ("pearl", 7, 77)
    assert launches.asked[0][0].brief.voice_parameters == PEARL["voice_parameters"]


def test_what_the_call_names_wins(caller, settings):
    made(caller, **JOINABLE)
    call = {
        "assistant": "pearl",
        "personality": "host",
        "persona": "Ruby",
        "language": "fr",
        "voice": "bright",
        "voice_parameters": {"speed": 1.5},
        "prompts": {"greeting": "Salut."},
        "memory": True,
        "session_persistence": 0,
        "max_duration": 20,
    }

    joined = caller.post("/join", call).json

    merged = {
        "voice_parameters": {"speed": 1.5, "stability": 0.5},
        "prompts": {"system": "You are Pearl.", "greeting": "Salut."},
    }
    assert {name: joined[name] for name in call} == {**call, **merged}


def test_what_neither_names_is_as_the_installation_has_it(caller, settings):
    made(caller, name="plain")

    joined = caller.post("/join", {"assistant": "plain"}).json

    assert (joined["bot"], joined["personality"]) == (settings.default_bot, settings.default_personality)
    assert timedelta(seconds=joined["session_persistence"]) == settings.session_persistence
    assert timedelta(seconds=joined["max_duration"]) == settings.max_duration


def test_what_neither_names_is_as_the_personality_limits_it_and_then_as_the_installation_has_it(app, caller):
    minute, two = timedelta(minutes=1), timedelta(minutes=2)
    app.extensions["greenroom"] = replace(
        app.extensions["greenroom"], limits={"gruff": {"persistence": minute, "max_duration": minute}}
    )
    made(caller, name="brief", personality="gruff", voice_session_config={"max_duration": 120})

    by_assistant = caller.post("/join", {"assistant": "brief"}).json
    by_call = caller.post("/join", {"personality": "gruff", "session_persistence": 7}).json

    assert timedelta(seconds=by_assistant["session_persistence"]) == minute
    assert timedelta(seconds=by_assistant["max_duration"]) == two
    assert (by_call["session_persistence"], by_call["max_duration"]) == (7, 60)


def test_an_assistant_goes_by_its_name_in_the_session_also_if_it_was_joined_by_its_id(caller):
    told = made(caller, **JOINABLE)

    assert caller.post("/join", {"assistant": told["id"]}).json["assistant"] == "pearl"


def test_an_unknown_assistant_is_named_and_launches_nothing(caller, launches):
    refused = problem(caller.post("/join", {"assistant": "perl"}), 422, "unknown-assistant")

    assert "no assistant named perl" in refused["detail"] and launches.asked == []


def test_an_assistant_is_read_once_for_many_joins(caller, store):
    made(caller, **JOINABLE)
    store.found.clear()

    for _ in range(5):
        caller.post("/join", {"assistant": "pearl"})
    caller.post("/join", {})

    assert store.found == ["pearl"]


def test_the_next_join_sees_a_change(caller, store):
    told = made(caller, **JOINABLE)
    for name in ("pearl", told["id"]):
        caller.post("/join", {"assistant": name})

    caller.call("PATCH", "/assistants/pearl", {"persona": "Ruby"})

    by_name, by_id = (caller.post("/join", {"assistant": name}).json for name in ("pearl", told["id"]))
    assert (by_name["persona"], by_id["persona"]) == ("Ruby", "Ruby")
    caller.call("DELETE", f"/assistants/{told['id']}")
    problem(caller.post("/join", {"assistant": "pearl"}), 422, "unknown-assistant")


def test_a_change_by_another_process_is_seen_soon(caller, app, store, monkeypatch):
    monkeypatch.setattr(of_assistants, "SEEN_WITHIN", timedelta(0))
    app.extensions["greenroom"] = replace(app.extensions["greenroom"], assistants=Assistants(store))
    made(caller, **JOINABLE)
    caller.post("/join", {"assistant": "pearl"})

    store.change("pearl", lambda old: replace(old, persona="Ruby"))

    assert caller.post("/join", {"assistant": "pearl"}).json["persona"] == "Ruby"


def test_while_the_database_is_away_known_assistants_join_and_unknown_ones_are_told_to_wait(caller, store):
    made(caller, **JOINABLE)
    caller.post("/join", {"assistant": "pearl"})
    store.is_away = True

    assert caller.post("/join", {"assistant": "pearl"}).status_code == 202
    assert caller.post("/join", {}).status_code == 202
    response = caller.post("/join", {"assistant": "ruby"})
    problem(response, 503, "database-away")
    assert response.headers["Retry-After"]
    problem(caller.get("/assistants"), 503, "database-away")


def test_an_assistant_whose_bot_is_gone_from_the_installation_says_so_when_it_is_joined(caller, store):
    told = made(caller, **JOINABLE)
    store.change(told["id"], lambda old: replace(old, bot="former"))

    refused = problem(caller.post("/join", {"assistant": "pearl"}), 422, "unknown-bot")
    assert "former" in refused["detail"]
