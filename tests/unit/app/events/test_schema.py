"""One table of the types of events, and an event as it is told."""

from pathlib import Path

import pytest

from greenroom.app.events.schema import BASE, TYPES, Event
from greenroom.app.rooms.session_events import Happened
from greenroom.app.rooms.sessions import State
from greenroom.app.rooms.told import Entry

OF_THE_SEED = {
    "voice.session.start",
    "voice.session.end",
    "voice.speech.start",
    "voice.speech.end",
    "voice.transcript",
    "voice.audio.level",
    "voice.bot.speaking",
    "voice.error",
}
FIELDS = {
    "type": "conversation.turn",
    "session": "s",
    "room": "local:stage",
    "tenant": "main",
    "user": "ada",
    "epoch": "1795871748347121",
    "sequence": "3",
    "history": "",
    "conversation": "c",
    "turn": "7",
    "role": "user",
    "interrupted": "1",
    "person": "bob",
}
TURN = Event.of(Entry("1795871748347-2", False, FIELDS))


def test_the_eight_of_voice_sessions_are_there_and_people_rooms_and_turns():
    assert OF_THE_SEED | {"participant.joined", "participant.left", "room.state", "conversation.turn"} <= set(
        TYPES
    )


def test_every_state_and_whatever_else_a_history_tells_has_its_type():
    of_sessions = {f"session.{each}" for each in (*State, *Happened) if not each.startswith("person_")}

    assert {name for name in TYPES if name.startswith("session.")} == of_sessions


def test_the_table_is_frozen():
    with pytest.raises(TypeError):
        TYPES["session.new"] = TYPES["session.live"]


def test_no_type_has_a_fact_for_words():
    facts = {fact for each in TYPES.values() for fact in each.facts}

    assert facts & {"text", "content", "words", "detail", "name"} == set()
    assert facts & set(BASE) == set()


def test_what_comes_often_is_heard_and_the_rest_is_told():
    assert {name for name, each in TYPES.items() if each.is_heard} == {
        "voice.speech.start",
        "voice.speech.end",
        "voice.transcript",
        "voice.audio.level",
        "voice.bot.speaking",
    }


def test_an_event_is_told_with_its_facts_as_what_they_are():
    assert TURN.as_json() == {
        "id": "1795871748347-2",
        "type": "conversation.turn",
        "time": "2026-11-28T13:15:48.347+00:00",
        "tenant": "main",
        "user": "ada",
        "room": "local:stage",
        "session": "s",
        "sequence": 3,
        "epoch": 1795871748347121,
        "conversation": "c",
        "turn": 7,
        "role": "user",
        "interrupted": True,
        "person": "bob",
    }


def test_a_browser_is_not_told_who_is_there():
    assert TURN.as_json(for_browser=True).keys() & {"tenant", "user", "person"} == set()


def test_what_is_heard_has_ids_of_its_own():
    fields = {**FIELDS, "type": "voice.speech.start"}

    assert Event.of(Entry("5-1", True, fields)).id != Event.of(Entry("5-1", False, fields)).id


def test_a_type_of_a_newer_version_is_told_as_it_is():
    event = Event.of(Entry("5-1", False, {"type": "session.dreaming", "session": "s", "of": "sheep"}))

    assert (event.type, event.facts) == ("session.dreaming", {"of": "sheep"})


def test_every_type_stands_in_the_docs_with_its_facts():
    """One row is for all that a session's history has."""
    page = (Path(__file__).parents[4] / "docs" / "events.md").read_text()
    table = page[page.index("| type |") :].split("\n\n")[0]
    rows = {line.split("`")[1]: line for line in table.splitlines() if line.startswith("| `")}
    of_history = {name for name in TYPES if name.startswith("session.")}

    assert set(rows) - {"session.*"} == set(TYPES) - of_history
    for name, row in rows.items():
        facts = TYPES["session.live" if name == "session.*" else name].facts
        assert {fact for fact in facts if f"`{fact}`" not in row} == set(), name
