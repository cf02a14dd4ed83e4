"""What was cleaned, in words, and the messages by which a client asks for it and is answered."""

import pytest

from greenroom.app.rooms.cleaning import CleanupMessage, in_words
from greenroom.app.rooms.requests.answers import Cleaned

RTVI = {
    "label": "rtvi-ai",
    "type": "client-message",
    "id": "m-7",
    "data": {"t": "room_cleanup", "d": {"timestamp": "2026-01-01T00:00:00Z"}},
}
PLAIN = {"type": "room_cleanup", "timestamp": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("cleaned", "words"),
    [
        (Cleaned(), "nothing was under way; all turns are written"),
        (
            Cleaned(True, 1, 2, read_anew=["memory", "assistant"]),
            "cancelled the answer, 1 tool, 2 background tasks; all turns are written; read anew: memory, assistant",
        ),
        (
            Cleaned(tools=2, is_awaited=False, is_written=False),
            "cancelled 2 tools; some of it had not ended a second later; some turns are still to be written",
        ),
    ],
)
def test_what_was_cleaned_is_told_in_words(cleaned, words):
    assert in_words(cleaned) == words


def test_a_client_is_answered_in_the_form_in_which_it_asked():
    done = {"timestamp": "2026-01-01T00:00:00Z", "cleaned": {"tools": 1}}

    assert CleanupMessage.of(PLAIN).answer({"tools": 1}) == {"type": "room_cleaned", **done}
    answer = CleanupMessage.of(RTVI).answer({"tools": 1})
    assert (answer["type"], answer["id"], answer["data"]) == (
        "server-response",
        "m-7",
        {"t": "room_cleanup", "d": done},
    )


def test_a_client_is_refused_in_the_form_in_which_it_asked():
    assert CleanupMessage.of(PLAIN).refusal("No.")["error"] == "No."
    refusal = CleanupMessage.of(RTVI).refusal("No.")
    assert (refusal["type"], refusal["id"], refusal["data"]) == ("error-response", "m-7", {"error": "No."})


@pytest.mark.parametrize(
    "message",
    [
        None,
        "room_cleanup",
        [],
        {"type": "send-text", "data": {"t": "room_cleanup"}},
        {"type": "client-message"},
        {"type": "client-message", "data": {"t": "other"}},
        {"type": "client-message", "data": "room_cleanup"},
    ],
)
def test_other_messages_are_no_such_wish(message):
    assert CleanupMessage.of(message) is None


@pytest.mark.parametrize("timestamp", [None, {}, [], True and {"deep": 1}])
def test_a_wish_without_a_timestamp_is_one_all_the_same(timestamp):
    assert CleanupMessage.of({"type": "room_cleanup", "timestamp": timestamp}) == CleanupMessage(None)


def test_a_timestamp_is_kept_short():
    assert len(CleanupMessage.of({"type": "room_cleanup", "timestamp": "x" * 5000}).timestamp) == 64
