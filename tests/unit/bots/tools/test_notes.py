"""Notes as a model writes and reads them: those of the person to whom it talks, shown to everybody in the room."""

import json

import pytest

from greenroom.app.rooms.notes import LONGEST_NOTE, LONGEST_TITLE, Note
from greenroom.app.rooms.room_states import SHOWN_HOLDS
from tests.fakes.tools import Hands

pytestmark = pytest.mark.anyio
SHOWN = {"id": "groceries", "title": "Groceries", "text": "milk", "is_cut": False}


@pytest.fixture
def hands():
    return Hands()


async def test_a_note_is_kept_and_shown(hands):
    assert await hands.use("write_note", title="Groceries", text="milk") == {
        "written": "Groceries",
        "text": "milk",
    }

    assert hands.notes.find("main", "ann", "groceries") == Note("Groceries", "milk")
    assert hands.is_open == {"active_note": SHOWN}
    assert hands.told[-1]["active_note"] == {"value": SHOWN, "owner": "ann"}
    assert hands.commands == [
        ("navigate", {"view": "note", "params": {"id": "groceries", "title": "Groceries"}})
    ]


async def test_more_goes_behind_what_stands_there(hands):
    await hands.use("write_note", title="Groceries", text="milk")
    await hands.use("write_note", title="groceries", text="eggs", add=True)

    assert hands.is_open["active_note"]["text"] == "milk\neggs"


async def test_a_note_is_read_opened_and_closed(hands):
    hands.notes.write("main", "ann", Note("Groceries", "milk"), conversation_id="c", at_ms=1)

    assert await hands.use("read_note") == {"titles": ["Groceries"]}
    assert await hands.use("read_note", title="GROCERIES") == {"title": "Groceries", "text": "milk"}
    assert hands.is_open == {}
    assert (await hands.use("open_note", title="groceries"))["opened"] == "Groceries"
    assert hands.is_open == {"active_note": SHOWN}
    await hands.use("close_note")
    assert hands.is_open == {} and hands.told[-1]["active_note"] is None


async def test_a_person_s_notes_are_read_to_nobody_else(hands):
    hands.notes.write("main", "ann", Note("Diary", "the canary sings"), conversation_id="c", at_ms=1)

    for arguments in ({"title": "Diary"}, {"title": "diary"}):
        told = [await hands.use(each, person="ben", **arguments) for each in ("read_note", "open_note")]
        assert "canary" not in str(told) and all("error" in each for each in told)
    assert await hands.use("read_note", person="ben") == {"titles": []}
    assert hands.is_open == {}


async def test_an_unknown_note_is_answered_with_those_there_are(hands):
    hands.notes.write("main", "ann", Note("Groceries", "milk"), conversation_id="c", at_ms=1)

    assert "Groceries" in (await hands.use("read_note", title="Shopping"))["error"]


async def test_a_guest_s_note_is_shown_and_not_kept(hands):
    result = await hands.use("write_note", person="guest-1f", title="Groceries", text="milk")
    await hands.use("write_note", person="guest-1f", title="Groceries", text="eggs", add=True)

    assert result == {"written": "Groceries", "kept": False} and hands.notes.kept == {}
    assert hands.is_open["active_note"]["text"] == "milk\neggs"
    assert (await hands.use("read_note", person="guest-1f", title="groceries"))["text"] == "milk\neggs"
    assert "error" in await hands.use("read_note", person="guest-2e", title="groceries")


@pytest.mark.parametrize(
    "arguments",
    [
        {"title": "", "text": "milk"},
        {"title": " \n ", "text": "milk"},
        {"title": "Groceries", "text": "\t\n"},
        {"title": "x" * (LONGEST_TITLE + 1), "text": "milk"},
        {"title": "Groceries", "text": "x" * (LONGEST_NOTE + 1)},
        {"title": "Gro\x00ceries", "text": "milk"},
        {"title": "Groceries", "text": "milk\x1b[2J"},
        {"title": "Groceries", "text": "\u202ekilm"},
        {"title": "Groceries", "text": "milk", "user_id": "ben"},
        {"title": "Groceries", "text": {"html": "<b>"}},
        {"title": "\ud800", "text": "milk"},
    ],
)
async def test_hostile_notes_are_refused_and_nothing_is_kept(hands, arguments):
    assert "error" in await hands.use("write_note", **arguments)
    assert hands.notes.kept == {} and hands.is_open == {}


@pytest.mark.parametrize("letter", ["x", "ä", "😀"])
async def test_of_a_long_note_as_much_is_shown_as_clients_can_be_sent(hands, letter):
    text = letter * LONGEST_NOTE
    await hands.use("write_note", title="ä" * LONGEST_TITLE, text=text)

    shown = hands.is_open["active_note"]
    assert len(json.dumps(shown)) < SHOWN_HOLDS
    assert text.startswith(shown["text"]) and len(shown["text"]) > 100
    assert shown["is_cut"] == (shown["text"] != text)
    assert hands.notes.find("main", "ann", "ä" * LONGEST_TITLE).text == text


async def test_a_note_that_would_grow_too_long_is_refused(hands):
    await hands.use("write_note", title="Groceries", text="x" * LONGEST_NOTE)

    assert "2000" in (await hands.use("write_note", title="Groceries", text="y", add=True))["error"]
