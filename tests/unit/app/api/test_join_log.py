"""Each answer to /join is one line in the log, with ids and kinds and nothing that somebody wrote."""

import pytest
from structlog.testing import capture_logs

ROOM = "local:stage"


@pytest.fixture
def lines():
    """What is logged of joins."""
    with capture_logs() as logged:
        yield lambda: [line for line in logged if line["event"].startswith("join_")]


def test_a_join_is_one_line(caller, lines):
    joined = caller.post(
        "/join", {"room_url": ROOM, "user_id": "ada", "instructions": "A secret pirate."}
    ).json
    caller.post("/join", {"room_url": ROOM, "user_id": "bob"})

    first, second = lines()
    assert first.pop("latency_ms") >= 0
    assert first == {
        "event": "join_answered",
        "log_level": "info",
        "user_id": "ada",
        "room": ROOM,
        "session_id": joined["session_id"],
        "state": "queued",
        "reused": False,
        "status": 202,
    }
    assert (second["user_id"], second["reused"], second["status"]) == ("bob", True, 202)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ({"room_url": ROOM, "user_id": "a secret"}, "invalid", 422),
        ({"room_url": "a secret"}, "bad-room", 422),
        ({"bot": "a-secret"}, "unknown-bot", 422),
    ],
)
def test_a_refusal_is_one_line_with_its_kind(caller, lines, body, kind, status):
    caller.post("/join", body)

    [line] = lines()
    assert (line["event"], line["kind"], line["status"]) == ("join_refused", kind, status)
    assert "secret" not in str(line)


def test_a_refusal_says_whose_and_where_it_is_once_that_is_known(caller, lines):
    conversation = caller.post("/join", {"user_id": "ada"}).json["conversation_id"]
    caller.post("/join", {"room_url": ROOM, "user_id": "bob", "conversation_id": conversation})

    line = lines()[-1]
    assert (line["kind"], line["user_id"], line["room"]) == ("conversation-of-another", "bob", ROOM)


def test_a_join_without_a_key_is_a_line_as_well(caller, lines):
    caller.with_("not-a-key").post("/join", {})

    [line] = lines()
    assert (line["event"], line["kind"], line["status"]) == ("join_refused", "unauthorized", 401)


def test_nothing_else_is_logged_as_a_join(caller, lines):
    caller.post("/leave", {})
    caller.get("/rooms/local:stage")

    assert lines() == []
