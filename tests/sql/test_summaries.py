"""Summaries are written once, of what is new, of its owner's words alone, and of nothing that is to be forgotten."""

import pytest

from greenroom.app.conversations.archive import SqlArchive
from greenroom.app.conversations.memory import SqlMemory
from greenroom.app.conversations.summaries import SqlSummaries
from greenroom.app.conversations.tables import conversations, summaries
from greenroom.app.rooms.archive import Batch, Delivery, Report, Unkept
from greenroom.app.rooms.conversations import SUMMARY, SumsUp
from greenroom.app.rooms.memory import Said
from greenroom.app.rooms.sessions import State
from greenroom.app.rooms.summarising import Extract, summarise
from tests.rigs.makers import a_brief, a_session
from tests.sql.test_facts import a_call
from tests.sql.worlds import HERE, a_batch, a_turn, kept, rows


@pytest.fixture
def keep(database):
    archive = SqlArchive(database)

    def keep(*turns, whose="ann", conversation_id=HERE):
        deliveries = tuple(Delivery(turn, "a-session", 7) for turn in turns)
        archive.keep_turns([Batch(conversation_id, "main", whose, deliveries)])

    return keep


class Counting:
    """Writes how many turns it was given, and what it knew."""

    model = "counting"

    def __init__(self):
        self.talks = []

    def write(self, talk):
        self.talks.append(talk)
        return f"{len(talk.turns)} after {talk.before or 'nothing'}"


@pytest.fixture
def writer():
    return Counting()


@pytest.fixture
def store(database):
    return SqlSummaries(database)


def test_a_summary_is_written_once_and_the_next_bot_is_told_of_it(keep, store, writer, database):
    keep(*(a_turn(number, f"words {number}") for number in range(4)))

    assert [summarise("main", HERE, store, writer) for _ in range(2)] == [True, False]
    (row,) = rows(database, summaries)
    assert row == {
        "tenant": "main",
        "conversation_id": HERE,
        "up_to": 4,
        "text": "4 after nothing",
        "model": "counting",
        "created_ms": 3,
    }
    assert "4 after nothing" in SqlMemory(database).recall("main", "ann", besides="another")


def test_the_next_one_is_written_of_the_one_before_and_what_was_said_since(keep, store, writer):
    keep(*(a_turn(number) for number in range(4)))
    summarise("main", HERE, store, writer)
    keep(a_turn(4, "and then"), a_turn(5))

    assert summarise("main", HERE, store, writer)
    assert (writer.talks[1].before, writer.talks[1].turns[0]) == ("4 after nothing", Said("user", "and then"))


def test_of_several_in_a_room_the_owner_is_told_of(keep, store):
    keep(
        a_turn(0, "mine", person="ann"),
        a_turn(1, "to ann", person="ann"),
        a_turn(2, "canary", person="bob"),
        a_turn(4, "mine too", person="ann"),
    )

    assert [said.content for said in store.talk("main", HERE).turns] == ["mine", "to ann", "mine too"]


def test_what_is_to_be_forgotten_is_not_summed_up(keep, store, writer, database):
    keep(*(a_turn(number, f"canary {number}") for number in range(4)))
    summarise("main", HERE, store, writer)
    keep(a_call(5, "forget", key="everything"), a_turn(6, "after it"), a_turn(8, "and more"))

    assert "after nothing" not in SqlMemory(database).recall("main", "ann", besides="another")
    talk = store.talk("main", HERE)
    assert (talk.before, [said.content for said in talk.turns]) == ("", ["after it", "and more"])


def test_of_a_guest_and_of_a_conversation_that_is_not_there_there_is_none(keep, store):
    keep(*(a_turn(number) for number in range(4)), whose="guest-1f")

    assert store.talk("main", HERE) is None
    assert store.talk("main", "no-such") is None


def test_a_conversation_that_was_erased_meanwhile_has_none(keep, store, database):
    keep(*(a_turn(number) for number in range(4)))
    talk = store.talk("main", HERE)
    with database.writing() as connection:
        connection.execute(conversations.delete())

    store.keep("main", HERE, talk, "canary", "m")
    assert rows(database, summaries) == []


def test_the_demo_extracts_what_the_person_said(keep, store, database):
    keep(a_turn(0, "I have a dog"), a_turn(1, "Nice."), a_turn(2, "His name is\nRex!"))

    assert summarise("main", HERE, store, Extract())
    assert "The person said: I have a dog. His name is Rex!" in SqlMemory(database).recall(
        "main", "ann", besides="x"
    )


def test_a_greeting_is_not_worth_a_summary(keep, store, writer):
    keep(a_turn(0, "Hello"), a_turn(1, "Hi."))

    assert not summarise("main", HERE, store, writer)


