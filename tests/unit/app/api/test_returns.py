"""Coming back to a session with a resume token: once, as its user, for as long as the session lives."""

import time

import pytest

from greenroom.app import resume_tokens
from greenroom.app.api.seats import SHARES, Wait
from greenroom.app.errors.callers import UnknownCredential
from greenroom.app.resume_tokens import ResumeTokens
from greenroom.app.rooms.sessions import State
from tests.rigs.api import KEY, SIGNS, problem, routes

pytestmark = pytest.mark.usefixtures("staffed")

FOR_ANYBODY = {"instructions", "metadata", "profile", "prompts"}


@pytest.fixture
def joined(caller):
    order = {
        "room_url": "local:stage",
        "user_id": "ada",
        "instructions": "A pirate.",
        "metadata": {"ticket": 7},
    }
    return caller.post("/join", order).json


@pytest.fixture
def token(joined):
    return joined["connect"]["resume_token"]


@pytest.fixture
def page(caller, token):
    """A page that has nothing left but its resume token."""
    return caller.with_(token)


def test_a_page_comes_back_to_its_session_with_nothing_but_the_token(page, joined):
    answer = page.post("/join", {})

    assert answer.status_code == 200
    back = answer.json
    for fact in ("session_id", "conversation_id", "room_url"):
        assert back[fact] == joined[fact]
    assert back["reused"] is True
    assert back["connect"]["user_id"] == "ada"


def test_the_answer_opens_the_session_and_has_the_next_token(page, caller, joined, token):
    connect = page.post("/join", {}).json["connect"]

    assert caller.with_(connect["token"]).get(joined["session_url"]).status_code == 200
    assert connect["resume_token"] != token
    assert caller.with_(connect["resume_token"]).post("/join", {}).status_code == 200


def test_a_second_use_is_refused_in_words(page):
    page.post("/join", {})
    said = problem(page.post("/join", {}), 410, "resume-token-used")

    assert "used before" in said["detail"]


def test_a_return_that_may_not_wait_is_answered_at_once_since_its_token_is_used(app, page, joined):
    here = app.extensions["greenroom"]
    for _ in range(here.settings.web_threads * SHARES[Wait.JOIN] // 16):
        here.seats.take(Wait.JOIN)
    answer = page.post("/join?wait=30", {})

    assert (answer.status_code, answer.json["session_id"]) == (200, joined["session_id"])


def test_a_server_of_somebody_s_own_sends_it_for_its_page(caller, token, joined):
    again = {"resume_token": token}

    assert caller.post("/join", again).json["session_id"] == joined["session_id"]
    problem(caller.post("/join", again), 410, "resume-token-used")


def test_of_what_was_asked_for_a_page_is_told_what_anybody_may_know(page):
    back = page.post("/join", {}).json

    assert {name: back[name] for name in FOR_ANYBODY} == {
        "instructions": None,
        "metadata": {},
        "profile": {},
        "prompts": {},
    }


def test_nothing_can_be_chosen_with_it(page, joined):
    said = problem(page.post("/join", {"room_url": "local:office", "voice": "deep"}), 422, "rejected")

    assert "room_url and voice" in said["detail"]
    assert page.post("/join", {}).json["session_id"] == joined["session_id"]  # and it was not used up


def test_it_dies_with_its_session(page, caller, joined):
    caller.post("/leave", {"session_id": joined["session_id"]})

    problem(page.post("/join", {}), 410, "session-ended")


def test_it_opens_nothing_but_the_return(app, page, joined):
    for method, rule in routes(app):
        view = app.view_functions[next(r.endpoint for r in app.url_map.iter_rules() if r.rule == rule)]
        if rule in ("/join", "/openapi.json") or getattr(view, "is_public", False):
            continue
        path = rule.replace("<session_id>", joined["session_id"]).replace("<path:room_url>", "local:stage")
        response = page.call(method, path, None)
        assert response.status_code == 403, (method, rule)


def test_a_bot_that_waits_is_told_that_somebody_is_on_their_way(page, puppet):
    bot = puppet().go_live()
    bot.enter(State.WAITING)
    page.post("/join", {})
    bot.obey()

    assert [kind for kind, _ in bot.heard] == ["expect"]


def test_redis_has_nothing_by_which_somebody_could_come_back(page, token, redis_client):
    page.post("/join", {})
    kept = " ".join(str(key) for key in redis_client.scan_iter())
    nonce = ResumeTokens(SIGNS).read(token).nonce

    assert "resume" in kept
    assert nonce not in kept and token not in kept


@pytest.mark.parametrize("change", ["another secret", "cut", "a key", "a pass", "too long", "expired"])
def test_what_was_not_signed_here_or_has_expired_opens_nothing(caller, token, change, monkeypatch):
    if change == "expired":
        later = time.time() + resume_tokens.LASTS.total_seconds() + 1
        monkeypatch.setattr(resume_tokens.time, "time", lambda: later)
    wrong = {
        "another secret": ResumeTokens("another secret").mint("a-session", "ada"),
        "cut": token[:-2],
        "a key": "resume." + KEY,
        "a pass": token.replace("resume.", "pass."),
        "too long": "resume." + "a" * 5000,
        "expired": token,
    }[change]

    problem(caller.with_(wrong).post("/join", {}), 401, "unauthorized")


def test_an_empty_secret_signs_nothing():
    with pytest.raises(ValueError, match="empty"):
        ResumeTokens("")


def test_a_token_of_another_kind_is_none(settings):
    with pytest.raises(UnknownCredential):
        ResumeTokens(SIGNS).read("session:ada")
