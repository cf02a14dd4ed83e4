"""Who may call what: a matrix over every route there is, and no to everything new."""

import time

import pytest
from flask import Flask

from greenroom.app.access import public
from greenroom.app.api.application import register
from greenroom.app.api.auth import mint, session_tokens
from greenroom.app.api.services import Services
from tests.fakes.launches import RememberedLaunches
from tests.rigs.api import KEY, Caller, problem, routes

EVERYBODY = {
    ("GET", "/"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/docs/start.js"),
    ("GET", "/docs/<path:name>"),
    ("GET", "/talk"),
    ("GET", "/talk/fresh.js"),
    ("GET", "/talk/<path:name>"),
    ("POST", "/webhooks/livekit"),  # signed
    ("POST", "/webhooks/daily"),
    ("GET", "/vendor/<path:name>"),
}
ITS_SESSION = {
    ("POST", "/leave"),
    ("GET", "/sessions/<session_id>"),
    ("GET", "/sessions/<session_id>/events"),
    ("POST", "/sessions/<session_id>/cleanup"),
    ("POST", "/sessions/<session_id>/move"),
    ("POST", "/sessions/<session_id>/invitation"),
    ("POST", "/sessions/<session_id>/api/offer"),
    ("PATCH", "/sessions/<session_id>/api/offer"),
    ("POST", "/sessions/<session_id>/pause"),
    ("POST", "/sessions/<session_id>/resume"),
    ("POST", "/sessions/<session_id>/extend"),
}
THE_KEY = {
    ("POST", "/join"),
    ("POST", "/config"),
    ("POST", "/admin"),
    ("POST", "/voice/room"),
    ("DELETE", "/voice/room"),
    ("POST", "/passes"),
    ("GET", "/choices"),
    ("POST", "/sessions/<session_id>/token"),
    ("POST", "/sessions/<session_id>/requests/<name>"),
    ("GET", "/rooms/<path:room_url>"),
    ("POST", "/rooms/<path:room_url>/reap"),
    ("GET", "/sessions"),
    ("GET", "/events"),
    ("GET", "/conversations"),
    ("GET", "/analytics"),
    ("GET", "/users/<user_id>"),
    ("GET", "/users/<user_id>/export"),
    ("GET", "/users/<user_id>/session"),
    ("DELETE", "/users/<user_id>"),
    ("GET", "/conversations/<conversation_id>"),
    ("GET", "/assistants"),
    ("POST", "/assistants"),
    ("GET", "/assistants/<name>"),
    ("PUT", "/assistants/<name>"),
    ("PATCH", "/assistants/<name>"),
    ("DELETE", "/assistants/<name>"),
    ("PUT", "/users/<user_id>"),
    ("PATCH", "/users/<user_id>"),
}
BODIES = {
    "/leave": lambda session_id: {"session_id": session_id},
    "/join": lambda _: {"room_url": "local:matrix"},
    "/assistants": lambda _: {"name": "pearl"},
    "/passes": lambda _: {"room_url": "local:matrix"},
    "/voice/room": lambda _: {"user_id": "ada"},
    "/admin": lambda session_id: {"action": "mute", "session_id": session_id},
    "/config": lambda _: {"room_url": "local:matrix", "voice": "deep"},
    "/sessions/<session_id>/extend": lambda _: {"seconds": 60},
    "/sessions/<session_id>/api/offer": lambda _: {"sdp": "v=0", "type": "offer"},
    "/sessions/<session_id>/move": lambda _: {"room_url": "local:elsewhere"},
}
WRONG_CREDENTIALS = [
    None,
    "",
    "wrong",
    KEY + "x",
    KEY[:-1],
    KEY.upper(),
    "ключ",
    "a" * 5000,
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",  # a JWT that says it needs no signature
]


def a_path(rule, session_id):
    return (
        rule.replace("<session_id>", session_id)
        .replace("<path:room_url>", "local:matrix")
        .replace("<path:name>", "index.html")
        .replace("<conversation_id>", "talk")
        .replace("<name>", "pearl")
        .replace("<user_id>", "ada")
    )


def allowed(method, rule):
    """OPTIONS tells the methods of a route to whoever may call it."""
    if method == "OPTIONS":
        others = {(other, path) for other, path in EVERYBODY | ITS_SESSION | THE_KEY if path == rule}
        return next(level for level in (EVERYBODY, ITS_SESSION, THE_KEY) if others & level)
    return next((level for level in (EVERYBODY, ITS_SESSION, THE_KEY) if (method, rule) in level), None)


@pytest.fixture
def session_id(caller):
    return caller.post("/join", {"room_url": "local:one", "user_id": "ada"}).json["session_id"]


@pytest.fixture
def call(caller, session_id):
    """One call of every kind, to that session where it is to one."""

    def of(method, rule, credential):
        body = BODIES[rule](session_id) if method in ("POST",) and rule in BODIES else None
        if method == "PATCH":
            body = {"memory": False} if rule.startswith("/assistants") else {"pc_id": "p", "candidates": []}
        if method == "PUT":
            body = {"name": "pearl"}
        if rule.startswith("/users"):
            body = {"profile": {"first_name": "Ada"}}
        return caller.with_(credential).call(method, a_path(rule, session_id), body)

    return of


def every_route(app):
    return [(method, rule) for method, rule in routes(app)]


def test_every_route_is_in_the_matrix(app):
    known = {(method, rule) for method, rule in every_route(app) if method != "OPTIONS"}

    assert known == EVERYBODY | ITS_SESSION | THE_KEY


@pytest.mark.parametrize(
    "credential", WRONG_CREDENTIALS, ids=lambda given: str(given)[:20].encode().hex()[:12]
)
def test_without_a_right_credential_only_what_is_everybody_s_answers(app, call, credential):
    for method, rule in every_route(app):
        response = call(method, rule, credential)
        if allowed(method, rule) is EVERYBODY:
            assert response.status_code not in (401, 403), (method, rule)
        else:
            problem(response, 401, "unauthorized")
            assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.usefixtures("impatient")
def test_the_key_opens_everything(app, call):
    for method, rule in every_route(app):
        assert call(method, rule, KEY).status_code not in (401, 403), (method, rule)


@pytest.mark.usefixtures("impatient")
def test_a_session_s_token_opens_that_session_and_no_more(app, caller, call, session_id, settings):
    its_user = caller.get(f"/sessions/{session_id}").json["user_id"]
    token = mint(session_tokens(settings.signing_secret), session_id, its_user)
    for method, rule in every_route(app):
        response = call(method, rule, token)
        if allowed(method, rule) is THE_KEY:
            problem(response, 403, "forbidden")
        else:
            assert response.status_code not in (401, 403), (method, rule)


def test_another_session_s_token_opens_nothing(app, caller, call, session_id, settings):
    other = caller.post("/join", {"room_url": "local:two"}).json["connect"]["token"]
    for method, rule in every_route(app):
        response = call(method, rule, other)
        if allowed(method, rule) is EVERYBODY:
            assert response.status_code not in (401, 403)
        elif (method, rule) != ("OPTIONS", "/leave"):  # which says the methods, and nothing of a session
            problem(response, 403, "forbidden")


def test_a_token_for_an_unknown_session_does_not_say_whether_another_is_there(caller, session_id, settings):
    token = mint(session_tokens(settings.signing_secret), "nobody", "ada")

    there = caller.with_(token).get(f"/sessions/{session_id}")
    not_there = caller.with_(token).get("/sessions/somebody")

    assert there.json == not_there.json


def test_a_session_s_token_leaves_no_room_by_its_name(caller, session_id, settings):
    token = mint(session_tokens(settings.signing_secret), session_id, "ada")

    problem(caller.with_(token).post("/leave", {"room_url": "local:one"}), 403, "forbidden")


@pytest.mark.parametrize("change", ["signed with another key", "cut", "with another session", "expired"])
def test_a_token_that_was_tampered_with_opens_nothing(caller, session_id, settings, change, monkeypatch):
    token = mint(session_tokens(settings.signing_secret), session_id, "ada")
    if change == "signed with another key":
        token = mint(session_tokens("another key"), session_id, "ada")
    elif change == "cut":
        token = token[:-2]
    elif change == "with another session":
        foreign = mint(session_tokens(settings.signing_secret), "another", "ada")
        token = ".".join([foreign.split(".")[0], *token.split(".")[1:]])
    else:
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + 2 * 3600 + 5)

    problem(caller.with_(token).get(f"/sessions/{session_id}"), 401, "unauthorized")


