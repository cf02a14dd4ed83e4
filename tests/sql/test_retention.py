"""What is older than it may be goes, from both databases and from the disk."""

from datetime import timedelta

import pytest

from greenroom.app.conversations import personal
from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.conversations.retention import SqlRetention
from greenroom.app.conversations.tables import conversations, erasures, events, sessions, turns, users
from greenroom.app.rooms.archive import Batch, Delivery, Report
from greenroom.app.rooms.conversations import Turn
from greenroom.app.rooms.erasing import NOTED_FOR, Traces
from greenroom.app.rooms.session_events import Event
from greenroom.app.rooms.sessions import Reason, State
from tests.rigs.makers import a_session
from tests.sql.worlds import rows

DAY = 86_400_000
NOW = 1000 * DAY


@pytest.fixture
def archive(database):
    return SqlArchive(database)


def keep(archive, name, days_ago, *, count=1, content="words"):
    at_ms = NOW - days_ago * DAY
    said = [
        Turn(f"t-{days_ago}-{at}", "user", content, sequence=at, started_ms=at_ms, ended_ms=at_ms)
        for at in range(count)
    ]
    archive.keep_turns([Batch(name, "main", "ann", tuple(Delivery(turn, f"s-{name}", 7) for turn in said))])


def retain(database, days):
    return SqlRetention(database, timedelta(days=days) if days else None).forget_old(NOW)


def test_what_is_older_than_it_may_be_goes_and_the_rest_stays(archive, database):
    keep(archive, "old", 31)
    keep(archive, "taken-up", 31)
    keep(archive, "taken-up", 2)
    for name, days_ago in (("old", 31), ("new", 29)):
        ended = a_session(name, state=State.ENDED, reason=Reason.LEFT)
        at_ms = NOW - days_ago * DAY
        object.__setattr__(ended, "created_ms", at_ms)
        object.__setattr__(ended, "updated_ms", at_ms)
        archive.keep_session(Report(ended, (Event("1-1", at_ms, "ended", 7),)))

    gone = retain(database, 30)

    assert (gone["turns"], gone["sessions"], gone["events"]) == (1, 1, 1)
    assert "old" not in [row["id"] for row in rows(database, conversations)]
    assert {row["conversation_id"] for row in rows(database, turns)} == {"taken-up"}
    assert [row["id"] for row in rows(database, sessions)] == ["new"] and len(rows(database, events)) == 1
    assert rows(database, users)


def test_where_nothing_is_said_all_is_kept(archive, database):
    keep(archive, "old", 900)

    assert retain(database, 0).total() == 0
    assert rows(database, turns)


def test_who_was_erased_is_noted_for_as_long_as_something_of_theirs_may_come(database):
    kept = personal.SqlPersonal(database)
    month = int(NOTED_FOR / timedelta(milliseconds=1))
    kept.note_erased("ann", NOW - month - 1, Traces())
    kept.note_erased("ben", NOW - month, Traces())

    retain(database, 0)

    assert [row["at_ms"] for row in rows(database, erasures)] == [NOW - month]


def test_much_goes_in_short_transactions_and_the_file_gets_smaller(archive, database, tmp_path, monkeypatch):
    monkeypatch.setattr(personal, "ROWS_AT_ONCE", 50)
    keep(archive, "old", 31, count=200, content="a sentence that is said " * 200)
    database.overwrite_what_was_deleted()
    before = sum(path.stat().st_size for path in tmp_path.glob("greenroom.db*"))

    assert retain(database, 30)["turns"] == 200

    if database.is_sqlite:
        assert sum(path.stat().st_size for path in tmp_path.glob("greenroom.db*")) < before / 2
        written = b"".join(path.read_bytes() for path in tmp_path.glob("greenroom.db*"))
        assert b"a sentence that is said" not in written
