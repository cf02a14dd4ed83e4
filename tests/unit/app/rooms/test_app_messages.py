"""A client's message, however it is put, is the request that a server would send, in the name of its sender."""

import pytest

from greenroom.app.errors.bots import TooManyAppMessages
from greenroom.app.rooms.app_messages import A_MINUTE, MINUTE, AppMessage, Rate
from greenroom.app.rooms.bodies import to_body
from greenroom.app.rooms.requests.answers import Done, WhatIsOpen
from greenroom.app.rooms.requests.from_apps import AppEvent, OpenThing, Thing, UserMessage

NOTE = {"id": "n-7", "title": "Groceries"}


def rtvi(name, **body):
    return {"label": "rtvi-ai", "type": "client-message", "id": "42", "data": {"t": name, "d": body}}


def test_rtvi_s_client_message_is_read_and_answered_as_one():
    message = AppMessage.of(rtvi("room_open", what="note", value=NOTE))

    assert message.request("ann") == OpenThing(Thing.NOTE, NOTE, "ann")
    assert message.answer(to_body(WhatIsOpen({"active_note": None}))) == {
        "label": "rtvi-ai",
        "type": "server-response",
        "id": "42",
        "data": {"t": "room_open", "d": {"state": {"active_note": None}}},
    }
    refusal = message.refusal("No.")
    assert (refusal["type"], refusal["id"], refusal["data"]) == ("error-response", "42", {"error": "No."})


def test_a_plain_message_is_read_and_answered_as_one():
    message = AppMessage.of({"type": "user-message", "content": "Hello.", "timestamp": 7})

    assert message.request("ann") == UserMessage("Hello.", 7, "ann")
    assert message.answer(to_body(Done())) == {"type": "user-message_done", "timestamp": "7"}
    assert message.refusal("No.") == {"type": "user-message_refused", "timestamp": "7", "error": "No."}


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        "user-message",
        {},
        {"type": ["user-message"]},
        {"type": "client-message"},
        {"type": "client-message", "data": {"t": "theirs", "d": {}}},
        {"type": "client-message", "data": {"t": ["room_open"]}},
        {"label": "rtvi-ai", "type": "send-text", "data": {"content": "room_open"}},
        {"type": "offer"},
        {"type": "leave", "reason": "left"},
    ],
)
def test_what_is_none_of_these_is_left_to_the_bot(message):
    assert AppMessage.of(message) is None


def test_whose_message_it_is_says_the_room_and_nobody_else():
    with pytest.raises(ValueError, match="the room says"):
        AppMessage.of(rtvi("app_event", event="page_opened", person="bob")).request("ann")

    assert AppMessage.of(rtvi("app_event", event="page_opened")).request("ann") == AppEvent(
        "page_opened", None, "ann"
    )


@pytest.mark.parametrize(
    "data", [{"t": "room_open"}, {"t": "room_open", "d": 7}, {"t": "room_open", "d": {}}]
)
def test_one_that_cannot_be_read_is_ours_still(data):
    message = AppMessage.of({"type": "client-message", "id": "1" * 999, "data": data})

    with pytest.raises(ValueError, match=r"what|value"):
        message.request("ann")
    assert message.refusal("No.")["id"] == "1" * 64


def test_sixty_messages_in_a_minute_and_each_person_by_themselves():
    rate = Rate()
    for at in range(A_MINUTE):
        rate.count("ann", at * 0.1)

    with pytest.raises(TooManyAppMessages):
        rate.count("ann", 30)
    rate.count("bob", 30)
    rate.count("ann", MINUTE)
    with pytest.raises(
        TooManyAppMessages
    ):  # those that were refused are not counted, and those that were are
        rate.count("ann", MINUTE)


def test_who_has_left_is_not_remembered():
    rate = Rate()
    for number in range(1000):
        rate.count(f"guest-{number}", 0)
        rate.forget({f"guest-{number}"})

    assert len(rate._sent) == 1
