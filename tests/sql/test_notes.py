"""Notes are kept in SQL: each person's for themselves, of all of them as many as may be, and none of who was erased."""

from datetime import timedelta

import pytest

from greenroom.app.conversations.notes import SqlNotes
from greenroom.app.conversations.personal import SqlPersonal
from greenroom.app.conversations.retention import SqlRetention
from greenroom.app.conversations.tables import notes as table
from greenroom.app.errors.users import NoteTooLong, PersonErased
from greenroom.app.rooms.erasing import Traces
from greenroom.app.rooms.notes import LONGEST_NOTE, Note
from tests.fakes.notes import FakeNotes
from tests.sql.worlds import rows

GROCERIES = Note("Groceries", "milk")


class Fake:
    def __init__(self, _database):
        self.notes = FakeNotes()

    def erase(self, user_id, at_ms):
        self.notes.erased_ms["main", user_id] = at_ms


class Sql:
    def __init__(self, database):
        self.notes = SqlNotes(database)
        self._personal = SqlPersonal(database)

    def erase(self, user_id, at_ms):
        self._personal.note_erased(user_id, at_ms, Traces())


@pytest.fixture(params=[Fake, Sql])
def world(request, database):
    return request.param(database)


@pytest.fixture
def kept(world):
    return world.notes


def write(notes, note, at_ms=5, user_id="ann", **more):
    return notes.write("main", user_id, note, conversation_id="a-conversation", at_ms=at_ms, **more)


def test_a_note_is_found_by_its_title_in_whatever_capitals(kept):
    assert write(kept, GROCERIES) == GROCERIES

    assert kept.find("main", "ann", "  groceries ") == GROCERIES
    assert kept.find("main", "ann", "Shopping") is None


def test_a_later_one_takes_its_place_or_goes_behind_it(kept):
    write(kept, GROCERIES)
    write(kept, Note("groceries", "eggs"), at_ms=6, add=True)

    assert kept.find("main", "ann", "groceries") == Note("Groceries", "milk\neggs")
    assert write(kept, Note("Groceries", "bread"), at_ms=7) == kept.find("main", "ann", "groceries")
    assert kept.titles("main", "ann") == ["Groceries"]


def test_nobody_finds_a_note_of_another_person_or_tenant(kept):
    write(kept, GROCERIES)

    assert kept.find("main", "ben", "Groceries") is None and kept.titles("main", "ben") == []
    assert kept.find("other", "ann", "Groceries") is None


def test_the_newest_is_named_first_and_too_many_push_out_the_oldest(kept, monkeypatch):
    for module in ("greenroom.app.conversations.notes", "tests.fakes.notes"):
        monkeypatch.setattr(f"{module}.NOTES_KEPT", 2)
    for at_ms, title in enumerate(("One", "Two", "Three")):
        write(kept, Note(title, "text"), at_ms=at_ms)
    write(kept, GROCERIES, user_id="ben")

    assert kept.titles("main", "ann") == ["Three", "Two"]
    assert kept.titles("main", "ben") == ["Groceries"]


def test_a_note_that_grows_too_long_stays_as_it_was(kept):
    write(kept, GROCERIES)

    with pytest.raises(NoteTooLong):
        write(kept, Note("Groceries", "x" * LONGEST_NOTE), at_ms=6, add=True)
    assert kept.find("main", "ann", "Groceries") == GROCERIES


def test_what_was_on_its_way_when_its_owner_was_erased_is_not_kept(world, kept):
    world.erase("ann", 10)

    with pytest.raises(PersonErased):
        write(kept, GROCERIES, at_ms=10)
    assert kept.titles("main", "ann") == []
    write(kept, GROCERIES, at_ms=11)
    assert kept.titles("main", "ann") == ["Groceries"]


def test_what_no_database_takes_is_kept_as_it_can_be(database):
    kept = SqlNotes(database)

    write(kept, Note("A \0 note", "with \0"))

    assert kept.find("main", "ann", "a \0 note").text == "with \ufffd"


def test_notes_are_told_counted_and_erased_with_their_owner_and_with_nobody_else(database):
    kept, personal = SqlNotes(database), SqlPersonal(database)
    write(kept, GROCERIES)
    write(kept, Note("Shopping", "shoes"), user_id="ben")

    told = {name: list(of_a_table) for name, of_a_table in personal.rows("ann")}

    assert [row["text"] for row in told["notes"]] == ["milk"]
    assert personal.account("ann").counts["notes"] == 1
    assert personal.erase("ann")["notes"] == 1
    assert [row["user_id"] for row in rows(database, table)] == ["ben"]


def test_a_note_goes_when_it_was_written_last_longer_ago_than_is_kept(database):
    kept, day = SqlNotes(database), 86_400_000
    write(kept, GROCERIES, at_ms=1 * day)
    write(kept, Note("Shopping", "shoes"), at_ms=1 * day)
    write(kept, Note("Shopping", "socks"), at_ms=9 * day)

    SqlRetention(database, timedelta(days=5)).forget_old(10 * day)

    assert kept.titles("main", "ann") == ["Shopping"]