def a_summary(number, up_to, text="in short", **facts):
    """As a bot writes it during the call; it tells from the conversation's beginning on."""
    usual = {"role": SUMMARY, "started_ms": 0, "ended_ms": up_to - 1, "sums_up": SumsUp(up_to, "the-model")}
    return a_turn(number, text, **{**usual, **facts})


def test_what_a_bot_sums_up_in_the_call_is_kept_as_a_summary_and_is_no_turn(keep, database):
    keep(*(a_turn(number) for number in range(4)), a_summary(4, 2))
    keep(a_summary(4, 2))  # delivered twice

    assert kept(database) == ["turn-0", "turn-1", "turn-2", "turn-3"]
    (row,) = rows(database, summaries)
    assert (row["up_to"], row["text"], row["model"], row["created_ms"]) == (2, "in short", "the-model", 1)
    (conversation,) = rows(database, conversations)
    assert (conversation["turn_count"], conversation["last_ms"]) == (4, 3)


def test_the_summary_at_the_end_is_written_of_it_and_of_what_was_said_since(keep, store, writer):
    keep(*(a_turn(number, f"words {number}") for number in range(4)), a_summary(4, 2))

    assert summarise("main", HERE, store, writer)
    (talk,) = writer.talks
    assert (talk.before, [said.content for said in talk.turns]) == ("in short", ["words 2", "words 3"])


@pytest.mark.parametrize("forgotten_at", [1, 5])
def test_what_a_bot_sums_up_of_what_is_to_be_forgotten_is_told_to_nobody(keep, store, database, forgotten_at):
    forget = a_call(forgotten_at, "forget", key="everything")
    keep(a_turn(0, "canary"), *([forget] if forgotten_at < 4 else []), a_turn(2), a_summary(4, 3, "canary"))
    keep(*([forget] if forgotten_at > 4 else []), a_turn(6, "later"), a_turn(8, "and more"))

    assert "canary" not in SqlMemory(database).recall("main", "ann", besides="another")
    assert "canary" not in store.talk("main", HERE).as_text()


@pytest.mark.parametrize(("person", "whose"), [("bob", "ann"), (None, "guest-1f"), (None, "")])
def test_a_bot_s_summary_of_anybody_but_the_owner_is_not_kept(keep, database, person, whose):
    keep(a_turn(0), a_summary(1, 1, person=person), whose=whose)

    assert rows(database, summaries) == []


def test_a_summary_that_a_replaced_bot_wrote_is_refused(database):
    archive = SqlArchive(database)
    archive.keep_turns([a_batch(0, by=9)])
    late = Batch(HERE, "main", "ann", (Delivery(a_summary(4, 1), "a-session", 7),))

    (refusal,) = archive.keep_turns([late])
    assert refusal.why is Unkept.LATE
    assert rows(database, summaries) == []


@pytest.fixture
def keep_session(database):
    """Keeps the session in which everything is said here."""

    def keep(**brief):
        session = a_session(brief=a_brief(user_id="ann", **brief), state=State.ENDED)
        assert SqlArchive(database).keep_session(Report(session, ())) is None

    return keep


def test_all_conversations_that_a_session_has_had_are_known_but_a_guest_s(keep, store):
    keep(a_turn(0), whose="ann")
    keep(a_turn(1), whose="guest-1f", conversation_id="of-a-guest")
    keep(a_turn(2), whose="bob", conversation_id="another")

    assert store.of_session("main", "a-session") == [HERE, "another"]
    assert store.of_session("main", "no-such") == []


def test_what_no_summary_tells_of_is_found_until_one_does(keep, keep_session, store, writer):
    keep(*(a_turn(number) for number in range(4)))
    keep_session()

    assert store.lacking(0, 100) == [("main", HERE)]
    assert store.lacking(0, 3) == []  # somebody may be writing it
    assert store.lacking(4, 100) == []  # it is too long ago
    summarise("main", HERE, store, writer)
    assert store.lacking(0, 100) == []
    keep(a_turn(5, "a word of the bot's"))
    assert store.lacking(0, 100) == []
    keep(a_turn(6, "and one of hers"))
    assert store.lacking(0, 100) == [("main", HERE)]


@pytest.mark.parametrize(
    ("whose", "turns", "brief"), [("ann", 4, {"memory": False}), ("Guest-1f", 4, {}), ("ann", 2, {})]
)
def test_what_is_worth_no_summary_is_not_looked_for(keep, keep_session, store, whose, turns, brief):
    keep(*(a_turn(number) for number in range(turns)), whose=whose)
    keep_session(**brief)

    assert store.lacking(0, 100) == []


def test_a_conversation_that_was_erased_is_done(store, writer):
    """Its task comes after the erasure."""
    assert not summarise("main", HERE, store, writer)
    assert writer.talks == []
