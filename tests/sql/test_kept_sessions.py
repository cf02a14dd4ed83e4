"""What came of a session, while Redis knows it and when it does not any more."""

import pytest

from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.conversations.sessions import SqlKeptSessions
from greenroom.app.errors.sessions import NoSuchSession
from greenroom.app.rooms.creating import Create
from greenroom.app.rooms.flushing import Flusher
from greenroom.app.rooms.histories import Histories
from greenroom.app.rooms.session_events import Happened, Note, ReadEvents
from greenroom.app.rooms.sessions import Reason, State, Transition
from greenroom.app.storage import keys
from tests.rigs.makers import a_session
from tests.sql.worlds import HERE, say


class Gone:
    """A database that must not be asked."""

    def find(self, session_id):
        raise AssertionError

    def events(self, session_id):
        raise AssertionError


def a_life(ledger):
    ledger.run(Create(a_session(user_id="ann", conversation_id=HERE)))
    for state in (State.JOINING, State.LIVE):
        ledger.run(Transition("a-session", state, 7))
    ledger.run(Note("a-session", "person_arrived", 7, person="ann"))
    for happened in (Happened.CONVERSATION_BEGUN, Happened.TURNS_RESTORED, Happened.TURN_UNKEPT):
        who = "ann" if happened is Happened.CONVERSATION_BEGUN else None
        ledger.run(Note("a-session", happened, 7, "so", who, conversation_id="a-talk", sequence=3))
    for number in range(3):
        say(ledger, number)


def end(ledger):
    ledger.run(Note("a-session", "person_left", 7, person="ann"))
    ledger.run(Transition("a-session", State.ENDED, 7, reason=Reason.LEFT))


def test_a_session_is_told_with_its_messages_its_time_and_its_people_without_the_database(ledger):
    a_life(ledger)
    histories = Histories(ledger, Gone())

    told = histories.tell("a-session")
    assert (told.message_count, [(who.identity, who.left_ms) for who in told.people]) == (3, [("ann", None)])
    end(ledger)
    told = histories.tell("a-session")
    assert told.duration_ms == told.session.updated_ms - told.session.created_ms
    assert told.people[0].left_ms is not None


def test_what_redis_does_not_know_any_more_is_told_the_same_from_the_database(ledger, server, database):
    a_life(ledger)
    end(ledger)
    Flusher(ledger, SqlArchive(database)).flush()
    histories = Histories(ledger, SqlKeptSessions(database))
    before, happened = histories.tell("a-session"), ledger.run(ReadEvents("a-session"))
    server.delete(keys.session("a-session"), keys.events("a-session"))

    after = histories.tell("a-session")

    assert (after.message_count, after.duration_ms, list(after.people)) == (
        before.message_count,
        before.duration_ms,
        list(before.people),
    )
    same = ("id", "room", "brief", "epoch", "conversation_id", "state", "reason", "created_ms", "updated_ms")
    assert [getattr(after.session, name) for name in same] == [getattr(before.session, name) for name in same]
    assert histories.events("a-session") == happened


@pytest.mark.parametrize("name", ["a-session", "a\0session"])
def test_a_session_that_nobody_knows_is_told_as_none(ledger, database, name):
    histories = Histories(ledger, SqlKeptSessions(database))

    for tell in (histories.tell, histories.events):
        with pytest.raises(NoSuchSession):
            tell(name)


def test_a_session_of_another_tenant_is_nobody_s(ledger, server, database):
    a_life(ledger)
    Flusher(ledger, SqlArchive(database)).flush()

    assert SqlKeptSessions(database, "acme").find("a-session") is None
    assert SqlKeptSessions(database, "acme").events("a-session") == []
