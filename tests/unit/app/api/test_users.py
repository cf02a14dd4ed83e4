"""What is said of users, and what an assistant requires to be known of them before they join."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.errors.storage import DatabaseAway
from greenroom.app.rooms import users
from greenroom.app.rooms.archive import Batch, Delivery, Report, Visit
from greenroom.app.rooms.conversations import Record, Turn
from greenroom.app.rooms.users import Users
from tests.rigs.api import problem
from tests.rigs.makers import a_session

STRICT = {"name": "strict", "require_profile": ["first_name", "email"]}
ADA = {"first_name": "Ada", "email": "ada@example.com"}


class Watched:
    """A store that counts, and can be away."""

    def __init__(self, store):
        self._store = store
        self.asked = []
        self.is_away = False
        self.is_open = threading.Event()
        self.is_open.set()

    def find(self, user_id):
        return self._of("find", user_id)

    def change(self, user_id, change):
        return self._of("change", user_id, change)

    def _of(self, what, *arguments):
        self.is_open.wait(30)
        if self.is_away:
            raise DatabaseAway
        self.asked.append(what)
        return getattr(self._store, what)(*arguments)


@pytest.fixture
def store(app):
    services = app.extensions["greenroom"]
    watched = Watched(services.users._store)
    app.extensions["greenroom"] = replace(services, users=Users(watched))
    yield watched
    watched.is_open.set()


@pytest.fixture
def strict(caller):
    assert caller.post("/assistants", STRICT).status_code == 201


def put(caller, user_id="ada", **said):
    return caller.call("PUT", f"/users/{user_id}", said).json


def patch(caller, user_id="ada", **said):
    return caller.call("PATCH", f"/users/{user_id}", said).json


def join(caller, **more):
    return caller.post("/join", {"assistant": "strict", "user_id": "ada", **more})


def test_what_is_said_of_a_user_is_told(caller):
    told = put(caller, profile=ADA, preferences={"tea": {"with": ["milk", None]}})

    assert told["user_id"] == "ada" and told["created_at"] == told["updated_at"]
    assert (told["profile"], told["preferences"]) == (ADA, {"tea": {"with": ["milk", None]}})


def test_a_change_leaves_what_it_does_not_name_and_null_takes_an_entry_out(caller):
    before = put(caller, profile={**ADA, "age": 36}, preferences={"tea": "black"})

    told = patch(caller, profile={"first_name": "Augusta", "age": None, "is_member": True})

    assert told["profile"] == {"first_name": "Augusta", "email": "ada@example.com", "is_member": True}
    assert told["preferences"] == {"tea": "black"} and told["created_at"] == before["created_at"]
    assert put(caller, profile={"age": 37, "email": None})["profile"] == {"age": 37}
    assert patch(caller)["preferences"] == {}


def test_a_user_of_whom_nothing_was_known_is_made_by_a_change(caller):
    assert patch(caller, "bob", profile={"age": 1})["profile"] == {"age": 1}


@pytest.mark.usefixtures("strict")
def test_a_join_that_lacks_what_is_required_is_told_what(caller, launches):
    patch(caller, profile={"first_name": "Ada", "email": ""})

    refused = problem(join(caller), 409, "profile-incomplete")

    assert (refused["missing"], refused["assistant"]) == (["email"], "strict")
    assert "email" in refused["detail"] and launches.asked == []
    assert problem(join(caller, user_id="bob"), 409, "profile-incomplete")["missing"] == [
        "first_name",
        "email",
    ]
    guest = caller.post("/join", {"assistant": "strict"})
    assert problem(guest, 409, "profile-incomplete")["missing"] == ["first_name", "email"]


@pytest.mark.usefixtures("strict")
def test_what_is_found_is_told_to_the_bot_and_nothing_else_of_it(caller, launches):
    patch(caller, profile={**ADA, "diagnosis": "x"})

    assert join(caller).json["profile"] == ADA
    assert launches.asked[0][0].brief.profile == ADA


@pytest.mark.usefixtures("strict")
def test_what_is_brought_is_told_to_the_bot_and_known_the_next_time(caller):
    brought = {**ADA, "age": 36, "shoes": None}
    assert join(caller, profile=brought).json["profile"] == {**ADA, "age": 36}

    assert join(caller).json["profile"] == ADA
    assert patch(caller)["profile"] == {**ADA, "age": 36}


@pytest.mark.usefixtures("strict")
def test_what_is_brought_wins_over_what_is_known(caller):
    patch(caller, profile=ADA)

    assert join(caller, profile={"first_name": "Augusta"}).json["profile"]["first_name"] == "Augusta"
    assert patch(caller)["profile"] == {**ADA, "first_name": "Augusta"}


def test_a_guest_leaves_no_profile(caller, store):
    assert caller.post("/join", {"profile": ADA}).json["profile"] == ADA

    assert store.asked == []


@pytest.mark.usefixtures("strict")
def test_joins_that_bring_nothing_new_write_nothing_and_others_do_not_ask_at_all(caller, store):
    patch(caller, profile=ADA)
    store.asked.clear()

    join(caller)
    join(caller, profile=ADA)
    assert set(store.asked) == {"find"}

    store.asked.clear()
    caller.post("/join", {"user_id": "ada"})
    assert store.asked == []


@pytest.mark.usefixtures("strict")
def test_nobody_waits_for_a_database_that_hangs(caller, store, monkeypatch):
    monkeypatch.setattr(users, "WITHIN", timedelta(milliseconds=150))
    store.is_open.clear()

    assert join(caller, profile=ADA).status_code == 202
    problem(join(caller, room_url="local:other"), 503, "database-away")
    store.is_open.set()
    monkeypatch.undo()
    assert join(caller, profile=ADA, room_url="local:other").status_code == 202
    assert patch(caller)["profile"] == ADA


@pytest.mark.usefixtures("strict")
def test_while_the_database_is_away_who_brings_all_joins_and_who_must_be_looked_for_waits(caller, store):
    patch(caller, "bob", profile=ADA)
    assert join(caller, user_id="bob", room_url="local:bob").status_code == 202
    store.is_away = True

    with capture_logs() as logged:
        assert join(caller, profile=ADA).json["profile"] == ADA
    assert [line["user_id"] for line in logged if line["event"] == "profile_write_failed"] == ["ada"]
    assert "Ada" not in str(logged)
    problem(join(caller, user_id="bob", room_url="local:bob-2"), 503, "database-away")
    assert caller.call("PUT", "/users/ada", {}).status_code == 503


def test_somebody_else_in_the_room_is_not_told_of_the_profile(caller):
    caller.post("/join", {"room_url": "local:stage", "user_id": "ada", "profile": ADA})
    joined = caller.post("/join", {"room_url": "local:stage", "user_id": "bob"}).json

    told = caller.with_(joined["connect"]["token"]).get(joined["session_url"]).json

    assert told["profile"] == {}


@pytest.fixture
def talked(caller, app, ledger):
    """Ann has talked, and some of it is kept already."""
    caller.call("PUT", "/users/ann", {"profile": {"first_name": "Ann"}})
    archive = SqlArchive(app.extensions["greenroom"].database)
    turn = Turn("t-1", "user", "Hello.", epoch=7, sequence=1, started_ms=1000, ended_ms=2000)
    archive.keep_turns([Batch("c-1", "main", "ann", (Delivery(turn, "s-1", 7),))])
    ledger.run(Record("s-1", "c-1", 7, Turn("t-2", "user", "Bye."), owner="main/ann"))


def test_what_is_known_of_a_user_is_told(caller, talked):
    told = caller.get("/users/ann").json

    assert (told["user_id"], told["profile"], told["facts"]) == ("ann", {"first_name": "Ann"}, [])
    assert told["counts"] == {"conversations": 1, "sessions": 0, "turns": 1, "facts": 0, "notes": 0}
    assert told["last_seen_at"] == "1970-01-01T00:00:02.000+00:00"


def test_who_only_came_to_another_s_session_is_known_as_well(caller, app):
    session = a_session(user_id="ben", created_ms=1000)
    visit = Visit("carl", 2000, name="Carl")
    SqlArchive(app.extensions["greenroom"].database).keep_session(Report(session, (), (visit,)))

    told = caller.get("/users/carl").json
    assert (told["user_id"], told["profile"], told["created_at"]) == ("carl", {}, None)
    assert caller.get("/users/carl/export").json["participants"][0]["name"] == "Carl"
    problem(caller.get("/users/dora"), 404, "no-such-user")


def test_all_that_is_kept_of_a_user_is_exported(caller, talked):
    response = caller.get("/users/ann/export")

    assert response.status_code == 200 and response.mimetype == "application/json"
    assert response.headers["Content-Disposition"] == 'attachment; filename="ann.json"'
    assert [turn["content"] for turn in response.json["turns"]] == ["Hello."]
    assert response.json["users"][0]["profile"] == {"first_name": "Ann"} and response.json["facts"] == []


def test_a_user_who_is_erased_is_not_known_any_more(caller, talked):
    erased = caller.call("DELETE", "/users/ann")

    assert erased.status_code == 200
    assert (erased.json["user_id"], erased.json["erased"]["turns"]) == ("ann", 1)
    problem(caller.get("/users/ann"), 404, "no-such-user")
    problem(caller.get("/users/ann/export"), 404, "no-such-user")
    problem(caller.get("/conversations/c-1"), 404, "no-such-conversation")
    assert caller.get("/conversations").json["conversations"] == []
    assert set(caller.call("DELETE", "/users/ann").json["erased"].values()) == {0}


def test_a_user_with_whom_a_bot_is_on_is_not_erased(caller, staffed):
    session = caller.post("/join", {"user_id": "ann"}).json["session_id"]

    refused = problem(caller.call("DELETE", "/users/ann"), 409, "user-in-session")
    assert refused["sessions"] == [session]

    assert caller.post("/leave", {"session_id": session}).status_code == 200
    assert caller.call("DELETE", "/users/ann").status_code == 200


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_nobody_reads_or_erases_with_a_session_s_token(caller, staffed, method):
    own = caller.post("/join", {"user_id": "ann"}).json["connect"]["token"]

    problem(caller.with_(own).call(method, "/users/ann"), 403, "forbidden")


def test_a_page_asks_where_its_user_is_in_the_names_of_pages(caller):
    joined = caller.post("/join", {"room_url": "local:stage", "user_id": "ada"}).json

    assert caller.get("/users/ada/session").json == {
        "activeSession": "voice",
        "voiceSession": {
            "status": "connecting",
            "roomUrl": "local:stage",
            "sessionId": joined["session_id"],
        },
        "forum": {"status": "inactive", "roomUrl": None, "sessionId": None, "joined": False},
    }
    assert caller.get("/users/nobody-yet/session").json["activeSession"] == "none"
