"""Facts are learnt from the calls that a model makes, once each, and of whom they are about."""

import json
from dataclasses import replace

import pytest

from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.conversations.memory import SqlMemory, recollection
from greenroom.app.conversations.tables import facts
from greenroom.app.rooms.archive import Delivery, Report
from greenroom.app.rooms.conversations import ToolCall
from greenroom.app.rooms.memory import FACTS_KEPT, FORGOTTEN
from tests.rigs.makers import a_brief, a_session
from tests.sql.worlds import HERE, a_batch, a_turn, rows


@pytest.fixture
def archive(database):
    return SqlArchive(database)


@pytest.fixture
def keep(archive):
    def kept(*turns, session_id="a-session", **more):
        deliveries = tuple(Delivery(turn, session_id, 7) for turn in turns)
        archive.keep_turns([replace(a_batch(0, **more), deliveries=deliveries)])

    return kept


def a_call(number, tool, *, at=None, **arguments):
    """A turn in which the model calls a tool."""
    person = arguments.pop("person", None)
    call = ToolCall(f"call-{number}", tool, json.dumps(arguments))
    at = number if at is None else at
    return a_turn(number, "", role="assistant", tool_calls=(call,), person=person, started_ms=at, ended_ms=at)


def remembers(number, key, text, **more):
    return a_call(number, "remember", key=key, text=text, **more)


@pytest.fixture
def known(database):
    """The facts that a bot is told of a user."""

    def told(user_id="ann"):
        with database.reading() as connection:
            found = recollection(connection, "main", user_id, besides="another").facts
        return {fact.key: fact.text for fact in found}

    return told


def test_what_a_model_remembers_is_known_with_where_it_was_said(keep, known, database):
    keep(a_turn(0), remembers(1, "name", "Alice"), remembers(3, "dog", "Rex"))

    assert known() == {"name": "Alice", "dog": "Rex"}
    (row,) = [row for row in rows(database, facts) if row["key"] == "name"]
    assert row == {
        "tenant": "main",
        "user_id": "ann",
        "key": "name",
        "text": "Alice",
        "conversation_id": HERE,
        "sequence": 2,
        "created_ms": 1,
        "updated_ms": 1,
    }


def test_a_later_fact_takes_the_place_of_an_earlier_one_in_whichever_order_they_come(keep, known):
    keep(remembers(5, "name", "Alice"))
    keep(remembers(7, "name", "Alicia"), conversation_id="another")
    keep(remembers(6, "name", "Ally"))

    assert known() == {"name": "Alicia"}


def test_a_turn_that_is_delivered_again_brings_back_nothing_that_was_forgotten(keep, known):
    keep(remembers(1, "name", "Alice"), remembers(2, "dog", "Rex"))
    keep(a_call(3, "forget", key="Name"))
    keep(remembers(1, "name", "Alice"))

    assert known() == {"dog": "Rex"}


def test_everything_can_be_forgotten_and_what_comes_after_is_remembered(keep, known):
    keep(remembers(1, "name", "Alice"), remembers(2, "dog", "Rex"), a_call(3, "forget", key="everything"))
    assert known() == {}

    keep(remembers(4, "name", "Anna"))
    assert known() == {"name": "Anna"}


def test_who_asks_to_be_forgotten_is_not_quoted_with_what_they_had_said(keep, database):
    keep(
        a_turn(0, "I am canary"),
        remembers(1, "name", "canary"),
        a_call(2, "forget", key="name"),
        a_turn(4, "later"),
    )

    told = SqlMemory(database).recall("main", "ann", besides="another")
    assert "later" in told
    assert "canary" not in told


def test_of_several_in_a_room_it_is_known_of_the_one_with_whom_the_model_talks(keep, known):
    keep(remembers(1, "name", "Bob", person="bob"), remembers(3, "name", "Ann", person="ann"))

    assert (known("bob"), known("ann")) == ({"name": "Bob"}, {"name": "Ann"})


def test_nothing_is_remembered_of_guests(keep, database):
    keep(remembers(1, "name", "Bob", person="guest-1f"))

    assert rows(database, facts) == []


def test_a_session_that_shall_have_no_memory_has_none_whatever_its_bot_asks(archive, keep, database):
    archive.keep_session(Report(a_session(brief=a_brief(user_id="ann", memory=False)), ()))
    keep(remembers(1, "name", "Alice"))
    keep(remembers(3, "dog", "Rex"), session_id="another", conversation_id="another")

    assert [row["key"] for row in rows(database, facts)] == ["dog"]


def test_so_many_are_kept_and_the_oldest_goes(keep, known, database):
    keep(
        a_call(0, "forget", key="x"),
        *(remembers(number, f"key {number}", "x") for number in range(1, FACTS_KEPT + 4)),
    )

    kept = {row["key"] for row in rows(database, facts)}
    assert kept == {FORGOTTEN, *(f"key {number}" for number in range(4, FACTS_KEPT + 4))}
