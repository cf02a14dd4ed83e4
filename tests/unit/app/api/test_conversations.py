"""Conversations over HTTP."""

import pytest

from greenroom.app.api.auth import mint, session_tokens
from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.rooms.archive import Batch, Delivery
from greenroom.app.rooms.conversations import Record, Turn
from tests.rigs.api import problem

BEGAN = 1_795_900_000_000  # 2026-11-28T20:26:40Z


@pytest.fixture
def keep(app):
    archive = SqlArchive(app.extensions["greenroom"].database)

    def of(conversation_id, *contents, user_id="ann", at_ms=BEGAN):
        turns = [
            Turn(
                f"turn-{number}",
                ("user", "assistant")[number % 2],
                content,
                epoch=7,
                sequence=number + 1,
                started_ms=at_ms + number * 1000,
                ended_ms=at_ms + number * 1000 + 500,
            )
            for number, content in enumerate(contents)
        ]
        deliveries = tuple(Delivery(turn, "a-session", 7) for turn in turns)
        archive.keep_turns([Batch(conversation_id, "main", user_id, deliveries)])

    return of


def ids(response):
    assert response.status_code == 200, response.text
    return [each["conversation_id"] for each in response.json["conversations"]]


def test_conversations_are_listed_in_pages(caller, keep):
    for number in range(3):
        keep(f"c-{number}", "hello", at_ms=BEGAN + number)

    first = caller.get("/conversations?limit=2")
    second = caller.get(f"/conversations?limit=2&after={first.json['next']}")

    assert (ids(first), ids(second), second.json["next"]) == (["c-2", "c-1"], ["c-0"], None)
    assert second.json["conversations"] == [
        {
            "conversation_id": "c-0",
            "user_id": "ann",
            "assistant": None,
            "room_url": None,
            "turn_count": 1,
            "started_at": "2026-11-28T21:06:40.000+00:00",
            "last_at": "2026-11-28T21:06:40.500+00:00",
        }
    ]


def test_conversations_are_found_by_user_time_and_words(caller, keep):
    keep("a", "Good morning", user_id="ann")
    keep("b", "Good night", user_id="ben", at_ms=BEGAN + 86_400_000)

    assert ids(caller.get("/conversations?user=ann")) == ["a"]
    assert ids(caller.get("/conversations?q=good")) == ["b", "a"]
    assert ids(caller.get("/conversations?q=night&user=ann")) == []
    assert ids(caller.get("/conversations?from=2026-11-29")) == ["b"]
    assert ids(caller.get("/conversations?to=2026-11-29T00:00:00Z")) == ["a"]


@pytest.mark.parametrize(
    "query",
    [
        "user=a b",
        "limit=0",
        "limit=1001",
        "from=yesterday",
        "from=",
        "after=x",
        "q=a%00b",
        "usr=ann",
        "room=",
    ],
)
def test_what_makes_no_sense_is_refused(caller, query):
    assert caller.get(f"/conversations?{query}").status_code == 422


def test_a_conversation_is_told_with_its_turns(caller, keep):
    keep("a", "Hello.", "Hi!")

    told = caller.get("/conversations/a").json

    assert (told["user_id"], told["turn_count"], told["next"]) == ("ann", 2, None)
    assert [(turn["sequence"], turn["role"], turn["content"]) for turn in told["turns"]] == [
        (1, "user", "Hello."),
        (2, "assistant", "Hi!"),
    ]
    page = caller.get("/conversations/a?limit=1").json
    rest = caller.get(f"/conversations/a?after={page['next']}").json
    assert [turn["id"] for part in (page, rest) for turn in part["turns"]] == ["turn-0", "turn-1"]


def test_what_is_not_kept_yet_is_told_as_well(caller, ledger, keep):
    ledger.run(Record("a-session", "on", 7, Turn("t", "user", "Now."), owner="main/ann"))

    told = caller.get("/conversations/on").json

    assert (told["user_id"], told["turns"][0]["content"]) == ("ann", "Now.")


@pytest.mark.parametrize(
    ("accept", "query", "mimetype"),
    [
        ("text/vtt", "", "text/vtt"),
        ("*/*", "?format=vtt", "text/vtt"),
        ("text/plain", "", "text/plain"),
        ("application/json", "?format=text", "text/plain"),
        ("text/plain", "?format=json", "application/json"),
        ("*/*", "", "application/json"),
        ("image/png", "", "application/json"),
    ],
)
def test_a_conversation_is_told_as_is_asked_for(caller, keep, accept, query, mimetype):
    keep("a", "Hello.")

    response = caller.get(f"/conversations/a{query}", headers={"Accept": accept})

    assert response.status_code == 200
    assert response.mimetype == mimetype
    assert response.text.startswith({"text/vtt": "WEBVTT", "text/plain": "Conv"}.get(mimetype, "{"))


def test_text_says_where_the_next_page_is(caller, keep):
    keep("a", "Hello.", "Hi!")

    first = caller.get("/conversations/a?limit=1", headers={"Accept": "text/vtt"})
    place = first.headers["Link"].removeprefix("<").partition(">")[0]
    second = caller.get(place)

    assert "Hello." in first.text and "Hi!" not in first.text
    assert "Hi!" in second.text and "Hello." not in second.text and "Link" not in second.headers
    assert second.mimetype == "text/vtt"


@pytest.mark.parametrize("name", ["nothing", "a%00b", "a b", "a" * 65, "%F0%9F%98%80"])
def test_a_conversation_that_never_was_is_not_there(caller, name):
    problem(caller.get(f"/conversations/{name}"), 404, "no-such-conversation")


def test_nobody_reads_with_a_session_s_token_or_a_pass(caller, keep, settings):
    keep("a", "Hello.")
    session = caller.post("/join", {"user_id": "ann"}).json["session_id"]
    own = mint(session_tokens(settings.signing_secret), session, "ann")
    door = caller.post("/passes", {"room_url": "local:hall", "user_id": "ann"}).json["pass"]

    for credential in (own, door):
        for path in ("/conversations", "/conversations/a"):
            problem(caller.with_(credential).get(path), 403, "forbidden")