def test_nobody_who_knows_the_key_alone_can_make_a_token(caller, session_id):
    """A token's holder could try keys against its signature, 170,000 a second, without asking anybody."""
    token = mint(session_tokens(KEY), session_id, "ada")

    problem(caller.with_(token).get(f"/sessions/{session_id}"), 401, "unauthorized")


def test_nothing_is_signed_with_an_empty_secret():
    with pytest.raises(ValueError, match="empty"):
        session_tokens("")


def test_the_key_is_taken_in_no_other_way(caller):
    nobody = caller.with_(None)

    for headers in (
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
        {"X-API-Key": KEY},
        {"Cookie": KEY},
    ):
        problem(nobody.get("/sessions", headers=headers), 401, "unauthorized")
    problem(nobody.get(f"/sessions?key={KEY}"), 401, "unauthorized")
    assert nobody.get("/sessions", headers={"Authorization": f"bearer {KEY}"}).status_code == 200


def test_a_wrong_key_is_told_from_none(caller):
    """Who had sent the key of another installation was told to send a key."""
    without = problem(caller.with_(None).get("/sessions"), 401, "unauthorized")
    assert "Send the API key" in without["detail"]

    for wrong in ("another-installation-s-key", "pass.another.one"):
        told = problem(caller.with_(wrong).get("/sessions"), 401, "unauthorized")
        assert "not one of this installation's" in told["detail"]


def test_what_is_not_there_is_not_there_for_anybody(caller):
    problem(caller.with_(None).get("/nowhere"), 404, "not-found")
    problem(caller.with_(None).get("/static/talk/index.html"), 404, "not-found")


def test_a_new_route_needs_the_key_until_somebody_says_otherwise(settings, ledger):
    app = Flask("app", static_folder=None)
    register(app, Services.over(ledger, RememberedLaunches(), settings, ("host",)))
    app.add_url_rule("/new", "new", lambda: "new")
    app.add_url_rule("/open", "open", public(lambda: "open"))
    nobody = Caller(app.test_client(), None)

    problem(nobody.get("/new"), 401, "unauthorized")
    assert nobody.with_(KEY).get("/new").text == "new"
    assert nobody.get("/open").text == "open"
